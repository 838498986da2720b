internal import CheckpointFiles

/// What a member of a JSON document was expected to be, for a message.
enum Expectation {
  case boolean
  case text
  case integer
  case number
  case count
  case positiveInteger
  case numberFromZero
  case probability
  case integers(ClosedRange<Int>)
  case numbers(ClosedRange<Double>)
  case nullOrInteger(ClosedRange<Int>)
  /// One of some texts.
  case words([String])
  /// One of some values, as JSON spells them.
  case values([JSONValue])
  case object
  case objectWith(member: String)
  case labelNames
  case className
  case listOfTexts
  case listOfNames
  case listOfClassNames
  case listOfTokens
  case token
  case tokenID
  case tokenCount(from: Int)
  case listOfRanges
  case range
  case listOfEpochs(Int)
  case atMostEpochs(Int)
  case list
  case null
  case emptyObject
  case movement

  /// The noun phrase after "expected".
  var phrase: String {
    switch self {
    case .boolean: "true or false"
    case .text: "a text"
    case .integer: "an integer"
    case .number: "a number"
    case .count: "a count"
    case .positiveInteger: "a positive integer"
    case .numberFromZero: "a number ≥ 0"
    case .probability: "a probability below 1"
    case .integers(let range): "\(grouped(range.lowerBound)) to \(grouped(range.upperBound))"
    case .numbers(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .nullOrInteger(let range):
      "null or an integer from \(range.lowerBound) to \(range.upperBound)"
    case .words(let words): Text.list(words.map(quoted), conjunction: "or")
    case .values(let values): values.map { $0.text() }.joined(separator: " or ")
    case .object: "an object"
    case .objectWith(let member): "an object with \"\(member)\""
    case .labelNames: "an object of numbers and names"
    case .className: "the name of a class"
    case .listOfTexts: "a list of strings"
    case .listOfNames: "a list of names"
    case .listOfClassNames: "a list of the names of classes"
    case .listOfTokens: "a list of tokens"
    case .token: "a text, or an object whose \"__type\" is \"AddedToken\""
    case .tokenID: "a number from 0 to 16777215"
    case .tokenCount(let least): "a number of tokens from \(least)"
    case .listOfRanges: "a list of ranges"
    case .range: "[start, end] in ascending order"
    case .listOfEpochs(let count): "a list of \(Text.counted(count, "epoch"))"
    case .list: "a list"
    case .null: "null"
    case .emptyObject: "an empty object"
    case .movement: "\"key\" and \"rel_l2\", a number ≥ 0 or null"
    case .atMostEpochs(let count): "at most the \(Text.counted(count, "epoch")) of the run"
    }
  }
}

extension FineTuningError {
  /// A member of a JSON file that is missing or is something else than it must be.
  static func member(
    _ name: String, _ value: JSONValue?, expected: Expectation, kind: Kind = .malformedModel,
    path: String
  ) -> FineTuningError {
    FineTuningError(
      kind, path: path, field: name,
      value.map { "\(quoted(name)) is \(short($0)), expected \(expected.phrase)" }
        ?? "\(quoted(name)) is missing")
  }
}

/// A value of a file for an error: its text, cut when it is long.
func short(_ value: JSONValue) -> String {
  let text = value.text()
  guard text.unicodeScalars.count > 60 else { return text }
  return String(String.UnicodeScalarView(text.unicodeScalars.prefix(50))) + "…"
}
