import CheckpointFiles
import ParameterSurgery

/// Where the values of an argument come from.
enum CompletionSource {
  case files
  case folders
  /// A file, a folder, or a model of the Hugging Face cache.
  case checkpoint
  case mask
  case words([String])
  case selector
  /// A selector, a character, and something else.
  case pair(Character, (CompletionContext, String) -> [CompletionAnswer.Candidate])
  /// The first components of keys, with their dot.
  case prefixes
  /// A number, a character, and a selector.
  case later(Character)
  /// A file, a colon, and a selector of that file.
  case otherFile
  case none

  /// The source of an argument, by its name and the name of its value: new options of the usual kinds need no entry.
  init(_ argument: CommandInfo.Argument, in command: CommandInfo) {
    let name = argument.names.last ?? ""
    self =
      switch name {
      case "--model", "--base": .checkpoint
      case "--cast", "--dequantize":
        .pair("=") { _, _ in CompletionSource.dtypes.map { .init($0) } }
      case "--rename", "--copy", "--tie":
        .pair("=") { KeyCompletion($0).selectors($1) }
      case "--slice", "--scale", "--resize", "--prune", "--split", "--layers", "--learning-rate":
        .pair("=") { _, _ in [] }
      case "--concat": .pair(",") { KeyCompletion($0).selectors($1) }
      case "--unfreeze-at": .later(":")
      case "--from" where command.path.last == "edit": .otherFile
      case "--ignore-prefix", "--strip-prefix": .prefixes
      case "--method": .words(Merge.Method.allCases.map(\.rawValue))
      case "--preset": .words(SurgeryPreset.allCases.map(\.rawValue))
      case "--head": .words(["linear", "mlp:128", "classifier"])
      default: CompletionSource.usual(argument, in: command)
      }
  }

  private static func usual(
    _ argument: CommandInfo.Argument, in command: CommandInfo
  ) -> CompletionSource {
    if !argument.values.isEmpty { return .words(argument.values) }
    switch argument.valueName {
    case "selector", "selectors": return .selector
    case "mask": return argument.names.contains("--output") ? .files : .mask
    case "dtype": return .words(dtypes)
    case "a", "b":
      return command.path.contains("mask") ? .mask : .checkpoint
    case "file" where argument.names.contains("--mask"): return .mask
    default: break
    }
    if argument.kind == .positional, isCheckpoint(argument, in: command) { return .checkpoint }
    switch argument.shellKind {
    case "file": return .files
    case "directory": return .folders
    default: return .none
    }
  }

  /// Whether an argument names a checkpoint whose keys the selectors of the command choose.
  static func isCheckpoint(_ argument: CommandInfo.Argument, in command: CommandInfo) -> Bool {
    if argument.kind == .option { return ["--model"].contains(argument.names.last ?? "") }
    let names = ["file", "files", "a", "b", "base", "tuned", "input", "inputs", "delta", "result"]
    return names.contains(argument.valueName)
      && !(command.path.contains("mask") && ["a", "b"].contains(argument.valueName))
  }

  /// The dtypes that tensors are converted to.
  private static let dtypes = DType.allCases.filter(\.isFloatingPoint).map(\.name)
}
