internal import CheckpointFiles

// The sentences about selectors.
extension SurgeryError {
  /// A selector selects nothing, or, `isPartly`, a listed index exists nowhere.
  ///
  /// - Parameters:
  ///   - nearest: selectors that select something and resemble it, best first.
  ///   - hints: sentences about what is there instead.
  static func matchesNothing(
    _ selector: String, isPartly: Bool, nearest: [String], hints: [String]
  ) -> SurgeryError {
    SurgeryError(
      .matchesNothing, selector: selector, advice: nearest.isEmpty ? nil : .didYouMean(nearest),
      "selector \(quoted(selector)) selects no tensor" + (isPartly ? " for a part of it" : "")
        + (hints.isEmpty ? "" : ": " + hints.joined(separator: "; ")))
  }

  static func tooManyRowRanges(in selector: String, of key: Key?) -> SurgeryError {
    SurgeryError(
      .tooLarge, key: key, selector: selector,
      "selector \(quoted(selector)): the rows of \(quoted(key?.string ?? "")) are more than "
        + "\(IndexExpression.maximumRanges) separate ranges")
  }

  static var nothingLeft: SurgeryError {
    SurgeryError(
      .matchesNothing,
      "the selectors select no tensor: the exclusions (`!…`) remove everything the others match")
  }

  static func unexpectedCount(
    _ expected: Int, _ selection: Selection
  ) -> SurgeryError {
    let parts = selection.explanations.map { "\(quoted($0.selector)) matched \($0.matched)" }
    return SurgeryError(
      .unexpectedCount,
      "expected \(expected) \(expected == 1 ? "tensor" : "tensors"), selected \(selection.count): "
        + parts.joined(separator: ", "))
  }

  /// A selector that is not well formed.
  static func selector(_ text: String, _ reason: SelectorProblem, at offset: Int) -> SurgeryError {
    if case .empty = reason {
      return SurgeryError(.syntax, selector: text, offset: 0, reason.sentence)
    }
    return SurgeryError(
      .syntax, selector: text, offset: offset,
      "selector \(quoted(text)): \(reason.sentence) (column \(offset + 1))")
  }
}

/// What can be wrong with a selector.
enum SelectorProblem: Error {
  case empty
  case emptyExclusion
  case doubledExclusion
  case unexpected(Unicode.Scalar)
  case threeStars
  case openingMissing(close: Character, open: Character)
  case notClosed(Character)
  case comma
  case filterInBraces
  case space
  case escape
  case quoteNotClosed
  case bracesTooDeep
  case tooManyPatterns(Int)
  case patternsTooLong(Int)
  case brackets
  case emptyIndex
  case zeroStep
  case colons
  case expressionNotClosed
  case expression(String)
  case trailingDot
  case emptyComponent
  case missingDot
  case starsInside
  case noSuchFilter(String)
  case dtype(String, near: String?)
  case role(String)
  case number(String)

  /// The problem as a sentence, without the selector.
  var sentence: String {
    switch self {
    case .empty: "the selector is empty"
    case .emptyExclusion: "`!` needs a selector after it"
    case .doubledExclusion: "there is more than one `!`; use one"
    case .unexpected(let scalar): "unexpected `\(String(scalar))`"
    case .threeStars: "too many `*`; use `*` inside a component, `**` across components"
    case .openingMissing(let close, let open): "`\(close)` without `\(open)`"
    case .notClosed(let open): "`\(open)` is not closed"
    case .comma: "a comma outside braces; use two selectors, or {a,b}"
    case .filterInBraces: "a filter inside braces; write it after them"
    case .space: "a space outside quotes; write \"odd key\""
    case .escape: "in quotes, `\\` may only precede `\"` and `\\`"
    case .quoteNotClosed: "the quote is not closed"
    case .bracesTooDeep: "the braces are nested too deeply"
    case .tooManyPatterns(let most): "the braces stand for more than \(most) patterns"
    case .patternsTooLong(let count):
      "the braces stand for \(count) patterns, which are too long for that number"
    case .brackets:
      "brackets hold indices (0, -1), slices (8:, :4, ::2), lists (0,2) or *"
    case .emptyIndex: "an index is missing in the brackets"
    case .zeroStep: "the step of a slice is 0"
    case .colons: "a slice has at most two colons"
    case .expressionNotClosed:
      "the regular expression is not closed; quote a key that begins with `/`"
    case .expression(let reason): reason
    case .trailingDot:
      "nothing follows the dot; write the node without it to select everything below"
    case .emptyComponent: "a component is empty; quote a key that has an empty component"
    case .missingDot: "a dot is missing after the brackets"
    case .starsInside: "`**` inside a component; write a*.**.*b for a**b"
    case .noSuchFilter(let name):
      "there is no filter :\(name)(); filters are "
        + SelectorFilter.names.map { ":\($0)()" }.joined(separator: ", ")
    case .dtype(let text, let near):
      "\(ticked(text)) is not a dtype; "
        + (near.map { "did you mean \($0)?" } ?? "dtypes are spelled F32, BF16, I64 …")
    case .role(let text):
      "\(ticked(text)) is not a role; roles are "
        + TensorRole.allCases.map(\.rawValue).joined(separator: ", ")
    case .number(let text): "\(ticked(text)) is not a number such as 2, >1M or <=768"
    }
  }
}
