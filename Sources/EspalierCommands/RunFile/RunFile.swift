import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The file of a run: the options of `train` by their names, and the digests of what the run was computed from.
///
/// A result has one as `run.toml`, with which the run can be repeated. The file may come from anyone: names and kinds of
/// values are those of a closed table, and it names nothing that is written.
struct RunFile {
  /// The name in the folder of a result.
  static let name = "run.toml"
  private static let digestTable = "digests"

  /// The path of the file.
  let path: String
  /// The options of the file, as words of a command line, with the lines that they are on.
  private let options: [(name: String, words: [String], line: Int)]
  /// The digests of the run that wrote the file; none in a file that a user wrote.
  let digests: [RunDigests.Part: String]

  /// Reads a file.
  ///
  /// - Throws: `CheckpointError` when it cannot be read, `InputError` with the line that is wrong.
  init(path: String) throws {
    try self.init(
      try WholeFile.read(path, limit: TOMLDocument.maximumSize), path: path)
  }

  init(_ bytes: [UInt8], path: String) throws(InputError) {
    self.path = path
    let document: TOMLDocument
    do throws(TOMLError) { document = try TOMLDocument(bytes) } catch {
      throw RunFile.error(path, error.line, error.sentence)
    }
    var options: [(name: String, words: [String], line: Int)] = []
    var digests: [RunDigests.Part: String] = [:]
    for table in document.tables {
      if table.name.isEmpty {
        for member in table.members { options.append(try RunFile.option(member, path)) }
      } else if table.name.isSame(as: RunFile.digestTable) {
        for member in table.members {
          let (part, digest) = try RunFile.digest(member, path)
          digests[part] = digest
        }
      } else {
        throw RunFile.error(
          path, table.line,
          "unknown table \(quoted(table.name)); the file of a run has its options before any table, and "
            + "[\(RunFile.digestTable)]")
      }
    }
    self.options = options
    self.digests = digests
  }

  private static func error(_ path: String, _ line: Int, _ sentence: String) -> InputError {
    InputError("\(path):\(line): \(sentence)")
  }

  private static func option(
    _ member: TOMLDocument.Member, _ path: String
  ) throws(InputError) -> (name: String, words: [String], line: Int) {
    guard let known = RunFileMember.all.first(where: { $0.name.isSame(as: member.name) }) else {
      let near =
        member.name.utf8.count <= 64
        ? closest(to: member.name, among: RunFileMember.all.map(\.name)) : nil
      throw error(
        path, member.line,
        "unknown option \(quoted(member.name))"
          + (near.map { "; did you mean `\($0)`?" } ?? "; espalier train --help lists the options"))
    }
    let words: [String]
    if known.kind == .flag, case .flag(let isSet) = member.value.kind {
      words = isSet ? ["--\(known.name)"] : []
    } else if let values = known.kind.words(member.value), !values.isEmpty {
      words = values.map { "--\(known.name)=\($0)" }
    } else {
      throw error(path, member.line, "`\(known.name)` is not \(known.kind.expectation)")
    }
    if let word = words.first(where: { $0.utf8.contains(0) }) {
      throw error(path, member.line, "`\(known.name)` has a NUL character: \(quoted(word))")
    }
    // Each value by itself, so that a wrong one is reported with its line.
    do {
      // The parser demands a place for the result.
      _ = try TrainCommand.parse(words.filter { !$0.begins(with: "--output=") } + ["--resume=."])
    } catch {
      let message = TrainCommand.message(for: error)
      // Options that need others are checked when all are known.
      if message.begins(with: "The value") {
        throw RunFile.error(path, member.line, message)
      }
    }
    return (known.name, words, member.line)
  }

  private static func digest(
    _ member: TOMLDocument.Member, _ path: String
  ) throws(InputError) -> (RunDigests.Part, String) {
    guard let part = RunDigests.Part(rawValue: member.name) else {
      throw error(path, member.line, "unknown digest \(quoted(member.name))")
    }
    guard case .text(let text) = member.value.kind, Text.isSHA256(text) else {
      throw error(
        path, member.line, "`\(part.rawValue)` is not a SHA-256 in 64 hexadecimal digits")
    }
    return (part, text)
  }

  // MARK: - With a command line

  /// The words of the command: those of the file, without options that the command line has itself, then `words`.
  func merged(with words: [String]) -> [String] {
    let given = RunFile.names(in: words)
    let replaced = RunFileMember.alternatives.filter { !$0.isDisjoint(with: given) }
      .reduce(given) { $0.union($1) }
    return options.filter { !replaced.contains($0.name) }.flatMap(\.words) + words
  }

  /// The command of the file and a command line.
  ///
  /// - Parameter words: the words of the command line without `--config`.
  /// - Throws: `InputError` when options contradict each other or one is missing.
  func command(with words: [String]) throws -> TrainCommand {
    do { return try TrainCommand.parse(merged(with: words)) } catch {
      throw InputError("\(path): \(TrainCommand.message(for: error))")
    }
  }

  /// Whether the command line itself has the option of a part, which is then not the one of the file.
  static func replaces(_ part: RunDigests.Part, _ words: [String]) -> Bool {
    let given = names(in: words)
    return switch part {
    case .model, .configuration, .tokenizer: given.contains("model")
    case .data: given.contains("data")
    case .eval: given.contains("eval")
    case .mask: given.contains("mask") || given.contains("train")
    }
  }

  /// The names of the options in some words. A value does not begin with two hyphens.
  private static func names(in words: [String]) -> Set<String> {
    Set(
      words.compactMap { word in
        if word.begins(with: "-o") { return "output" }
        guard word.begins(with: "--"), word.utf8.count <= 64 else { return nil }
        return String(word.dropFirst(2).prefix { $0 != "=" })
      })
  }

  /// `words` without `--config` and its value.
  static func withoutConfig(_ words: [String]) -> [String] {
    var rest: [String] = []
    var index = 0
    while index < words.count {
      if words[index].isSame(as: "--config") {
        index += 2
        continue
      }
      if !words[index].begins(with: "--config=") { rest.append(words[index]) }
      index += 1
    }
    return rest
  }

  // MARK: - Writing

  /// The file of a run, with the values that were decided for it.
  static func text(
    _ command: TrainCommand, _ run: TrainingRun, _ digests: RunDigests
  ) -> String {
    var command = command
    command.task = run.settings.task
    command.arguments.pooling = run.settings.pooling
    command.arguments.maxLength = run.settings.maximumLength
    if !command.arguments.learningRates.contains(where: { $0.selector == nil }),
      let rate = run.options.learningRate.flatMap({ RateArgument(argument: "\($0)") })
    {
      command.arguments.learningRates.append(rate)
    }
    var lines = [
      "# Written by \(versionText). To repeat the run, from the folder that it was started in:",
      "#   espalier train --config FILE -o DIR",
    ]
    if run.resumption.map({ !$0.isUnchanged }) ?? false {
      lines.append(
        "# The mask was changed when the run was resumed: this file repeats the last mask only.")
    }
    lines.append("")
    for member in RunFileMember.all {
      if let value = member.value?(command) { lines.append("\(member.name) = \(value)") }
    }
    lines += ["", "[\(digestTable)]"]
    for part in RunDigests.Part.allCases {
      if let digest = digests[part] { lines.append("\(part.rawValue) = \"\(digest)\"") }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
