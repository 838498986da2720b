import ArgumentParser
import CheckpointFiles

/// `espalier git`: lets git show what changed in a checkpoint.
struct GitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "git",
    abstract: "Let git diff show the changes of checkpoints as text.",
    discussion: """
      After the installation, git diff, git log -p and git show compare the keys, dtypes, shapes and \
      digests of the values of two versions of a checkpoint, a line for each tensor. git itself stores \
      the files as before. \(Documentation.page("git.md")) shows the two lines for those who prefer to \
      write them into the settings themselves.

        espalier git install
        git diff HEAD~1 -- model.safetensors
        espalier git uninstall
      """,
    subcommands: [InstallCommand.self, UninstallCommand.self, TextCommand.self])

  /// `espalier git install`.
  struct InstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "install",
      abstract: "Set the driver of git diff for checkpoints.",
      discussion: """
        Sets diff.espalier.textconv in the configuration of the repository and adds lines to its \
        .gitattributes; with --global, in the settings of the user, for all repositories. Prints what \
        it changed. A second call changes nothing.

          espalier git install
          espalier git install --global
        """)

    @Flag(help: "Install it for all repositories of the user.")
    var global = false

    func run() throws {
      let settings = try GitSettings(isGlobal: global)
      let changes = try settings.install("\(GitCommand.program) git textconv")
      let output = StandardOutput.shared
      for change in changes { output.sentence(change) }
      if changes.isEmpty { output.line("nothing to change: everything is set already") }
      guard !global, let other = try settings.overridden() else { return }
      StandardError.warning(
        "git uses the driver \(quoted(other.driver)) for \(other.pattern), not espalier; move the lines "
          + "with diff=espalier to the end of .gitattributes")
    }
  }

  /// `espalier git uninstall`.
  struct UninstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "uninstall",
      abstract: "Remove what espalier git install set.",
      discussion: """
        Removes the setting and the lines that install adds, and nothing else.

          espalier git uninstall
          espalier git uninstall --global
        """)

    @Flag(help: "Remove it from the settings of the user.")
    var global = false

    func run() throws {
      let changes = try GitSettings(isGlobal: global).uninstall()
      for change in changes { StandardOutput.shared.sentence(change) }
      if changes.isEmpty { StandardOutput.shared.line("nothing to change: nothing is set") }
    }
  }

  /// `espalier git textconv`, which git calls.
  struct TextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "textconv",
      abstract: "Print a checkpoint as the text that git compares.",
      discussion: """
        A line for each tensor, in natural order: key, dtype, shape, and the SHA-256 of the elements, as \
        'espalier ls --sha256' prints it. The text depends on the contents only, and not on the path. A \
        file that is not a checkpoint, such as a pointer of git LFS, is described instead, with exit \
        status 0, so that git diff continues.

          espalier git textconv model.safetensors
        """)

    @Argument(help: "A checkpoint.", completion: .file())
    var file: String

    func run() throws {
      for line in GitText.lines(of: file) { StandardOutput.shared.line(line) }
    }
  }

  /// The program as a shell finds it: its name when it is in PATH, otherwise its path.
  static var program: String {
    let typed = CommandLine.arguments.first ?? "espalier"
    guard typed.contains("/") else { return typed }
    for folder in (Environment["PATH"] ?? "").split(separator: ":") {
      if WholeFile.isSame(Path.join(String(folder), "espalier"), typed) { return "espalier" }
    }
    let path = typed.hasPrefix("/") ? typed : Path.join(Environment["PWD"] ?? ".", typed)
    return Advice.shellWord(path)
  }
}
