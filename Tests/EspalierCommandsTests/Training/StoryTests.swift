import EspalierTestSupport
import Foundation
import Testing

/// The whole line on the committed tiny BERT: graft, mask, train, evaluate, predict, verify.
@Suite struct `The story` {
  let folder: Folder
  private static let data = Fixtures.path("sentiment/train.tsv")
  private static let evaluation = Fixtures.path("sentiment/dev.tsv")

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try Tool.run(
      "graft", "tiny", "--head", "mlp:16", "--labels", "2", "-o", "base", in: folder)
    try Tool.run("mask", "create", "base", "--train", "linear", "-o", "m.json", in: folder)
  }

  private func train(_ more: String...) throws -> Tool.Result {
    try Tool.run(
      [
        "train", "--model", "base", "--mask", "m.json", "--data", Self.data, "--eval",
        Self.evaluation, "--epochs", "1", "-o", "tuned",
      ] + more, in: folder)
  }

  @Test func `only the head moves, and verify proves it`() throws {
    let run = try train()
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("trains      4 tensors"))
    #expect(run.errors == "", "nothing is drawn when nobody looks")
    let proof = try Tool.run("verify", "base", "tuned", "--mask", "m.json", in: folder)
    #expect(proof.status == 0)
    #expect(
      proof.output == "OK: 39 frozen tensors byte-identical (146.8 kB), "
        + "4 of 4 trainable tensors changed\n")
    let evaluated = try Tool.run(
      "evaluate", "--model", "tuned", "--data", Self.evaluation, "--json", in: folder)
    #expect(evaluated.status == 0)
    _ = try evaluated.json()
    let predicted = try Tool.run("predict", "--model", "tuned", "a fine film", in: folder)
    #expect(predicted.status == 0)
    let columns = predicted.output.split(separator: "\t")
    #expect(columns.count == 3)
    #expect(["bad", "good"].contains(columns.first ?? ""))
    #expect(columns.last == "a fine film\n")
  }

  @Test func `the base before the graft proves the same, under the mask's names`() throws {
    #expect(try train().status == 0)
    let proof = try Tool.run("verify", "tiny", "tuned", "--mask", "m.json", in: folder)
    #expect(proof.status == 0)
    #expect(proof.output == "OK: 39 frozen tensors byte-identical (146.8 kB), 4 added\n")
    #expect(proof.errors.contains("espalier: note: tiny: 39 keys compared under the mask's names"))
  }

  @Test func `verify says no, and where, when something frozen moved`() throws {
    #expect(try train("--train").status == 64)
    try Tool.run("mask", "create", "base", "--train", "linear.0", "-o", "less.json", in: folder)
    #expect(try train().status == 0)
    let proof = try Tool.run("verify", "base", "tuned", "--mask", "less.json", in: folder)
    #expect(proof.status == 1)
    #expect(proof.output.contains("  \"linear.2.weight\" is frozen and has changed in "))
    #expect(
      proof.output.hasSuffix(
        "FAILED: 2 tensors of tuned are not identical, although the mask freezes them\n"))
    let object = try Tool.run(
      "verify", "base", "tuned", "--mask", "less.json", "--json", in: folder
    ).object()
    #expect(object["holds"] as? Bool == false)
    let violations = object["violations"] as? [[String: Any]]
    #expect(violations?.map { $0["key"] as? String } == ["linear.2.bias", "linear.2.weight"])
    #expect(violations?.allSatisfy { $0["reason"] as? String == "bytes" } == true)
  }

  @Test func `train says what its selectors match, and how many tensors train`() throws {
    func plan(_ more: String...) throws -> Tool.Result {
      try Tool.run(
        [
          "train", "--model", "tiny", "--head", "linear", "--data", Self.data, "--dry-run",
          "--train",
          "linear", "bert.encoder.layer[1].output.dense", "!**.output.dense.bias",
        ] + more, in: folder)
    }
    let explained = try plan("--explain", "--expect", "3")
    #expect(explained.status == 0, "\(explained.errors)")
    #expect(
      explained.errors.contains(
        """
        linear matches 2 tensors
          linear.weight
          linear.bias
        bert.encoder.layer[1].output.dense matches 2 tensors
          bert.encoder.layer.1.output.dense.bias
          bert.encoder.layer.1.output.dense.weight
        !**.output.dense.bias matches 4 tensors, removes 1

        """))
    let refused = try plan("--expect", "4")
    #expect(refused.status == 2)
    #expect(refused.errors.contains("tiny: expected 4 tensors to train, 3 would"))
    #expect(try plan("--folds", "2", "--explain").status == 64)
  }

  @Test func `layers that the configuration does not count are told`() throws {
    let path = folder.path("base/config.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let short = text.replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 1")
    try #require(short != text)
    try short.write(toFile: path, atomically: true, encoding: .utf8)
    let note =
      "espalier: note: base/config.json: counts 1 of the 2 layers of the checkpoint; the last one takes no part\n"
    #expect(try train("--dry-run").errors.contains("16 tensors are not part of the classifier"))
    let prediction = try Tool.run("predict", "--model", "base", "a fine film", in: folder)
    #expect(prediction.status == 0)
    #expect(prediction.errors == note)
  }

  @Test func `rows of the vocabulary train and the others do not`() throws {
    try Tool.run(
      "mask", "create", "base", "--train", "**.word_embeddings.weight[100:120]", "--train",
      "linear", "-o", "m.json", in: folder)
    #expect(try train().status == 0)
    let proof = try Tool.run("verify", "base", "tuned", "--mask", "m.json", in: folder)
    #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    #expect(proof.output.hasPrefix("OK: 38 frozen tensors and 492 frozen rows byte-identical"))
  }

  @Test func `train and evaluate print JSON alone`() throws {
    let run = try train("--json")
    #expect(run.status == 0)
    let object = try run.object()
    #expect(object["output"] as? String == "tuned")
    #expect((object["epochs"] as? [Any])?.count == 1)
    #expect(run.errors == "")
  }

  @Test func `the plan stops before anything is written`() throws {
    let result = try train("--dry-run")
    #expect(result.status == 0)
    #expect(result.output.contains("backward    stops at linear.0.weight"))
    #expect(!folder.exists("tuned"))
  }

  @Test func `a mask from another checkpoint is one line, and nothing is written`() throws {
    try Tool.run("mask", "create", "tiny", "--train", "pooler", "-o", "m.json", in: folder)
    try expectRefusal(try train(), saying: "does not fit")
  }

  @Test func `a truncated checkpoint is one line, and nothing is written`() throws {
    let bytes = try folder.bytes("base/model.safetensors")
    try folder.write(Array(bytes.prefix(100_000)), to: "base/model.safetensors")
    try expectRefusal(try train(), saying: "the file is truncated")
  }

  @Test func `a label column that does not exist is one line, and nothing is written`() throws {
    try expectRefusal(try train("--label-column", "stars"), saying: "no column \"stars\"")
  }

  @Test(arguments: [([UInt8](), "empty"), ([0x61, 0xFF, 0x09, 0x31, 0x0A], "not UTF-8 at byte 1")])
  func `data that cannot be read is one line, and nothing is written`(
    _ bytes: [UInt8], _ words: String
  ) throws {
    try folder.write(bytes, to: "data.tsv")
    let result = try Tool.run(
      "train", "--model", "base", "--mask", "m.json", "--data", "data.tsv", "-o", "tuned",
      in: folder)
    try expectRefusal(result, saying: words)
    #expect(result.errors.hasPrefix("espalier: error: data.tsv: "))
  }

  private func expectRefusal(_ result: Tool.Result, saying words: String) throws {
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors.hasPrefix("espalier: error: "))
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(!folder.exists("tuned"))
  }
}
