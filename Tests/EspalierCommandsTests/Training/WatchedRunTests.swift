import EspalierTestSupport
import Foundation
import Testing

/// What a person sees of a run, and when.
@Suite("A run that is watched")
struct WatchedRunTests {
  let folder: Folder

  init() throws { folder = try Folder.ofSmallRun() }

  private func arguments(_ more: String...) -> [String] {
    [
      "train", "--model", "tiny", "--head", "mlp:16", "--train", "linear", "--data", "train.tsv",
      "--eval", "dev.tsv",
    ] + more
  }

  /// Where `words` first occur in `text`, one after the other; `nil` when they do not in that order.
  private func isInOrder(_ words: [String], in text: String) -> Bool {
    var rest = text[...]
    for word in words {
      guard let range = rest.range(of: word) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }

  @Test(arguments: [80, 40])
  func `on a terminal the plan comes before the first step, and each epoch before the next`(
    columns: Int
  ) throws {
    let terminal = try Terminal(columns: columns)
    let seen = try terminal.run(
      arguments("--epochs", "3", "--progress", "always", "-o", "out"), in: folder)
    #expect(seen.status == 0)
    let text = seen.output.plain
    let plan = text.range(of: "expected ")
    let live = text.range(of: "\r\u{1B}[Kfrozen trunk ")
    #expect(try #require(plan).upperBound < (try #require(live).lowerBound), "\(text)")
    #expect(
      isInOrder(
        [
          "trains ", "expected ", "frozen trunk ", " left", "    1    ", "    2    ", "    3    ",
          "wrote out in",
        ],
        in: text), "\(text)")
    // The line of a terminal is erased before anything else is printed, and nothing of it stays.
    for part in text.components(separatedBy: "\r\u{1B}[K") where part.contains(" left") {
      #expect(!part.contains("\n"), "\(part)")
    }
    // Commands to copy are not broken into lines.
    let lines = text.components(separatedBy: "\n").filter { !$0.hasPrefix("  espalier ") }
    #expect(lines.filter { !$0.contains("\r") }.allSatisfy { $0.count <= columns }, "\(text)")
  }

  @Test func `in a pipe the plan comes before the first step, also when output is one stream`()
    throws
  {
    let words = arguments("--epochs", "2", "--progress", "always", "-o", "out")
    let result = try Tool.shell(
      "espalier \(words.joined(separator: " ")) 2>&1 | cat", in: folder)
    #expect(
      isInOrder(
        ["trains ", "expected ", "frozen trunk ", "    1    ", "    2    ", "wrote out"],
        in: result.output),
      "\(result.output)")
  }

  @Test func `the plan of folds comes before their first step`() throws {
    let words = arguments("--folds", "2", "--epochs", "1", "--progress", "always")
      .filter { $0 != "--eval" && $0 != "dev.tsv" }
    let result = try Tool.shell("espalier \(words.joined(separator: " ")) 2>&1 | cat", in: folder)
    #expect(
      isInOrder(["expected ", "frozen trunk ", "2 folds: "], in: result.output), "\(result.output)")
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func `a signal leaves one line with the command that continues the run`(
    signal: Int32, status: Int32
  ) throws {
    let output = "it's a run"
    let terminal = try Terminal(columns: 80)
    let process = try terminal.start(
      arguments("--epochs", "100000", "--progress", "always", "-o", output), in: folder)
    _ = terminal.read(until: " best")
    kill(process.processIdentifier, signal)
    let rest = terminal.read().plain
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == status)
    let line = try #require(
      rest.components(separatedBy: "\n").last { !$0.isEmpty }?.components(separatedBy: "\u{1B}[K")
        .last)
    let match = try #require(
      line.wholeMatch(
        of: /espalier: interrupted after epoch ([0-9]+) of 100000; to continue, run: (.+)/),
      "\(rest)")
    let epoch = try #require(Int(match.1))
    #expect(epoch >= 1)
    #expect(match.2 == #"espalier train --resume 'it'\''s a run'"#)
    // What the line says is true, and the command works as it is printed.
    let listed = try Tool.run("ls", output, in: folder)
    #expect(listed.status == 2)
    #expect(
      listed.errors.hasPrefix(
        "espalier: error: it's a run: holds a training run that was interrupted, after epoch "),
      "\(listed.errors)")
    #expect(listed.errors.hasSuffix("; espalier log shows its epochs\n"))
    let plan = try Tool.shell("\(match.2) --dry-run", in: folder)
    #expect(plan.status == 0)
    #expect(plan.errors.contains("espalier: note: resumed after epoch "), "\(plan.errors)")
  }

  @Test func `every command takes an interrupted run for what it is`() throws {
    let process = try Tool.start(arguments("--epochs", "100000", "-o", "out"), in: folder)
    while process.isRunning, !folder.exists("out/history.jsonl") { usleep(500) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    for words in [
      ["ls", "out"], ["diff", "tiny", "out"], ["predict", "--model", "out", "a text"],
      ["evaluate", "--model", "out", "--data", "dev.tsv"],
      ["convert", "out", "-o", "x.safetensors"],
      ["train", "--model", "out", "--train", "linear", "--data", "train.tsv", "-o", "next"],
    ] {
      let result = try Tool.run(words, in: folder)
      #expect(result.status == 2, "\(words)")
      #expect(
        result.errors.contains("out: holds a training run that was interrupted, after epoch "),
        "\(words): \(result.errors)")
      #expect(result.errors.contains("espalier train --resume out"), "\(words)")
    }
  }

  @Test func `an interrupted trunk continues where it stopped, and no part of a block is trusted`()
    throws
  {
    // Many texts, so that the trunk takes many blocks.
    let text = try folder.text("train.tsv")
    try folder.write(Array(String(repeating: text, count: 12).utf8), to: "many.tsv")
    func many(_ output: String) -> [String] {
      arguments("--epochs", "1", "-o", output).map { $0 == "train.tsv" ? "many.tsv" : $0 }
    }
    try #require(try Tool.run(many("whole"), in: folder).status == 0)
    let process = try Tool.start(many("out"), in: folder)
    func journal() -> String? {
      ((try? Folder.names(folder.path("out"))) ?? []).first { $0.hasPrefix("frozen-trunk-") }
    }
    func size() -> Int { journal().flatMap { try? folder.bytes("out/\($0)").count } ?? 0 }
    while process.isRunning, size() < 20_000 { usleep(200) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    try #require(process.terminationStatus == 143, "the run was still computing")
    let name = try #require(journal())
    let stored = try folder.bytes("out/\(name)")
    #expect(!folder.exists("out/history.jsonl"))
    // As a process leaves it that is killed in the middle of a block, and with elements that are not those that were
    // computed.
    var broken = Array(stored.dropLast(7))
    broken[broken.count / 2] ^= 1
    try folder.write(broken, to: "out/\(name)")
    let resumed = try Tool.run("train", "--resume", "out", in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("resumed before the end of the first epoch"))
    #expect(try folder.bytes("out/model.safetensors") == folder.bytes("whole/model.safetensors"))
    #expect(try Folder.names(folder.path("out")) == Folder.names(folder.path("whole")))
  }

  @Test func `the last lines name what was written, and commands that work as they are`() throws {
    let run = try Tool.run(arguments("--epochs", "1", "-o", "my tuned"), in: folder)
    try #require(run.status == 0)
    #expect(
      run.output.contains(
        "\n  model   my tuned/model.safetensors\n  mask    my tuned/freeze-mask.json\n"
          + "  report  my tuned/report.html\n"))
    let commands = run.output.components(separatedBy: "\n").filter { $0.hasPrefix("  espalier ") }
    #expect(
      commands == [
        "  espalier evaluate --model 'my tuned' --data dev.tsv",
        "  espalier predict --model 'my tuned' 'a text'",
        "  espalier verify tiny 'my tuned' --mask 'my tuned/freeze-mask.json'",
      ])
    for command in commands {
      #expect(try Tool.shell(command, in: folder).status == 0, "\(command)")
    }
    let delta = try Tool.run(
      arguments("--epochs", "1", "--save", "delta", "--output=-head"), in: folder)
    try #require(delta.status == 0, "\(delta.errors)")
    for command in delta.output.components(separatedBy: "\n").filter({ $0.hasPrefix("  espalier ") }
    ) {
      let result = try Tool.shell(command, in: folder)
      #expect(result.status == 0, "\(command): \(result.errors)")
    }
  }

  @Test func `no note repeats what was asked for`() throws {
    let run = try Tool.run(
      arguments("--epochs", "2", "--unfreeze-at", "2:bert.encoder.layer[-1]", "-o", "out"),
      in: folder)
    #expect(run.status == 0)
    #expect(run.errors == "")
  }
}
