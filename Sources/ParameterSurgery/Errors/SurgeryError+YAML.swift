internal import CheckpointFiles

/// What can be wrong with a YAML document.
enum YAMLProblem {
  case empty
  case tab
  case secondDocument
  case tooLong
  case indentation
  case nesting
  case missingValue
  case neitherMemberNorElement
  case keyIsNotAText
  case duplicateKey(Key)
  case unexpected(String)
  case form(UInt8)
  case star
  case bracketNotClosed
  case quoteNotClosed
  case escape
  case notASetting
  case duplicateSetting(Key)

  fileprivate var sentence: String {
    switch self {
    case .empty: "the document is empty"
    case .tab: "YAML is indented by spaces, not tabs"
    case .secondDocument: "more than one YAML document is not read"
    case .tooLong: "the document has too many lines or values"
    case .indentation: "the indentation does not match a line above"
    case .nesting: "is nested too deeply"
    case .missingValue: "a value is missing"
    case .neitherMemberNorElement: "is neither `key: value` nor `- element`"
    case .keyIsNotAText: "the key is not a text"
    case .duplicateKey(let key): "the key \(quoted(key.string)) is duplicated"
    case .unexpected(let rest): "unexpected \(quoted(rest)) after the value"
    case .form(let byte):
      "\(quoted(String(decoding: [byte], as: UTF8.self))) begins a form of YAML that is not read; put the text in "
        + "quotes"
    case .star: "a text that begins with `*` needs quotes"
    case .bracketNotClosed: "`[` is not closed"
    case .quoteNotClosed: "a quote is not closed on its line"
    case .escape: "an unknown escape; in 'single quotes' a backslash is a backslash"
    case .notASetting: "expected `setting: value` at the start of the line"
    case .duplicateSetting(let key): "the setting \(quoted(key.string)) is duplicated"
    }
  }
}

// The sentences about YAML and JSON documents.
extension SurgeryError {
  static var notUTF8: SurgeryError { SurgeryError(.malformed, "the file is not UTF-8") }

  static func yaml(_ problem: YAMLProblem, line: Int? = nil) -> SurgeryError {
    let kind: Kind
    switch problem {
    case .tooLong, .nesting: kind = .tooLarge
    case .secondDocument, .form: kind = .unsupported
    default: kind = .malformed
    }
    return SurgeryError(kind, (line.map { "line \($0): " } ?? "") + problem.sentence)
  }

  static func json(_ error: CheckpointError) -> SurgeryError {
    SurgeryError(.malformed, underlying: error, error.reason)
  }
}
