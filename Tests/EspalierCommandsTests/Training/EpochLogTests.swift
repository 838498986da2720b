import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

@Suite("The epochs of a run")
struct EpochLogTests {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
  }

  private func train(_ output: String, _ more: String...) throws {
    let result = try Tool.run(
      [
        "train", "--model", "tiny", "--head", "mlp:16", "--data",
        Fixtures.path("sentiment/train.tsv"), "--eval", Fixtures.path("sentiment/dev.tsv"),
        "-o", output,
      ] + more, in: folder)
    try #require(result.status == 0, "\(result.errors)")
  }

  private func restore(_ epoch: Int, of run: String, as name: String) throws {
    let result = try Tool.run(
      "delta", "apply", "tiny", "\(run)/epochs/epoch-\(epoch).delta.safetensors", "-o", name,
      in: folder)
    try #require(result.status == 0, "\(result.errors)")
  }

  /// The movements of a record, by key.
  private func movements(_ record: [String: Any]) -> [String: Double] {
    let moved = record["moved"] as? [[String: Any]] ?? []
    return Dictionary(
      uniqueKeysWithValues: moved.map {
        ($0["key"] as? String ?? "", $0["rel_l2"] as? Double ?? -1)
      })
  }

  private func log(_ run: String) throws -> [String: Any] {
    try Tool.run("log", run, "--json", in: folder).object()
  }

  @Test func `are kept as deltas that are exact, and restored as models`() throws {
    try train(
      "out", "--train", "linear", "bert.encoder.layer[-1]",
      "bert.embeddings.word_embeddings.weight[100:110]",
      "--epochs", "3", "--lr", "1e-3", "--keep-epochs", "all")
    let best = try #require(
      (log("out")["epochs"] as? [[String: Any]])?.first { $0["best"] as? Bool == true })
    let number = try #require(best["epoch"] as? Int)
    try restore(number, of: "out", as: "epoch")
    for name in ["model.safetensors", "espalier.json", "config.json", "freeze-mask.json"] {
      #expect(try folder.bytes("epoch/\(name)") == folder.bytes("out/\(name)"), "\(name)")
    }
    #expect(try Tool.run("predict", "--model", "epoch", "a text", in: folder).status == 0)
    #expect((try log("out")["kept"] as? [[String: Any]])?.map { $0["epoch"] as? Int } == [1, 2, 3])
  }

  @Test func `are the newest ones, when a number is given`() throws {
    try train("out", "--train", "linear", "--epochs", "4", "--keep-epochs", "2")
    #expect(
      try Folder.names(folder.path("out/epochs")) == [
        "epoch-3.delta.safetensors", "epoch-4.delta.safetensors",
      ])
    try train("none", "--train", "linear", "--epochs", "1")
    #expect(!folder.exists("none/epochs"))
    let refused = try Tool.run(
      "train", "--model", "tiny", "--train", "linear", "--data", "x", "-o", "y", "--keep-epochs",
      "some", in: folder)
    #expect(refused.status == 64)
  }

  @Test func `are the same deltas when the run was interrupted`() throws {
    let options = ["--train", "**", "--batch-size", "2", "--epochs", "3", "--keep-epochs", "all"]
    let words = [
      "train", "--model", "tiny", "--head", "mlp:16", "--data",
      Fixtures.path("sentiment/train.tsv"),
      "--eval", Fixtures.path("sentiment/dev.tsv"), "-o",
    ]
    try #require(try Tool.run(words + ["whole"] + options, in: folder).status == 0)
    let process = try Tool.start(words + ["cut"] + options, in: folder)
    while process.isRunning, !folder.exists("cut/history.jsonl") { usleep(500) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    try #require(process.terminationStatus == 143)
    try #require(try Tool.run("train", "--resume", "cut", in: folder).status == 0)
    let names = try Folder.names(folder.path("whole/epochs"))
    #expect(names.count == 3)
    #expect(try Folder.names(folder.path("cut/epochs")) == names)
    for name in names {
      #expect(
        try folder.bytes("cut/epochs/\(name)") == folder.bytes("whole/epochs/\(name)"), "\(name)")
    }
    let moved = try [log("whole"), log("cut")].map { log in
      (log["epochs"] as? [[String: Any]])?.map(movements)
    }
    #expect(moved[0]?.count == 3)
    #expect(moved[0] == moved[1])
  }

  @Test func `say how far each tensor moved, as diff measures it between two epochs`() throws {
    try train(
      "out", "--train", "linear", "--unfreeze-at", "2:bert.encoder.layer[-1].output.dense",
      "--epochs", "3",
      "--lr", "1e-3", "--keep-epochs", "all")
    for epoch in 1...3 { try restore(epoch, of: "out", as: "e\(epoch)") }
    let records = try #require(log("out")["epochs"] as? [[String: Any]])
    for epoch in 2...3 {
      let moved = movements(records[epoch - 1])
      #expect(moved.count == 6)
      let diff = try Tool.run("diff", "e\(epoch - 1)", "e\(epoch)", "--json", in: folder)
      let changed = try #require(diff.object()["changed"] as? [[String: Any]])
      #expect(Set(changed.compactMap { $0["key"] as? String }) == Set(moved.keys))
      for change in changed {
        let (key, value) = (change["key"] as? String ?? "", change["rel_l2"] as? Double ?? -1)
        #expect(abs((moved[key] ?? 0) - value) <= 1e-9 * value, "epoch \(epoch), \(key)")
      }
    }
    #expect(movements(records[0]).count == 4)
    let text = try Tool.run("log", "out", in: folder)
    #expect(text.status == 0)
    #expect(text.errors == "")
    #expect(text.output.hasPrefix("out: 3 epochs, best epoch "))
    let row = try #require(
      text.output.split(separator: "\n").first {
        $0.hasPrefix("bert.encoder.layer.1.output.dense.weight ")
      })
    #expect(row.split(separator: " ").count == 3, "it did not move in the first epoch: \(row)")
    #expect(
      text.output.contains(
        "espalier delta apply BASE out/epochs/epoch-3.delta.safetensors -o OUTPUT"))
  }

  @Test(arguments: [40, 80, 200])
  func `fit the terminal, and repeated layers are one line`(columns: Int) throws {
    try train("out", "--train", "**", "--epochs", "2")
    let seen = try Terminal(columns: columns).run(["log", "out"], in: folder)
    #expect(seen.status == 0)
    for line in seen.output.plain.components(separatedBy: "\n")
    where !line.hasPrefix("espalier: note: ") {
      // A folded key is a selector and is not cut: it has a line of its own.
      let isKey = line.hasPrefix("bert.") && line.split(separator: " ").count <= 2
      #expect(line.count <= columns || isKey, "\(line)")
    }
    #expect(seen.output.plain.contains("encoder.layer"), "\(seen.output)")
    if columns >= 80 { #expect(seen.output.plain.contains("×2")) }
    let every = try Terminal(columns: columns).run(["log", "out", "--no-group"], in: folder)
    #expect(!every.output.contains("×2"))
  }

  @Test func `of an interrupted run are shown with the command that continues it`() throws {
    let process = try Tool.start(
      [
        "train", "--model", "tiny", "--head", "mlp:16", "--train", "linear", "--data",
        Fixtures.path("sentiment/train.tsv"), "--epochs", "100000", "-o", "a run",
      ], in: folder)
    while process.isRunning, !folder.exists("a run/history.jsonl") { usleep(500) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    let seen = try Tool.run("log", "a run", in: folder)
    #expect(seen.status == 0)
    #expect(seen.output.contains("interrupted: espalier train --resume 'a run'\n"))
    #expect(try log("a run")["finished"] as? Bool == false)
  }

  @Test func `that cannot be read are one line with the place`() throws {
    try train("out", "--train", "linear", "--epochs", "2")
    let lines = try folder.text("out/history.jsonl").split(separator: "\n").map(String.init)
    for (text, sentence) in [
      ("{", "out/history.jsonl:1: not the record of an epoch: "),
      (
        lines[0] + "\n" + lines[0],
        "out/history.jsonl:2: not the record of an epoch: \"epoch\" is 1, expected 2"
      ),
      (lines[1], "out/history.jsonl:1: not the record of an epoch: \"epoch\" is 2, expected 1"),
      (
        lines[0].replacing("\"rel_l2\":", with: "\"rel_l2\":-"),
        "out/history.jsonl:1: not the record of an epoch: \"moved\" is "
      ),
      (
        lines[0].replacing("\"moved\":[", with: "\"moved\":[5,"),
        "out/history.jsonl:1: not the record of an epoch: \"moved\" is 5, expected "
      ),
      ("{\"epoch\":1}", "out/history.jsonl:1: not the record of an epoch: \"step\" is missing"),
    ] {
      try folder.write(Array(text.utf8), to: "out/history.jsonl")
      let result = try Tool.run("log", "out", in: folder)
      #expect(result.status == 2)
      #expect(result.output == "")
      #expect(result.errors.hasPrefix("espalier: error: \(sentence)"), "\(result.errors)")
    }
    let none = try Tool.run("log", "tiny", in: folder)
    #expect(none.status == 2)
    #expect(
      none.errors == "espalier: error: tiny: no history.jsonl: this is not the folder of a run\n")
  }
}
