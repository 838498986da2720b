import ArgumentParser

/// The start of the process. Everything that ends it passes through here, so that exit statuses and the form
/// of error lines are decided in one place.
package enum Program {
  /// Runs the command that the arguments of the process name, and ends the process.
  package static func main() -> Never {
    Signals.install()
    do {
      if CompletionRequest.answer(CommandLine.arguments.dropFirst()) { finish() }
      if try HelpRequest.printTopic(CommandLine.arguments.dropFirst()) { finish() }
      try Espalier.demandCommand(CommandLine.arguments.dropFirst())
      var command = try Espalier.parseAsRoot()
      do { try command.run() } catch {
        Signals.yieldIfEnding()
        StandardOutput.shared.flush()
        System.exit(ExitStatus.report(error, of: type(of: command)))
      }
      finish()
    } catch {
      StandardOutput.shared.flush()
      System.exit(ExitStatus.report(error))
    }
  }

  /// Ends the process with status 0. A command that holds a large tree calls it itself, because freeing the tree
  /// node by node would take as long as printing it.
  static func finish() -> Never {
    StandardOutput.shared.flush()
    System.exit(0)
  }
}
