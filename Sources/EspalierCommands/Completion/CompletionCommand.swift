import ArgumentParser

/// `espalier completion`: prints the completion script of a shell.
struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion",
    abstract: "Print the completion script of bash, zsh or fish, and how to install it.",
    discussion: """
      Tab then completes commands, options and their values, models of the Hugging Face cache, freeze \
      masks, and the keys, layers and selectors of the checkpoint on the command line. The first lines \
      of each script say how to install it.

        espalier completion bash
        espalier completion zsh > ~/.zfunc/_espalier
        espalier completion fish > ~/.config/fish/completions/espalier.fish
      """)

  @Argument(help: "The shell.")
  var shell: CompletionScript.Shell

  func run() throws { StandardOutput.shared.line(CompletionScript.text(shell)) }
}
