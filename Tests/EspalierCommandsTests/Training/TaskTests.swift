import EspalierTestSupport
import Foundation
import Testing

@Suite("Numbers, several labels and pairs on the command line")
struct TaskTests {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
  }

  private func train(_ data: String, _ more: String...) throws -> Tool.Result {
    try folder.write(Array(data.utf8), to: "data.tsv")
    return try Tool.run(
      ["train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "data.tsv"]
        + ["--eval", "data.tsv", "--epochs", "2", "-o", "tuned"] + more, in: folder)
  }

  @Test func `numbers go from train to predict`() throws {
    let result = try train("good\t1.5\nbad\t-2\nso\t0\n", "--task", "regression")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("epoch  train loss  eval loss  Pearson  Spearman"))
    let config = try folder.text("tuned/config.json")
    #expect(config.contains("\"problem_type\": \"regression\""))
    let figures = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "data.tsv", "--json", in: folder
    ).object()
    #expect(figures["mse"] is Double)
    #expect(
      Set(figures.keys) == ["version", "examples", "loss", "mse", "mae", "pearson", "spearman"])
    let predicted = try Tool.run("predict", "--model", "tuned", "good", in: folder)
    let columns = predicted.output.split(separator: "\t")
    #expect(columns.count == 2)
    #expect(columns.first.flatMap { Double($0) } != nil)
    let object = try Tool.run("predict", "--model", "tuned", "good", "--json", in: folder).object()
    #expect(Set(object.keys) == ["version", "text", "value", "logits"])
  }

  @Test func `several labels go from train to predict`() throws {
    let result = try train(
      "good\tred,blue\nbad\t\nso\t[\"red\"]\n", "--task", "multi-label", "--best-by", "micro-f1")
    #expect(result.status == 0, "\(result.errors)")
    let figures = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "data.tsv", "--json", in: folder
    ).object()
    #expect(figures["micro_f1"] is Double)
    let object = try Tool.run("predict", "--model", "tuned", "good", "--json", in: folder).object()
    #expect(Set(object.keys) == ["version", "text", "labels", "probabilities", "logits"])
    #expect((object["probabilities"] as? [Double])?.count == 2)
    let line = try Tool.run("predict", "--model", "tuned", "good", in: folder).output
    #expect(line.split(separator: "\t", omittingEmptySubsequences: false).count == 3)
  }

  @Test func `a pair is predicted from two columns`() throws {
    let result = try train("sentence1\tsentence2\tlabel\na\tb\t1\nb\ta\t0\n")
    #expect(result.status == 0, "\(result.errors)")
    let object = try Tool.run(
      "predict", "--model", "tuned", "--data", "data.tsv", "--json", in: folder
    ).output.split(separator: "\n")
    #expect(object.count == 2)
    #expect(object.first?.contains("\"text_pair\":\"b\"") == true)
  }

  @Test(arguments: [
    ("good\tx\nbad\ty\n", ["--task", "regression"], "is not a number"),
    ("good\t1\nbad\t2\n", ["--task", "regression", "--best-by", "f1"], "does not go with"),
    ("good\t1\nbad\t2\n", ["--task", "multi-label", "--balance"], "balanced labels"),
  ])
  func `what does not fit is one line, and nothing is written`(
    data: String, options: [String], words: String
  ) throws {
    try folder.write(Array(data.utf8), to: "data.tsv")
    let result = try Tool.run(
      ["train", "--model", "tiny", "--head", "linear", "--train", "linear"]
        + ["--data", "data.tsv", "-o", "tuned"] + options, in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(!folder.exists("tuned"))
  }
}
