import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// Renders what a caller can do about an error as an option or a command of this program.
///
/// The libraries know no options: their errors carry advice, and the sentence for it is made here. An option
/// is only named to a user of a command that has it.
enum Advice {
  /// An option that advice names.
  enum Option: String, CaseIterable {
    case ignoreForeign = "--ignore-foreign"
    case inPlace = "--in-place"
    case replace = "--replace"
    case base = "--base"
    case drop = "--drop"
    case rename = "--rename"

    /// The commands where the option does what the advice says.
    var commands: [any ParsableCommand.Type] {
      switch self {
      case .ignoreForeign:
        [
          ConvertCommand.self, EditCommand.self, MergeCommand.self, GraftCommand.self,
          DeltaCommand.Create.self, DeltaCommand.Apply.self, TrainCommand.self,
        ]
      case .inPlace: [ConvertCommand.self, EditCommand.self]
      case .replace:
        [
          ConvertCommand.self, EditCommand.self, MergeCommand.self, GraftCommand.self,
          DeltaCommand.Apply.self,
        ]
      case .base: [EvaluateCommand.self, PredictCommand.self]
      case .drop, .rename: [EditCommand.self]
      }
    }

    /// Whether `command` has the option.
    func belongs(to command: (any ParsableCommand.Type)?) -> Bool {
      commands.contains { $0 == command }
    }
  }

  /// What to do about `error` in `command`; `nil` when it has no advice, or none that the command offers.
  static func sentence(
    for error: any Error, in command: (any ParsableCommand.Type)? = nil
  ) -> String? {
    switch error {
    case let error as CheckpointError:
      error.advice.flatMap { sentence(for: $0, about: error.path, in: command) }
    case let error as SurgeryError:
      error.advice.flatMap { sentence(for: $0, in: command) }
        ?? error.underlying.flatMap { sentence(for: $0, in: command) }
    case let error as FineTuningError:
      error.advice.isEmpty
        ? error.underlying.flatMap { sentence(for: $0.error, in: command) }
        : error.advice.map(\.option).joined(separator: "; ")
    case let error as InputError:
      error.underlying.flatMap { sentence(for: $0, in: command) }
    default: nil
    }
  }

  private static func sentence(
    for advice: CheckpointError.Advice, about path: String,
    in command: (any ParsableCommand.Type)?
  ) -> String? {
    switch advice {
    case .leaveOutForeign:
      Option.ignoreForeign.belongs(to: command)
        ? "pass \(Option.ignoreForeign.rawValue) to leave them out"
        : "to leave them out, run: "
          + "espalier convert \(shellWord(path)) -o OUTPUT \(Option.ignoreForeign.rawValue)"
    case .replaceInput:
      Option.inPlace.belongs(to: command)
        ? "pass \(Option.inPlace.rawValue) to replace it" : nil
    case .writeElsewhere: "pass another path with -o"
    case .replaceOlder:
      Option.replace.belongs(to: command)
        ? "pass \(Option.replace.rawValue) to remove the older checkpoint" : nil
    case .finishChange(let folder):
      "run: espalier edit \(shellWord(folder)) \(Option.inPlace.rawValue)"
    case .nameBase:
      Option.base.belongs(to: command)
        ? "pass \(Option.base.rawValue) BASE"
        : "run: espalier delta apply BASE \(shellWord(path)) -o OUTPUT"
    case .download(let model, let revision):
      "run: \(download(model, revision))"
    case .finishDownload(let model, let revision):
      "the download is not complete, run: \(download(model, revision))"
    }
  }

  private static func sentence(
    for advice: SurgeryError.Advice, in command: (any ParsableCommand.Type)?
  ) -> String? {
    switch advice {
    case .dropOrRename:
      Option.drop.belongs(to: command)
        ? "pass \(Option.drop.rawValue) or \(Option.rename.rawValue) for one of them first"
        : "drop or rename one of them with espalier edit first"
    case .edit: "change one of them with espalier edit first"
    // The texts are part of the sentence.
    case .didYouMean: nil
    }
  }

  private static func download(_ model: String, _ revision: String?) -> String {
    "hf download \(shellWord(model))" + (revision.map { " --revision \(shellWord($0))" } ?? "")
  }

  /// `path` as one word of a shell that no program takes for an option.
  static func shellPath(_ path: String) -> String {
    shellWord(path.begins(with: "-") ? "./\(path)" : path)
  }

  /// `text` as one word of a shell: in single quotes unless it is plain.
  static func shellWord(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
          UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "@"),
          UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "%"):
          true
        default: byte >= 0x80
        }
      }
    return isPlain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
  }
}

extension FineTuningError.Underlying {
  /// The error itself.
  var error: any Error {
    switch self {
    case .checkpoint(let error): error
    case .surgery(let error): error
    }
  }
}
