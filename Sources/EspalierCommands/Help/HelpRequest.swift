import ArgumentParser
import CheckpointFiles

/// Which help the words of a command line ask for.
enum HelpRequest {
  /// The columns of a help page: those of the terminal, up to 100; 80 in a pipe or a file.
  static var width: Int { min(StandardOutput.shared.width ?? 80, 100) }

  /// Whether the short page is asked for: by `-h`, or by no word at all.
  static func isShort(_ words: some Collection<String>) -> Bool {
    words.isEmpty || words.contains("-h") && !words.contains("--help")
  }

  /// Prints the topic that `words` ask for (`help selectors`); `false` when they ask for none.
  static func printTopic(_ words: some Collection<String>) throws -> Bool {
    guard words.first == "help", let name = words.dropFirst().first,
      let topic = HelpTopic(rawValue: name)
    else { return false }
    let section = words.dropFirst(2).filter { !$0.hasPrefix("-") }
    StandardOutput.shared.line(try topic.text(section: section, width: width))
    return true
  }
}

extension Espalier {
  /// The help page of the command of which the parser would print `message`; `nil` when the message is something
  /// else, such as a completion script.
  static func help(insteadOf message: String, isShort: Bool) -> String? {
    var types: [any ParsableCommand.Type] = [Espalier.self]
    while let type = types.popLast() {
      let start = "OVERVIEW: " + type.configuration.abstract.prefix(20)
      if message.hasPrefix(start), message == helpMessage(for: type) {
        let page = HelpPage(type, width: HelpRequest.width)
        return isShort ? page?.short() : page?.long()
      }
      types += type.configuration.subcommands
    }
    return nil
  }
}
