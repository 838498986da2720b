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

  /// Says what went wrong on standard error, or prints the help or version that was asked for, and
  /// returns the status to end with.
  @discardableResult
  static func report(_ error: any Error) -> Int32 {
    switch error {
    case let code as ExitCode: return code.rawValue
    case let error as CheckpointError:
      return unusable(CheckpointName.sentence(for: error) ?? Advice.sentence(for: error))
    case let error as SurgeryError:
      // An error of a file has the sentence that it has without the library around it.
      if let file = error.underlying { return report(file) }
      return unusable(error.sentence)
    case let error as FineTuningError: return unusable(error.description)
    case let error as InputError: return unusable(error.description)
    default: return usage(error)
    }
  }

  /// Says which usage of `command` is wrong, and what is right. The parser does so only for what it finds
  /// itself.
  static func report(_ error: ValidationError, of command: any ParsableCommand.Type) -> Int32 {
    let names = Espalier.names(of: command).joined(separator: " ")
    let usage = Espalier.usageString(for: command).replacing("\n", with: "\n       ")
    StandardError.line(
      "espalier: error: \(oneLine(error.message))\nUsage: \(usage)\n"
        + "  See '\(names) --help' for more information.")
    return Espalier.exitCode(for: error).rawValue
  }

  private static func unusable(_ sentence: String) -> Int32 {
    StandardError.line("espalier: error: \(oneLine(sentence))")
    return unusable.rawValue
  }

  /// Requests for help and version come as errors too, with status 0.
  private static func usage(_ error: any Error) -> Int32 {
    let status = Espalier.exitCode(for: error).rawValue
    var message = Espalier.fullMessage(for: error)
    guard status != 0 else {
      StandardOutput.shared.line(message == versionText ? fullVersionText() : message)
      StandardOutput.shared.flush()
      return status
    }
    if message.hasPrefix("Error: ") { message.removeFirst("Error: ".count) }
    // The parser repeats what was typed, or what a stored command line holds.
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    StandardError.line(
      "espalier: error: \(lines.map { oneLine(String($0)) }.joined(separator: "\n"))")
    return status
  }

}

/// Why a command could not use what it was given, when no library has a word for it.
struct InputError: Error, CustomStringConvertible {
  /// The sentence, beginning with the file if there is one.
  let description: String

  init(_ description: String) { self.description = description }

  /// Runs `body` and puts `path` before the sentence of a selector or mask that does not fit it.
  static func naming<R>(_ path: String, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as SurgeryError {
      if let file = error.underlying { throw file }
      let sentence = error.sentence
      throw InputError(sentence.hasPrefix(path + ":") ? sentence : "\(path): \(sentence)")
    }
  }
}
