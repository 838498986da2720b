import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

/// `git diff` of checkpoints, with a real repository.
@Suite(.enabled(if: `Completion in a shell`.has("git"), "git is not installed"))
struct `Checkpoints in git` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.makeFolder("home")
    try folder.makeFolder("repository")
    #expect(try run("git init -q .").status == 0)
  }

  /// Runs a line in the repository, with the settings of a user who has none.
  private func run(_ line: String) throws -> Tool.Result {
    try Tool.shell(
      """
      export HOME=$PWD/home XDG_CONFIG_HOME= GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=$PWD/home/.gitconfig GIT_PAGER=cat
      export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
      unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
      cd repository && { \(line)
      }
      """, in: folder)
  }

  private func write(_ entries: [Fixture.Entry], _ name: String = "m.safetensors") throws {
    try folder.write(Fixture.safetensors(entries), to: "repository/\(name)")
  }

  @Test func `install sets the driver once and says what it changed`() throws {
    let first = try run("espalier git install")
    #expect(first.status == 0)
    #expect(first.errors == "")
    let lines = first.output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
      lines.first
        == "set diff.espalier.textconv to \"espalier git textconv\" in the configuration of this repository"
    )
    #expect(lines.last?.hasPrefix("added 5 lines to ") == true)
    let attributes = try folder.text("repository/.gitattributes")
    #expect(attributes.hasPrefix("*.safetensors diff=espalier\n*.pt diff=espalier\n"))
    let second = try run("espalier git install")
    #expect(second.output == "nothing to change: everything is set already\n")
    #expect(try folder.text("repository/.gitattributes") == attributes)
    #expect(
      try run("git config --get-all diff.espalier.textconv").output == "espalier git textconv\n")
    #expect(!folder.exists("home/.gitconfig"))
  }

  @Test func `uninstall removes what install added, and nothing else`() throws {
    try folder.write(Array("*.txt text\n*.bin  filter=lfs".utf8), to: "repository/.gitattributes")
    _ = try run("espalier git install")
    #expect(
      try folder.text("repository/.gitattributes").hasPrefix(
        "*.txt text\n*.bin  filter=lfs\n*.safetensors diff=espalier\n"))
    let result = try run("espalier git uninstall")
    #expect(result.status == 0)
    #expect(result.output.split(separator: "\n").count == 2)
    #expect(try folder.text("repository/.gitattributes") == "*.txt text\n*.bin  filter=lfs\n")
    #expect(try run("git config --get diff.espalier.textconv").status == 1)
    #expect(try run("espalier git uninstall").output == "nothing to change: nothing is set\n")
  }

  @Test func `uninstall removes a file of attributes that is empty then`() throws {
    _ = try run("espalier git install")
    #expect(try run("espalier git uninstall").output.contains("which was empty then"))
    #expect(!folder.exists("repository/.gitattributes"))
  }

  @Test func `install works for all repositories of a user`() throws {
    let result = try run("espalier git install --global")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try folder.text("home/.gitconfig").contains("textconv = espalier git textconv"))
    #expect(try folder.text("home/.config/git/attributes").contains("*.safetensors diff=espalier"))
    #expect(!folder.exists("repository/.gitattributes"))
    #expect(
      try run("git check-attr diff -- m.safetensors").output == "m.safetensors: diff: espalier\n")
    #expect(try run("espalier git uninstall --global").output.split(separator: "\n").count == 2)
    #expect(!folder.exists("home/.config/git/attributes"))
  }

  @Test func `install needs a repository, or --global`() throws {
    let result = try run("cd ../home; GIT_CEILING_DIRECTORIES=$PWD espalier git install")
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: the current folder is not in the working tree of a git "
        + "repository; run git init first, or pass --global\n")
  }

  @Test func `install warns when a later line gives files to git LFS`() throws {
    _ = try run("espalier git install; echo '*.safetensors diff=lfs' >> .gitattributes")
    let result = try run("espalier git install")
    #expect(
      result.errors.hasPrefix(
        "espalier: warning: git uses the driver \"lfs\" for *.safetensors, not espalier; "))
  }

  @Test func `git diff shows the tensors that changed, and no others`() throws {
    try write(Fixture.story)
    _ = try run("espalier git install; git add -A; git commit -qm one")
    #expect(try run("git diff --exit-code").output == "")
    var entries = Fixture.story(changing: "linear.2.bias", to: [1, 2])
    entries.removeAll { $0.key == "linear.0.bias" }
    entries.append(Fixture.Entry("linear.4.weight", [1, 2], [1, 2]))
    try write(entries)
    let result = try run("git diff --unified=0")
    #expect(result.status == 0)
    #expect(result.errors == "")
    let changes = result.output.split(separator: "\n").filter {
      ($0.hasPrefix("-") || $0.hasPrefix("+")) && !$0.hasPrefix("---") && !$0.hasPrefix("+++")
    }
    #expect(changes.count == 4)
    #expect(changes.contains { $0.hasPrefix("-linear.0.bias  F32  [3]  sha256 ") })
    #expect(changes.contains { $0.hasPrefix("-linear.2.bias  F32  [2]  sha256 ") })
    #expect(changes.contains { $0.hasPrefix("+linear.2.bias  F32  [2]  sha256 ") })
    #expect(changes.contains { $0.hasPrefix("+linear.4.weight  F32  [1, 2]  sha256 ") })
    _ = try run("git commit -qam two")
    #expect(try run("git log -p -1").output.contains("\n+linear.4.weight  F32"))
  }

  @Test func `git diff works where the program is not in PATH`() throws {
    try write(Fixture.story)
    let path = Tool.executable.path
    _ = try run(
      "export PATH=/usr/bin:/bin; '\(path)' git install; git add -A; git commit -qm one")
    try write(Fixture.story(changing: "linear.2.bias", to: [1, 2]))
    let result = try run("PATH=/usr/bin:/bin git diff")
    #expect(result.status == 0)
    #expect(result.output.contains("\n+linear.2.bias  F32  [2]  sha256 "))
  }

  @Test func `the text depends on the contents alone, and has the digests of ls`() throws {
    try write(Fixture.story, "a.safetensors")
    try write(Fixture.story.reversed(), "b.safetensors")
    let first = try run("espalier git textconv a.safetensors")
    #expect(first.status == 0)
    #expect(try run("espalier git textconv b.safetensors").output == first.output)
    let lines = first.output.split(separator: "\n")
    #expect(lines.first == "checkpoint of the format safetensors")
    #expect(lines.count == Fixture.story.count + 1)
    let listing = try JSONParser.parse(
      Array(try run("espalier ls a.safetensors linear.2.bias --sha256 --json").output.utf8))
    let digest = try #require(listing["tensors"]?.array?.first?["sha256"]?.string)
    #expect(lines.contains("linear.2.bias  F32  [2]  sha256 \(digest)"))
  }

  @Test func `what is not a checkpoint is described, and does not stop git diff`() throws {
    try folder.write(Array("broken".utf8), to: "repository/m.safetensors")
    _ = try run("espalier git install; git add -A; git commit -qm one")
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    try folder.write(Array(pointer.utf8), to: "repository/m.safetensors")
    let result = try run("git diff")
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(result.output.contains("\n-not a readable checkpoint: "))
    #expect(result.output.contains("\n-6 bytes, sha256 "))
    #expect(result.output.contains("\n+pointer of git LFS; the file itself is not here\n"))
    #expect(result.output.contains("\n+oid sha256:4d7a\n"))
    let absent = try run("espalier git textconv absent.safetensors")
    #expect(absent.status == 0)
    #expect(absent.output.hasPrefix("not a readable checkpoint: "))
  }

  @Test func `keys of a hostile file are one line each`() throws {
    try write([Fixture.Entry(#"a\nb\u001b[31m"#, [1], [1])])
    let result = try run("espalier git textconv m.safetensors")
    #expect(result.output.split(separator: "\n").count == 2)
    #expect(!result.output.utf8.contains(0x1B))
    #expect(result.output.contains(#"a\nb\u{1b}[31m  F32  [1]  sha256 "#))
  }
}
