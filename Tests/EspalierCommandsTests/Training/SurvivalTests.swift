import EspalierTestSupport
import Foundation
import Testing

@Suite("What a run survives")
struct SurvivalTests {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
  }

  private func arguments(_ output: String, _ more: [String]) -> [String] {
    [
      "train", "--model", "tiny", "--head", "mlp:16", "--data",
      Fixtures.path("sentiment/train.tsv"), "--eval", Fixtures.path("sentiment/dev.tsv"),
      "-o", output,
    ] + more
  }

  /// The epochs that the history of a run has.
  private func epochs(_ output: String) -> Int {
    ((try? folder.text("\(output)/history.jsonl")) ?? "").split(separator: "\n").count
  }

  /// Kills a process in the middle of the epoch that follows `count` stored ones.
  private func kill(_ process: Process, after count: Int, in output: String) throws {
    while process.isRunning, epochs(output) < count { usleep(2_000) }
    // The state of an epoch is stored before its line of the history; an epoch takes far longer than this.
    usleep(30_000)
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try #require(process.terminationReason == .uncaughtSignal, "it was still running")
    #expect(process.terminationStatus == SIGKILL)
  }

  @Test(arguments: [
    ["--train", "**", "--batch-size", "2", "--epochs", "4"],
    [
      "--train", "linear", "--unfreeze-at", "2:bert.encoder.layer[-1]", "--batch-size", "1",
      "--epochs", "4", "--patience", "2", "--lr", "0.01",
    ],
  ])
  func `a run that is killed in the middle of epochs goes on to the same bytes`(
    options: [String]
  ) throws {
    let whole = try Tool.run(arguments("whole", options), in: folder)
    try #require(whole.status == 0, "\(whole.errors)")
    try kill(Tool.start(arguments("killed", options), in: folder), after: 1, in: "killed")
    #expect(!folder.exists("killed/model.safetensors"))
    // And once more, in the run that goes on.
    try kill(Tool.start(["train", "--resume", "killed"], in: folder), after: 2, in: "killed")
    #expect(!folder.exists("killed/model.safetensors"))
    let resumed = try Tool.run("train", "--resume", "killed", in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    for name in ["model.safetensors", "freeze-mask.json", "config.json", "espalier.json"] {
      #expect(try folder.bytes("whole/\(name)") == folder.bytes("killed/\(name)"), "\(name)")
    }
    #expect(try losses("whole") == losses("killed"))
    #expect(try contents("whole") == contents("killed"))
  }

  @Test func `an option that a resumed run would not heed is wrong usage`() throws {
    _ = try limited(100, arguments("full", ["--train", "linear", "--epochs", "1"]))
    let refused = try Tool.run("train", "--resume", "full", "--epochs", "9", in: folder)
    #expect(refused.status == 64)
    #expect(refused.errors.contains("leave out --epochs"))
    let taken = try Tool.run(
      "train", "--resume", "full", "--threads=1", "--cache-dir", "cache", "--json", in: folder)
    #expect(taken.status == 0, "\(taken.errors)")
    #expect((try taken.object()["plan"] as? [String: Any])?["cache_dir"] as? String == "cache")
  }

  /// The losses of a history, as they are spelled.
  private func losses(_ output: String) throws -> [[String]] {
    try folder.text("\(output)/history.jsonl").split(separator: "\n").map { line in
      line.split(separator: ",").filter { $0.contains("loss") || $0.contains("best") }.map(
        String.init)
    }
  }

  private func contents(_ output: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path(output)).sorted()
  }

  /// Runs the tool where no file may become larger than `blocks` of 512 bytes: what a full disk is,
  /// without filling one.
  private func limited(_ blocks: Int, _ arguments: [String]) throws -> Tool.Result {
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    return try Tool.shell("ulimit -f \(blocks); exec espalier \(words)", in: folder)
  }

  private func expectOneLine(_ result: Tool.Result) {
    #expect(result.status == 2)
    let errors = result.errors.split(separator: "\n").filter { $0.contains("espalier: error: ") }
    #expect(errors.count == 1, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("espalier: ") })
  }

  @Test func `no room for the model: one line, the state stays, and the run is finished later`()
    throws
  {
    let options = ["--train", "linear", "--epochs", "2"]
    try #require(try Tool.run(arguments("whole", options), in: folder).status == 0)
    expectOneLine(try limited(100, arguments("full", options)))
    // The output of the frozen trunk is kept, too, where it fits.
    #expect(
      try contents("full").filter { !$0.hasPrefix("frozen-trunk-") } == [
        "history.jsonl", "training-state.espalier",
      ])
    #expect(try Tool.run("train", "--resume", "full", in: folder).status == 0)
    #expect(
      try folder.bytes("full/model.safetensors") == folder.bytes("whole/model.safetensors"))
    #expect(try contents("full") == contents("whole"))
  }

  @Test func `no room for the first state: one line, and nothing is left`() throws {
    expectOneLine(try limited(4, arguments("full", ["--train", "linear"])))
    #expect(!folder.exists("full"))
    // The same call works when there is room.
    #expect(try Tool.run(arguments("full", ["--train", "linear"]), in: folder).status == 0)
  }

  @Test func `no room for a later state: the last one is still there`() throws {
    // The best epoch's rows stand in the state when they are not the present ones: it grows.
    let options = [
      "--train", "bert.embeddings.word_embeddings.weight", "--epochs", "3", "--lr", "1e-30",
    ]
    try #require(try Tool.run(arguments("whole", options), in: folder).status == 0)
    expectOneLine(try limited(469, arguments("full", options)))
    #expect(epochs("full") == 1)
    #expect(try contents("full") == ["history.jsonl", "training-state.espalier"])
    let resumed = try Tool.run("train", "--resume", "full", in: folder)
    #expect(resumed.status == 0)
    #expect(resumed.errors.contains("resumed after epoch 1"))
    #expect(
      try folder.bytes("full/model.safetensors") == folder.bytes("whole/model.safetensors"))
    #expect(try losses("full") == losses("whole"))
  }

  @Test func `no room for the cache is a note, and the run goes on`() throws {
    let options = [
      "--train", "bert.encoder.layer[-1]", "--epochs", "1", "--cache-dir", "cache",
    ]
    let result = try limited(600, arguments("tuned", options))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("espalier: note: the cache is not kept"))
    #expect(try contents("cache").allSatisfy { $0.hasPrefix("features-") })
  }

  @Test func `a run with a delta is put back by apply, and proven`() throws {
    let options = ["--train", "linear", "--epochs", "1"]
    try #require(try Tool.run(arguments("whole", options), in: folder).status == 0)
    let run = try Tool.run(arguments("head", options + ["--save", "delta"]), in: folder)
    try #require(run.status == 0)
    #expect(!folder.exists("head/model.safetensors"))
    #expect(try Tool.run("delta", "apply", "tiny", "head", "-o", "again", in: folder).status == 0)
    for name in ["model.safetensors", "config.json", "espalier.json", "freeze-mask.json"] {
      #expect(try folder.bytes("again/\(name)") == folder.bytes("whole/\(name)"), "\(name)")
    }
    let proof = try Tool.run(
      "verify", "tiny", "head", "--mask", "head/freeze-mask.json", in: folder)
    #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    let refused = try Tool.run("predict", "--model", "head", "a text", in: folder)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("; pass --base BASE"))
    let whole = try Tool.run("predict", "--model", "whole", "a text", in: folder)
    let applied = try Tool.run(
      "predict", "--base", "tiny", "--model", "head", "a text", in: folder)
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(applied.output == whole.output)
    let other = try Tool.run(
      "predict", "--base", "whole", "--model", "head", "a text", in: folder)
    #expect(other.status == 2)
    #expect(other.errors.hasPrefix("espalier: error: whole: is not the base of this delta"))
    let idle = try Tool.run(
      "predict", "--base", "tiny", "--model", "whole", "a text", in: folder)
    #expect(idle.status == 2)
    #expect(idle.errors.hasPrefix("espalier: error: whole: holds no delta but a whole model"))
    let file = try Tool.run(
      "predict", "--base", "tiny", "--model", "head/model.delta.safetensors", "a text", in: folder)
    #expect(file.output == whole.output)
  }
}
