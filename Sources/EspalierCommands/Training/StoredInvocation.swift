import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The command line that a run was started with, as the state of the run holds it.
///
/// The state is a file that may come from anyone, so its words are not handed to the parser as they are: options are
/// those of a closed list, each with its value, and nothing else. What would write outside of the run's folder, use
/// more of the machine or print something else than the run does is left out.
struct StoredInvocation {
  /// What an option takes, and whether a resumed run takes it over.
  enum Option {
    case flag, value, values
    /// A path of something that is read.
    case input
    /// What the call that resumes decides.
    case ownFlag, ownValue, ownValues

    var isOwn: Bool { self == .ownFlag || self == .ownValue || self == .ownValues }
  }

  /// All options that a stored command line may have. `--folds` and `--seeds` store no run.
  static let options: [String: Option] = [
    "--model": .input, "--mask": .input, "--data": .input, "--eval": .input,
    "--train": .values, "--unfreeze-at": .value, "--head": .value, "--ignore-foreign": .flag,
    "--task": .value, "--save": .value, "--keep-epochs": .value,
    // Data.
    "--data-format": .value, "--separator": .value, "--quotes": .value, "--header": .value,
    "--text-column": .value, "--text-pair-column": .value, "--label-column": .value,
    "--label-columns": .values,
    // Training.
    "--epochs": .value, "--batch-size": .value, "--accumulate": .value, "--lr": .value,
    "--learning-rate": .value, "--lr-decay": .value, "--weight-decay": .value, "--decay": .value,
    "--warmup": .value, "--schedule": .value, "--max-grad-norm": .value,
    "--label-smoothing": .value, "--balance": .flag, "--pooling": .value, "--max-length": .value,
    "--seed": .value, "--patience": .value, "--best-by": .value, "--no-dropout": .flag,
    "--trunk-dropout": .flag, "--cache-memory": .value, "--precision": .value,
    // Where results go and what the call shows.
    "-o": .ownValue, "--output": .ownValue, "--resume": .ownValue, "--cache-dir": .ownValue,
    "--threads": .ownValue, "--dry-run": .ownFlag, "--json": .ownFlag, "--progress": .ownValue,
    "--explain": .ownFlag, "--expect": .ownValue, "--config": .ownValue,
  ]

  /// The longest argument of a process on Linux, and the longest path.
  private static let (maximumWord, maximumPath, maximumCount) = (131_072, 4_096, 10_000)

  /// The words that a resumed run takes over, each option with its value in one word.
  let arguments: [String]
  private let path: String
  private let cacheFolder: String?

  /// Checks the words of a stored run.
  ///
  /// - Throws: `InputError` that names the first word that is not an option of a run or its value.
  init(_ stored: StoredRun) throws(InputError) {
    try self.init(stored.invocation, path: stored.path)
  }

  init(_ words: [String], path: String) throws(InputError) {
    self.path = path
    func broken(_ reason: String) -> InputError {
      InputError("\(path): the stored command line \(reason)")
    }
    guard !words.isEmpty else {
      throw InputError(
        "\(path): the run was stored without its command line; pass the options of the run again")
    }
    guard words.count <= StoredInvocation.maximumCount else {
      throw broken("has \(grouped(words.count)) words")
    }
    var arguments: [String] = []
    var cacheFolder: String?
    var index = 0
    while index < words.count {
      let word = words[index]
      let sign = word.utf8.firstIndex(of: UInt8(ascii: "="))
      let name = sign.map { String(word[..<$0]) } ?? word
      guard name.utf8.count <= 64, name.utf8.allSatisfy({ $0 < 0x80 }),
        let option = StoredInvocation.options[name]
      else { throw broken("has \(quoted(word)), which is not an option of a run") }
      index += 1
      var values: [String] = []
      if let sign { values.append(String(word[word.utf8.index(after: sign)...])) }
      switch option {
      case .flag, .ownFlag:
        guard values.isEmpty else { throw broken("has a value for \(name)") }
      case .value, .input, .ownValue:
        if values.isEmpty, index < words.count, !StoredInvocation.isOption(words[index]) {
          values.append(words[index])
          index += 1
        }
        guard values.count == 1 else { throw broken("has no value for \(name)") }
      case .values, .ownValues:
        while index < words.count, !StoredInvocation.isOption(words[index]) {
          values.append(words[index])
          index += 1
        }
        guard !values.isEmpty else { throw broken("has no value for \(name)") }
      }
      let limit =
        option == .input ? StoredInvocation.maximumPath : StoredInvocation.maximumWord
      for value in values where value.utf8.count > limit || value.utf8.contains(0) {
        throw broken("has a value for \(name) that no command line can have")
      }
      if name == "--cache-dir" { cacheFolder = values.last }
      guard !option.isOwn else { continue }
      arguments += values.isEmpty ? [name] : values.map { "\(name)=\($0)" }
    }
    self.arguments = arguments
    self.cacheFolder = cacheFolder
  }

  /// Whether a word begins an option, as the parser sees it.
  private static func isOption(_ word: String) -> Bool {
    word.utf8.first == UInt8(ascii: "-") && word.utf8.count > 1
      && Double(word) == nil
  }

  /// The command that the words stand for.
  ///
  /// - Throws: `InputError` when a value is not one of its option's or options contradict each other.
  func command() throws(InputError) -> TrainCommand {
    let command: TrainCommand
    do {
      // The parser demands a place for the result; the run's own folder is that place.
      command = try TrainCommand.parse(arguments + ["--resume=."])
    } catch {
      throw InputError("\(path): the stored command line: \(TrainCommand.message(for: error))")
    }
    guard command.model != nil, command.data != nil else {
      throw InputError("\(path): the stored command line names no model or no data")
    }
    return command
  }

  /// What a user should know when the run had a cache and this call names none.
  func note(cacheFolder given: String?) -> String? {
    guard given == nil, let cacheFolder else { return nil }
    return
      "the run kept the cached trunk in \(quoted(cacheFolder)); pass --cache-dir to use that folder again"
  }
}
