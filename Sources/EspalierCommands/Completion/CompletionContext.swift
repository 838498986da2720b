import ArgumentParser

/// What the word at the cursor is: a command, an option, or the value of an argument.
struct CompletionContext {
  /// What may be at the cursor.
  enum Place {
    case command
    case option
    case value(CommandInfo.Argument)
  }

  /// The command that the words before the cursor call.
  let command: CommandInfo
  /// What is at the cursor.
  let place: Place
  /// The word at the cursor; of `--option=value`, the value.
  let typed: String
  /// Whether the line asks for the help of a command.
  let isHelp: Bool
  /// `--option=`, or nothing.
  let prefix: String
  /// The words of each argument, by its label.
  private let values: [String: [String]]

  /// - Parameters:
  ///   - line: the words of the line without the program.
  ///   - place: the place of the word at the cursor.
  init?(_ line: [String], current place: Int) {
    // `help mask create` names a command, as `mask create` does.
    isHelp = line.first == "help" && place > 0
    let words = Array(line.dropFirst(isHelp ? 1 : 0))
    let current = place - (isHelp ? 1 : 0)
    var type: any ParsableCommand.Type = Espalier.self
    var depth = 0
    for word in words.prefix(current) {
      guard
        let next = type.configuration.subcommands.first(where: {
          $0.configuration.commandName == word
        })
      else { break }
      type = next
      depth += 1
    }
    guard let command = CommandInfo(type), current >= depth, current < words.count else {
      return nil
    }
    self.command = command
    var reader = Reader(command.arguments)
    for word in words[depth..<current] { reader.read(word) }
    let word = words[current]
    if let separator = word.firstIndex(of: "="), word.hasPrefix("--"), !reader.isPastOptions,
      let option = command.option(String(word[..<separator]))
    {
      self.place = .value(option)
      typed = String(word[word.index(after: separator)...])
      prefix = String(word[...separator])
    } else {
      typed = word
      prefix = ""
      if let option = reader.pending, !(option.takesSeveralWords && word.hasPrefix("-")) {
        self.place = .value(option)
      } else if word.hasPrefix("-"), !reader.isPastOptions {
        self.place = .option
      } else if !command.subcommands.isEmpty {
        self.place = .command
      } else if let positional = reader.nextPositional {
        self.place = .value(positional)
      } else {
        self.place = .option
      }
    }
    // What follows the cursor may name the checkpoint.
    if case .value(let argument) = self.place { reader.skip(argument) }
    for word in words[(current + 1)...] { reader.read(word) }
    values = reader.values
  }

  /// The values of an argument, wherever it is on the line.
  func values(of argument: CommandInfo.Argument) -> [String] { values[argument.label] ?? [] }

  /// Assigns words to arguments, as the parser does.
  private struct Reader {
    let positionals: [CommandInfo.Argument]
    let options: [CommandInfo.Argument]
    var values: [String: [String]] = [:]
    /// The option of which the next word is a value.
    var pending: CommandInfo.Argument?
    var isPastOptions = false
    private var index = 0

    init(_ arguments: [CommandInfo.Argument]) {
      positionals = arguments.filter { $0.kind == .positional }
      options = arguments.filter { $0.kind == .option }
    }

    /// The positional argument of the next word.
    var nextPositional: CommandInfo.Argument? {
      index < positionals.count ? positionals[index] : nil
    }

    mutating func read(_ word: String) {
      if let option = pending, !(option.takesSeveralWords && word.hasPrefix("-")) {
        values[option.label, default: []].append(word)
        if !option.takesSeveralWords { pending = nil }
      } else if word == "--" {
        (pending, isPastOptions) = (nil, true)
      } else if word.hasPrefix("-"), word.count > 1, !isPastOptions {
        pending = nil
        let name = String(word.prefix { $0 != "=" })
        guard let option = options.first(where: { $0.names.contains(name) }) else { return }
        if let separator = word.firstIndex(of: "=") {
          values[option.label, default: []].append(String(word[word.index(after: separator)...]))
        } else {
          pending = option
        }
      } else if let positional = nextPositional {
        values[positional.label, default: []].append(word)
        if !positional.isRepeating { index += 1 }
      }
    }

    /// Goes past the word at the cursor.
    mutating func skip(_ argument: CommandInfo.Argument) {
      if argument.kind == .positional {
        if !argument.isRepeating { index += 1 }
      } else if !argument.takesSeveralWords {
        pending = nil
      }
    }
  }
}

extension CommandInfo {
  /// The option that is called `name`.
  fileprivate func option(_ name: String) -> Argument? {
    arguments.first { $0.kind == .option && $0.names.contains(name) }
  }
}
