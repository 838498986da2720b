import ArgumentParser
import CheckpointFiles

/// What `espalier git install` sets: the driver of `git diff` for checkpoints, and the files that it is for.
struct GitSettings {
  /// The patterns of files.
  static let patterns = ["*.safetensors", "*.pt", "*.pth", "*.ckpt", "pytorch_model*.bin"]
  private static let name = "diff.espalier.textconv"

  /// `--local` or `--global`.
  private let scope: String
  /// The file of attributes.
  private let attributes: String
  /// The folder of the repository; `nil` for the settings of the user.
  private let repository: String?

  /// - Parameter isGlobal: for all repositories of the user, and not for the one of the current folder.
  init(isGlobal: Bool) throws {
    if isGlobal {
      scope = "--global"
      repository = nil
      if let path = try GitProgram.answer(
        "config", "--global", "--type=path", "core.attributesFile")
      {
        attributes = path
      } else if let folder = Environment["XDG_CONFIG_HOME"] {
        attributes = Path.join(folder, "git/attributes")
      } else if let home = Environment["HOME"] {
        attributes = Path.join(home, ".config/git/attributes")
      } else {
        throw InputError("there is no home folder for the settings of git; set HOME")
      }
    } else {
      guard let folder = try GitProgram.answer("rev-parse", "--show-toplevel") else {
        throw InputError(
          "the current folder is not in the working tree of a git repository; run git init first, or pass --global"
        )
      }
      scope = "--local"
      repository = folder
      attributes = Path.join(folder, ".gitattributes")
    }
  }

  /// What reads the settings: a file of the repository, or all repositories.
  private var place: String {
    repository == nil ? "global configuration" : "configuration of this repository"
  }

  /// Sets what is not set yet; one sentence for each change.
  func install(_ command: String) throws -> [String] {
    var changes: [String] = []
    let before = try GitProgram.answer("config", scope, "--get", GitSettings.name)
    if before.map({ $0.isSame(as: command) }) != true {
      try GitProgram.demand("config", scope, GitSettings.name, command)
      let old = before.map { "; it was \(quoted($0))" } ?? ""
      changes.append("set \(GitSettings.name) to \(quoted(command)) in the \(place)\(old)")
    }
    let lines = try readLines()
    let missing = GitSettings.patterns.map { "\($0) diff=espalier" }.filter { line in
      !lines.contains { GitSettings.fields($0) == GitSettings.fields(line) }
    }
    guard !missing.isEmpty else { return changes }
    _ = try FolderCreation(path: Path.parent(of: attributes))
    try write(lines + missing)
    changes.append("added \(Text.counted(missing.count, "line")) to \(attributes)")
    return changes
  }

  /// Removes what ``install(_:)`` sets; one sentence for each change.
  func uninstall() throws -> [String] {
    var changes: [String] = []
    if try GitProgram.answer("config", scope, "--get", GitSettings.name) != nil {
      try GitProgram.demand("config", scope, "--unset-all", GitSettings.name)
      changes.append("removed \(GitSettings.name) from the \(place)")
    }
    let lines = try readLines()
    let kept = lines.filter { line in
      !GitSettings.patterns.contains { GitSettings.fields(line) == [$0, "diff=espalier"] }
    }
    guard kept.count < lines.count else { return changes }
    if kept.isEmpty { WholeFile.remove(attributes) } else { try write(kept) }
    changes.append(
      "removed \(Text.counted(lines.count - kept.count, "line")) from \(attributes)"
        + (kept.isEmpty ? ", which was empty then and is removed, too" : ""))
    return changes
  }

  /// A pattern of which git uses another driver: a line that comes later decides.
  func overridden() throws -> (pattern: String, driver: String)? {
    for pattern in GitSettings.patterns {
      let name = pattern.replacing("*", with: "x")
      guard let answer = try GitProgram.answer("check-attr", "diff", "--", name) else { return nil }
      let driver = answer.split(separator: " ").last.map(String.init) ?? ""
      if !driver.isSame(as: "espalier") { return (pattern, driver) }
    }
    return nil
  }

  private static func fields(_ line: String) -> [String] {
    line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
  }

  private func readLines() throws -> [String] {
    guard WholeFile.exists(attributes) else { return [] }
    var lines = String(decoding: try WholeFile.read(attributes), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  private func write(_ lines: [String]) throws {
    try WholeFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: attributes)
  }
}
