import ArgumentParser
import CheckpointFiles
import OrderedCollections

/// What the parser knows of a command: help pages and completions are created from it.
struct CommandInfo {
  /// A positional argument, an option with a value, or a flag.
  struct Argument {
    /// How an argument is written.
    enum Kind: String {
      case positional
      case option
      case flag
    }

    let kind: Kind
    /// `-o` and `--output`; empty for a positional argument.
    let names: [String]
    let valueName: String
    let isOptional: Bool
    let isRepeating: Bool
    /// Whether all words up to the next option are values.
    let takesSeveralWords: Bool
    /// The values that exist, when there is a fixed list of them.
    let values: [String]
    let defaultValue: String?
    let abstract: String
    /// What the shell completes: `file` or `directory`.
    let shellKind: String?
    /// The title of the section on the help page; `nil` for the common one.
    let section: String?

    /// `-o, --output <mask>`, or `<file>`.
    var label: String {
      let value = kind == .flag ? "" : "<\(valueName)>"
      return (names.joined(separator: ", ") + (names.isEmpty ? "" : " ") + value)
        .trimmingSuffix(" ")
    }

    /// The sentence with the values and the default.
    var sentence: String {
      var facts: [String] = []
      if !values.isEmpty { facts.append("values: " + values.joined(separator: ", ")) }
      if let defaultValue { facts.append("default: " + defaultValue) }
      return facts.isEmpty ? abstract : "\(abstract) (\(facts.joined(separator: "; ")))"
    }
  }

  /// `["espalier", "mask", "create"]`.
  let path: [String]
  let abstract: String
  let discussion: String
  /// One line for each form of the command.
  let usage: [String]
  let arguments: [Argument]
  let subcommands: [any ParsableCommand.Type]

  /// What the parser knows of `type`; `nil` when its description cannot be read.
  init?(_ type: any ParsableCommand.Type) {
    let text = type._dumpHelp()
    let parsed = try? JSONParser.parse(Array(text.utf8))
    guard let dump = parsed?["command"] else { return nil }
    path = Espalier.names(of: type)
    abstract = dump["abstract"]?.string ?? ""
    discussion = dump["discussion"]?.string ?? ""
    usage = Espalier.usageString(for: type).split(separator: "\n").map { line in
      String(line.drop { $0 == " " })
    }
    let described = (dump["arguments"]?.array ?? []).compactMap(Argument.init)
      .filter { !$0.names.contains("--help") && !$0.names.contains("--version") }
    arguments = CommandInfo.joiningInversions(described)
    subcommands = type.configuration.subcommands.filter { $0.configuration.shouldDisplay }
  }

  /// `--group` and `--no-group` as one argument.
  private static func joiningInversions(_ arguments: [Argument]) -> [Argument] {
    var joined: [Argument] = []
    for argument in arguments {
      if argument.kind == .flag, let last = joined.last, last.kind == .flag,
        !argument.abstract.isEmpty, argument.abstract.isSame(as: last.abstract)
      {
        joined[joined.count - 1] = Argument(last, orAs: argument)
      } else {
        joined.append(argument)
      }
    }
    return joined
  }
}

extension CommandInfo.Argument {
  /// Reads one element of the parser's description; `nil` for an argument that is not shown.
  fileprivate init?(_ value: JSONValue) {
    guard let kind = value["kind"]?.string.flatMap(Kind.init(rawValue:)),
      value["shouldDisplay"]?.bool != false
    else { return nil }
    self.kind = kind
    names = (value["names"]?.array ?? []).compactMap { name in
      name["name"]?.string.map { (name["kind"]?.string == "long" ? "--" : "-") + $0 }
    }
    valueName = value["valueName"]?.string ?? ""
    isOptional = value["isOptional"]?.bool ?? false
    isRepeating = value["isRepeating"]?.bool ?? false
    takesSeveralWords = value["parsingStrategy"]?.string == "upToNextOption"
    values = (value["allValues"]?.array ?? []).compactMap(\.string).filter { !$0.isEmpty }
    defaultValue = value["defaultValue"]?.string
    abstract = value["abstract"]?.string ?? ""
    shellKind = value["completionKind"]?.object?.keys.first?.string
    section = value["sectionTitle"]?.string
  }

  /// `first`, with the names of its inversion.
  fileprivate init(_ first: Self, orAs second: Self) {
    kind = first.kind
    names = ["\(first.names.joined(separator: ", "))/\(second.names.joined(separator: ", "))"]
    valueName = first.valueName
    isOptional = first.isOptional
    isRepeating = first.isRepeating
    takesSeveralWords = false
    values = first.values
    defaultValue = first.defaultValue ?? second.defaultValue
    abstract = first.abstract
    shellKind = nil
    section = first.section
  }
}

extension String {
  /// The text without the spaces at its end.
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self[...]
    while text.last == character { text.removeLast() }
    return String(text)
  }
}
