internal import CheckpointFiles

/// A regular expression for keys.
///
/// The time of a match is at most proportional to the length of the expression times the length of the text, because
/// expressions and keys may come from files of strangers. Constructs that need backtracking use Swift's `Regex`
/// where the caller allows it.
struct KeyExpression: Sendable, Hashable {
  /// Where the text comes from.
  enum Trust {
    /// A user wrote it for this run: everything that `Regex` knows is allowed.
    case typed
    /// It was read from a file: only what is matched without backtracking is allowed.
    case read
  }

  /// Where a match must begin and end.
  enum Extent {
    /// From the first to the last scalar.
    case whole
    /// From the first scalar to anywhere.
    case prefix
    /// Anywhere.
    case anywhere
  }

  /// Not a regular expression, or not one that may come from a file.
  struct Failure: Error {
    let reason: String
  }

  private enum Engine {
    case linear(ExpressionProgram)
    case backtracking
  }

  /// The expression as it was written.
  let text: String
  private let engine: Engine

  /// - Throws: ``Failure`` when `text` is not an expression, or one that only backtracking can match and `trust` does
  ///   not allow that.
  init(_ text: String, _ trust: Trust) throws(Failure) {
    self.text = text
    do throws(ExpressionParser.Refusal) {
      var parser = ExpressionParser(text)
      let node = try parser.parse()
      engine = .linear(try ExpressionProgram(node, groupCount: parser.groupCount))
      return
    } catch {}
    do {
      _ = try Regex(text)
    } catch {
      throw Failure(
        reason: "not a regular expression: " + quoted("\(error)").dropFirst().dropLast())
    }
    guard trust == .typed else {
      throw Failure(
        reason: "a regular expression with look-around, references to groups, flags or over "
          + "\(ExpressionProgram.mostSteps) steps, which is not taken from a file")
    }
    engine = .backtracking
  }

  /// A matcher with its own memory, which is reused from text to text.
  func matcher(keepsGroups: Bool = false) -> Matcher {
    switch engine {
    case .linear(let program):
      Matcher(engine: .linear(ExpressionMachine(program, keepsSlots: keepsGroups)))
    case .backtracking:
      // It was compiled once before.
      Matcher(
        engine: .backtracking((try? Regex(text))?.matchingSemantics(.unicodeScalar)))
    }
  }

  static func == (a: KeyExpression, b: KeyExpression) -> Bool { a.text == b.text }

  func hash(into hasher: inout Hasher) { hasher.combine(text) }

  struct Matcher {
    fileprivate enum Engine {
      case linear(ExpressionMachine)
      case backtracking(Regex<AnyRegexOutput>?)
    }

    fileprivate var engine: Engine
  }
}

extension KeyExpression.Matcher {
  /// Whether `text` matches.
  mutating func matches(_ text: String, _ extent: KeyExpression.Extent) -> Bool {
    groups(of: text, extent) != nil
  }

  /// Where in `text` the preferred match is; for a matcher that keeps groups.
  mutating func range(in text: String, _ extent: KeyExpression.Extent) -> Range<String.Index>? {
    groups(of: text, extent)?.first ?? nil
  }

  /// The preferred match and its groups; `nil` in place of a group that took no part, and for all when nothing
  /// matches.
  mutating func groups(
    of text: String, _ extent: KeyExpression.Extent
  ) -> [Range<String.Index>?]? {
    switch engine {
    case .linear(var machine):
      // Emptied, so that the machine's memory is its own while it works.
      engine = .backtracking(nil)
      defer { engine = .linear(machine) }
      guard let slots = machine.match(text, extent) else { return nil }
      return ranges(slots, in: text)
    case .backtracking(let regex):
      let match =
        switch extent {
        case .whole: try? regex?.wholeMatch(in: text)
        case .prefix: try? regex?.prefixMatch(in: text)
        case .anywhere: try? regex?.firstMatch(in: text)
        }
      return match.map { $0.output.map(\.range) }
    }
  }

  private func ranges(_ slots: [Int], in text: String) -> [Range<String.Index>?] {
    let scalars = text.unicodeScalars
    return stride(from: 0, to: slots.count, by: 2).map { index in
      guard slots[index] >= 0, slots[index + 1] >= slots[index] else { return nil }
      let start = scalars.index(scalars.startIndex, offsetBy: slots[index])
      return start..<scalars.index(start, offsetBy: slots[index + 1] - slots[index])
    }
  }
}
