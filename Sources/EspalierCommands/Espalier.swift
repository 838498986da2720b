import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The root of the command line.
struct Espalier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier",
    abstract: "List, compare, edit and fine-tune checkpoints, tensor by tensor.",
    discussion: """
      A FILE is a safetensors or PyTorch file, an index of shards, or a directory in the Hugging Face \
      layout. Selectors choose tensors by name, index, range and property; see 'espalier help selectors'.

        espalier ls model.safetensors 'encoder.layer[-2:]'
        espalier diff before.safetensors after.bin

      Exit status: 0 success; 1 the answer is "no"; 2 the input could not be used; 64 wrong usage; \
      130 interrupted by Ctrl-C, 143 ended by SIGTERM.
      """,
    version: versionText,
    subcommands: [
      ListCommand.self, DiffCommand.self, MaskCommand.self, GraftCommand.self, TrainCommand.self,
      EvaluateCommand.self, PredictCommand.self, LogCommand.self, ReportCommand.self,
      VerifyCommand.self,
      ConvertCommand.self,
      EditCommand.self, MergeCommand.self, DeltaCommand.self, ScanCommand.self, CheckCommand.self,
      DoctorCommand.self, GitCommand.self, CompletionCommand.self,
    ]
  )
}

extension Espalier {
  /// Throws when a word is in the place of a command's name and no command has that name. The error names the
  /// nearest command; the parser would report unexpected arguments.
  static func demandCommand(_ words: ArraySlice<String>) throws {
    var command: any ParsableCommand.Type = Espalier.self
    let isHelp = words.first == "help"
    for word in words.dropFirst(isHelp ? 1 : 0) {
      let commands = command.configuration.subcommands
      guard !commands.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      let names = commands.compactMap { $0.configuration.commandName }
      guard let index = names.firstIndex(of: word) else {
        let topics = isHelp ? HelpTopic.allCases.map(\.rawValue) : []
        let near = closest(to: word, among: names + topics)
        throw ValidationError(
          "there is no command \(isHelp ? "or topic " : "")\(quoted(word))"
            + (near.map { "; did you mean `\($0)`?" } ?? "; use one of "
              + names.joined(separator: ", ")))
      }
      command = commands[index]
    }
  }
}

extension ParsableCommand {
  /// The words that call `command`, from this one on: `espalier mask create`.
  fileprivate static func words(of command: any ParsableCommand.Type) -> [String]? {
    let name = configuration.commandName ?? ""
    if Self.self == command { return [name] }
    for child in configuration.subcommands {
      if let rest = child.words(of: command) { return [name] + rest }
    }
    return nil
  }
}

extension Espalier {
  /// The words that call `command`.
  static func names(of command: any ParsableCommand.Type) -> [String] {
    words(of: command) ?? ["espalier"]
  }
}

/// The version of the tool.
let versionText = "espalier \(espalierVersion)"

/// The version, and the parts of the tool that a report of a problem should name. Querying the processor takes
/// time, so only `--version` does it.
func fullVersionText() -> String { "\(versionText) (\(Backend.summary))" }
