import CheckpointFiles
import FineTuning

/// The command line that a run stored in its folder. The folder may be a stranger's: the arguments are input.
struct StoredCommandLine {
  /// The options that decide what a run computes.
  private static let options: Set<String> = [
    "--model", "--mask", "--train", "--unfreeze-at", "--head", "--ignore-foreign", "--data",
    "--task", "--eval", "-o", "--output", "--save", "--data-format", "--separator", "--quotes",
    "--header", "--text-column", "--text-pair-column", "--label-column", "--label-columns",
    "--epochs", "--batch-size", "--accumulate", "--lr", "--learning-rate", "--lr-decay",
    "--weight-decay", "--decay", "--warmup", "--schedule", "--max-grad-norm", "--label-smoothing",
    "--balance", "--pooling", "--max-length", "--seed", "--patience", "--best-by", "--no-dropout",
    "--trunk-dropout", "--cache-memory", "--precision",
  ]
  /// Flags of one call: they have no say in the next one.
  private static let flags: Set<String> = ["--explain", "--json", "--dry-run"]
  /// Options with a value that a folder does not decide: how many threads run, which other folder is written to.
  private static let settings: Set<String> = ["--threads", "--cache-dir", "--progress", "--expect"]

  /// The arguments that decide what the run computes.
  let arguments: [String]
  /// The cache that the run used. It is used again only when the caller names it.
  let cacheDirectory: String?

  /// - Throws: `FineTuningError` when an argument is none that `train` stores.
  init(_ stored: [String], folder: String) throws {
    var arguments: [String] = []
    var cacheDirectory: String?
    var rest = stored[...]
    while let argument = rest.popFirst() {
      let name = String(argument.prefix { $0 != "=" })
      if StoredCommandLine.flags.contains(argument) { continue }
      if StoredCommandLine.settings.contains(name) {
        let value =
          name == argument ? rest.popFirst() : String(argument.dropFirst(name.count + 1))
        if name == "--cache-dir" { cacheDirectory = value }
        continue
      }
      let isOption = argument.hasPrefix("-") && argument.dropFirst().first?.isNumber == false
      guard !isOption || StoredCommandLine.options.contains(name) else {
        throw FineTuningError(
          .storedRun,
          "\(folder): the stored command line has an argument that no run stores: "
            + quoted(argument))
      }
      arguments.append(argument)
    }
    (self.arguments, self.cacheDirectory) = (arguments, cacheDirectory)
  }
}
