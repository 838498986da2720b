import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// What the exit status of the tool means to a script.
enum ExitStatus {
  /// The answer is "no": differences were found, a proof failed.
  static let no = ExitCode(1)
  /// The input could not be used.
  static let unusable = ExitCode(2)

  /// Prints what went wrong in `command` on standard error, or the help or version that was asked for on
  /// standard output, and returns the status to end with.
  @discardableResult
  static func report(_ error: any Error, of command: (any ParsableCommand.Type)? = nil) -> Int32 {
    switch error {
    case let code as ExitCode: return code.rawValue
    case _ where RunInterruption.explanation(of: error) != nil:
      return unusable(RunInterruption.explanation(of: error) ?? error, command)
    case let error as CheckpointError:
      return unusable(CheckpointName.explained(error, typed: CommandLine.arguments), command)
    case let error as SurgeryError:
      // An error of a file has the sentence that it has without the library around it.
      if let file = error.underlying { return report(file, of: command) }
      return unusable(error, command)
    case let error as FineTuningError:
      if [.file, .selection].contains(error.kind), let lower = error.underlying {
        return report(lower.error, of: command)
      }
      return unusable(error, command)
    case is InputError: return unusable(error, command)
    case let error as ValidationError:
      guard let command else { return parserMessage(error) }
      return report(error, of: command)
    default: return parserMessage(error)
    }
  }

  /// Prints which usage of `command` is wrong, and what is right. The parser does so only for what it finds
  /// itself.
  private static func report(_ error: ValidationError, of command: any ParsableCommand.Type)
    -> Int32
  {
    let names = Espalier.names(of: command).joined(separator: " ")
    let usage = Espalier.usageString(for: command).replacing("\n", with: "\n       ")
    let status = Espalier.exitCode(for: error).rawValue
    ErrorReport(
      kind: "usage", status: status,
      usage: "Usage: \(usage)\n  See '\(names) --help' for more information.", error.message
    ).print()
    return status
  }

  private static func unusable(
    _ error: any Error, _ command: (any ParsableCommand.Type)?
  ) -> Int32 {
    ErrorReport(error, in: command, status: unusable.rawValue).print()
    return unusable.rawValue
  }

  /// The sentence of an error and what to do about it, on one line.
  static func sentence(
    for error: any Error, in command: (any ParsableCommand.Type)? = nil
  ) -> String {
    let advice = Advice.sentence(for: error, in: command).map { "; \($0)" } ?? ""
    return oneLine("\(error)\(advice)")
  }

  /// Requests for help and version come as errors too, with status 0.
  private static func parserMessage(_ error: any Error) -> Int32 {
    let status = Espalier.exitCode(for: error).rawValue
    var message = Espalier.fullMessage(for: error)
    guard status != 0 else {
      let words = CommandLine.arguments.dropFirst()
      StandardOutput.shared.line(
        message == versionText
          ? fullVersionText()
          : Espalier.help(insteadOf: message, isShort: HelpRequest.isShort(words)) ?? message)
      StandardOutput.shared.flush()
      return status
    }
    if message.hasPrefix("Error: ") { message.removeFirst("Error: ".count) }
    // The parser repeats what was typed, or what a stored command line holds.
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
      .map { oneLine(String($0)) }
    ErrorReport(
      kind: "usage", status: status,
      usage: lines.count > 1 ? lines.dropFirst().joined(separator: "\n") : nil, lines.first ?? ""
    ).print()
    return status
  }
}
