import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// Why a command failed, as facts: a line of text on standard error, or with `--json` a line with one JSON object there.
///
/// Standard output stays empty or incomplete in both forms, as with `gh` and `ruff`: what reads it gets results only.
struct ErrorReport {
  /// The kind of the library's error in words with hyphens, `usage`, or `input`.
  let kind: String
  /// The exit status.
  let status: Int32
  let path: String?
  let key: Key?
  let selector: String?
  /// The byte of the file, or the character of the selector.
  let offset: Int?
  /// The line of a data file, from 1.
  let line: Int?
  /// The sentence, without what to do.
  let message: String
  /// What to do.
  let hint: String?
  /// How the command is used, when its use was wrong.
  let usage: String?

  init(
    kind: String, status: Int32, path: String? = nil, key: Key? = nil, selector: String? = nil,
    offset: Int? = nil, line: Int? = nil, hint: String? = nil, usage: String? = nil,
    _ message: String
  ) {
    self.kind = ErrorReport.hyphenated(kind)
    self.status = status
    self.path = path
    self.key = key
    self.selector = selector
    self.offset = offset
    self.line = line
    self.message = oneLine(message)
    self.hint = hint.map(oneLine)
    self.usage = usage
  }

  /// The facts of an error of a library or of a command.
  init(_ error: any Error, in command: (any ParsableCommand.Type)?, status: Int32) {
    let hint = Advice.sentence(for: error, in: command)
    let sentence = "\(error)"
    switch error {
    case let error as CheckpointError:
      self.init(
        kind: error.kind.rawValue, status: status, path: error.path.isEmpty ? nil : error.path,
        key: error.key, offset: error.offset, hint: hint, sentence)
    case let error as SurgeryError:
      self.init(
        kind: error.kind.rawValue, status: status, path: error.path, key: error.key,
        selector: error.selector, offset: error.offset, hint: hint, sentence)
    case let error as FineTuningError:
      self.init(
        kind: error.kind.rawValue, status: status, path: error.path, key: error.key,
        line: error.line, hint: hint, sentence)
    case let error as InputError:
      if let underlying = error.underlying {
        let facts = ErrorReport(underlying, in: command, status: status)
        self.init(
          kind: facts.kind, status: status, path: facts.path ?? error.path, key: facts.key,
          selector: facts.selector, offset: facts.offset, line: facts.line, hint: hint, sentence)
      } else {
        self.init(kind: "input", status: status, path: error.path, hint: hint, sentence)
      }
    default: self.init(kind: "input", status: status, hint: hint, sentence)
    }
  }

  /// Writes the report to standard error.
  func print() { StandardError.line(ErrorReport.isJSON ? json.text() : text) }

  /// `espalier: error: SENTENCE; HINT`, and the usage.
  var text: String {
    "espalier: error: \(message)" + (hint.map { "; \($0)" } ?? "") + (usage.map { "\n\($0)" } ?? "")
  }

  /// As 'espalier help json' describes it.
  var json: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    var members: [(String, JSONValue)] = [
      ("kind", .string(kind)), ("status", .integer(status)), ("path", text(path)),
      ("key", text(key?.string)), ("offset", offset.map { .integer($0) } ?? .null),
    ]
    if let selector { members.append(("selector", .string(selector))) }
    if let line { members.append(("line", .integer(line))) }
    members += [("message", .string(message)), ("hint", text(hint))]
    if let usage { members.append(("usage", .string(usage))) }
    return .members([
      "version": .integer(JSONOutput.version), "error": .object(pairs: members),
    ])
  }

  /// Whether the command line has `--json`: also one that the parser does not accept.
  static let isJSON = CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("--json")

  /// `cannotRead` as `cannot-read`.
  private static func hyphenated(_ name: String) -> String {
    name.reduce(into: "") { text, character in
      text += character.isUppercase ? "-\(character.lowercased())" : String(character)
    }
  }
}
