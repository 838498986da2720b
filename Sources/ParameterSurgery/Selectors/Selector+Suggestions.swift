internal import CheckpointFiles

extension Selector {
  /// What is matched; an error that says what is there instead when that is nothing, or when a listed
  /// index exists nowhere.
  func matchOrExplain(in tree: some SelectableTree) throws(SurgeryError) -> SelectorMatch {
    let match = try match(in: tree)
    if match.absent.isEmpty, !match.entries.isEmpty { return match }
    throw try explanation(in: tree.parameterTree)
  }

  /// Why the selector does not select what it should, with what is there instead.
  private func explanation(in tree: ParameterTree) throws(SurgeryError) -> SurgeryError {
    let match = try match(in: tree)
    let hints = hints(match, tree)
    return .matchesNothing(
      text, isPartly: !match.entries.isEmpty, nearest: hints.nearest, hints: hints.sentences)
  }

  /// What helps a user whose selector selects nothing.
  private struct Hints {
    /// What the checkpoint has instead.
    var sentences: [String]
    /// Selectors that select something and resemble the typed one, best first.
    var nearest: [String] = []
  }

  private func hints(_ match: SelectorMatch, _ tree: ParameterTree) -> Hints {
    if tree.entries.isEmpty { return Hints(sentences: ["the checkpoint has no tensors"]) }
    if let absence = match.absent.first(where: \.isRow) {
      return Hints(sentences: [rowHint(absence.node, tree) + ", and no row \(absence.index)"])
    }
    if !match.unfiltered.isEmpty, match.absent.isEmpty {
      return Hints(sentences: [filterHint(match, tree)])
    }
    return switch pattern {
    case .regex(let expression, _): Hints(sentences: regexHints(expression, tree))
    case .paths(let paths): pathHints(paths, tree)
    }
  }

  private func pathHints(_ paths: [[Step]], _ tree: ParameterTree) -> Hints {
    let path =
      paths.first { Suggester(tree: tree, path: $0).firstDeadEnd != nil } ?? paths.first ?? []
    if let tensor = emptyRows(path, tree) { return Hints(sentences: [rowHint(tensor, tree)]) }
    let suggester = Suggester(tree: tree, path: path)
    let suffix = filters.map(\.spelling).joined()
    // Near is not enough: what is suggested selects something.
    func selecting(_ spellings: [String]) -> [String] {
      spellings.map { $0 + suffix }.filter { suggestion in
        (try? Selector(suggestion).match(in: tree).entries.isEmpty) == false
      }
    }
    let nearest = selecting(suggester.nearest())
    let deeper = nearest.isEmpty ? selecting(suggester.deeper().map { [$0] } ?? []) : []
    var hints: [String] = []
    if !nearest.isEmpty {
      hints.append("did you mean \(nearest.map(ticked).joined(separator: " or "))?")
    } else if let deeper = deeper.first {
      hints.append("did you mean \(ticked(deeper))? `*` stays inside a component")
    }
    if let name = unbracketedFilter { hints.append("a filter has brackets, such as \(name)") }
    if let place = suggester.whatIsThere(always: nearest.isEmpty) { hints.append(place) }
    if nearest.isEmpty, text.contains(where: { "\\^$+|".contains($0) }) || text.contains(".*") {
      hints.append("a regular expression is written /…/")
    }
    // The question mark ends a sentence.
    if hints.count > 1, hints[0].hasSuffix("?") {
      hints = [hints[0] + " " + hints[1]] + hints.dropFirst(2)
    }
    return Hints(sentences: hints, nearest: nearest + deeper)
  }

  /// A filter with something in its brackets, when its name is in the selector without brackets.
  private var unbracketedFilter: String? {
    let examples = [
      "rank": ":rank(1)", "dtype": ":dtype(BF16)", "numel": ":numel(>1M)", "shape": ":shape(*,768)",
      "role": ":role(bias)",
    ]
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).dropFirst()
    return parts.lazy.compactMap { examples[String($0)] }.first
  }

  /// The tensor of which the path takes rows, and takes none.
  private func emptyRows(_ path: [Step], _ tree: ParameterTree) -> Int? {
    guard case .index = path.last,
      let match = try? Selector(
        text: text, isNegated: false, pattern: .paths([Array(path.dropLast())]), filters: []
      ).match(in: tree)
    else { return nil }
    for entry in match.entries {
      if let node = tree.record(at: tree.entries[entry].key), tree.records[node].firstChild == nil,
        match.entries.count == 1
      {
        return node
      }
    }
    return nil
  }

  private func rowHint(_ node: Int, _ tree: ParameterTree) -> String {
    let name = ticked(tree.path(of: node).string)
    let entry = tree.records[node].entry ?? tree.depthFirst[tree.records[node].range].first
    guard let entry else { return "\(name) has no rows" }
    let info = tree.entries[entry]
    guard let count = info.rowCount else {
      return "\(ticked(info.key.string)) is a scalar and has no rows"
    }
    return "\(ticked(info.key.string)) has \(count) rows"
      + (count > 0 ? ", 0 to \(count - 1)" : "")
  }

  private func filterHint(_ match: SelectorMatch, _ tree: ParameterTree) -> String {
    var left = match.unfiltered.map { tree.entries[$0] }
    for filter in filters {
      let passing = left.filter { filter.accepts($0) }
      if passing.isEmpty {
        let found: [String]
        let noun: String
        switch filter.condition {
        case .rank:
          (noun, found) = ("ranks", Set(left.map(\.shape.rank)).sorted().map(String.init))
        case .dtype:
          (noun, found) = ("dtypes", Set(left.map(\.dtype.name)).sorted())
        case .count:
          let counts = left.map(\.shape.count)
          (noun, found) = (
            "numbers of elements", ["from \(counts.min() ?? 0)", "to \(counts.max() ?? 0)"]
          )
        case .shape:
          var seen: Set<Shape> = []
          let shapes = left.map(\.shape).filter { seen.insert($0).inserted }
          (noun, found) = (
            "shapes", shapes.prefix(4).map(\.description) + (shapes.count > 4 ? ["…"] : [])
          )
        case .role: (noun, found) = ("", [])
        }
        let tensors = left.count == 1 ? "the one tensor" : "none of the \(left.count) tensors"
        let verb = left.count == 1 ? "does not pass" : "passes"
        return "\(tensors) before it \(verb) \(ticked(filter.spelling))"
          + (found.isEmpty ? "" : "; their \(noun): \(found.joined(separator: ", "))")
      }
      left = passing
    }
    return ""
  }

  private func regexHints(_ expression: KeyExpression, _ tree: ParameterTree) -> [String] {
    var regex = expression.matcher()
    for info in tree.entries where regex.matches(info.key.string, .anywhere) {
      return [
        "the expression must match the whole key, and matches only a part of "
          + "\(ticked(info.key.string)): write .* around it"
      ]
    }
    return []
  }
}

/// `text` in backticks, with what could harm a terminal escaped.
func ticked(_ text: String) -> String { "`" + quoted(text).dropFirst().dropLast() + "`" }

/// `[0] and [2]`, `[0] to [11]`: indices, with runs of three and more drawn together.
func listed(indices: [Int]) -> String {
  var parts: [String] = []
  var position = 0
  while position < indices.count {
    var end = position
    while end + 1 < indices.count, indices[end + 1] == indices[end] + 1 { end += 1 }
    if end - position >= 2 {
      parts.append("[\(indices[position])] to [\(indices[end])]")
    } else {
      parts.append(contentsOf: indices[position...end].map { "[\($0)]" })
    }
    position = end + 1
  }
  return listed(parts)
}

/// `a`, `a and b`, `a, b and c`; the middle of long lists is left out.
func listed(_ parts: [String]) -> String {
  var parts = parts
  if parts.count > 8 { parts = parts.prefix(6) + ["…"] + parts.suffix(1) }
  guard let last = parts.last else { return "nothing" }
  return parts.count == 1 ? last : parts.dropLast().joined(separator: ", ") + " and " + last
}
