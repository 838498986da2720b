import EspalierTestSupport
import Foundation
import Testing

@Suite("Columns that a model remembers")
struct RememberedColumnTests {
  let folder: Folder

  /// A model that was trained on columns with names that are not usual.
  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    let rows = String(
      decoding: try Fixtures.bytes(Fixtures.path("sentiment/train.tsv")), as: UTF8.self
    ).split(separator: "\n").prefix(80)
    let table = rows.map { row in
      let cells = row.split(separator: "\t")
      return "\(cells[1])\t7\t\(cells[0])"
    }
    let text = (["stars\tid\topinion"] + table).joined(separator: "\n") + "\n"
    try folder.write(Array(text.utf8), to: "train.tsv")
    let run = try Tool.run(
      "train", "--model", "tiny", "--head", "mlp:16", "--train", "linear", "--data", "train.tsv",
      "--text-column", "opinion", "--label-column", "stars", "--pooling", "cls", "--epochs", "1",
      "-o", "tuned", in: folder)
    try #require(run.status == 0, "\(run.errors)")
  }

  @Test func `are those of evaluate and predict`() throws {
    #expect(
      try folder.text("tuned/espalier.json").replacing(/\s+/, with: "").contains(
        #""columns":{"text":"opinion","label":"stars"}"#))
    let remembered = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "train.tsv", "--json", in: folder)
    #expect(remembered.status == 0, "\(remembered.errors)")
    #expect(remembered.errors == "")
    let named = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "train.tsv", "--text-column", "opinion",
      "--label-column", "stars", "--pooling", "cls", "--json", in: folder)
    #expect(named.output == remembered.output)
    let unlabelled = try folder.text("train.tsv").split(separator: "\n").map { row in
      let cells = row.split(separator: "\t")
      return "\(cells[1])\t\(cells[2])"
    }.joined(separator: "\n")
    try folder.write(Array(unlabelled.utf8), to: "texts.tsv")
    let predicted = try Tool.run("predict", "--model", "tuned", "--data", "texts.tsv", in: folder)
    #expect(predicted.status == 0, "\(predicted.errors)")
    #expect(predicted.output.split(separator: "\n").count == 80)
    #expect(predicted.errors == "")
  }

  @Test func `give way to options, and to the usual columns of another file with a note`() throws {
    let rows = (1...4).map { "film \($0) is fine\t\($0 % 2 == 0 ? "good" : "bad")" }
    try folder.write(
      Array((["text\tlabel"] + rows).joined(separator: "\n").utf8), to: "usual.tsv")
    let usual = try Tool.run("evaluate", "--model", "tuned", "--data", "usual.tsv", in: folder)
    #expect(usual.status == 0, "\(usual.errors)")
    #expect(
      usual.errors
        == "espalier: note: usual.tsv: does not have the columns that the model was trained with "
        + "(text \"opinion\", label \"stars\"); read: text \"text\", label \"label\"\n")
    let named = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "usual.tsv", "--text-column", "text",
      "--label-column", "label", in: folder)
    #expect(named.errors == "")
    #expect(named.output == usual.output)
    let wrong = try Tool.run(
      "evaluate", "--model", "tuned", "--data", "train.tsv", "--text-column", "text", in: folder)
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("no column \"text\""), "\(wrong.errors)")
  }

  @Test(arguments: ["5", "{\"text\": 1}", "{\"texts\": \"a\"}", "{\"labels\": \"a\"}", "[]"])
  func `that are not names are an error of the model`(_ value: String) throws {
    let text = try folder.text("tuned/espalier.json")
    let start = try #require(text.range(of: "\"columns\": "))
    let end = try #require(text[start.upperBound...].range(of: "}"))
    try folder.write(
      Array((text[..<start.upperBound] + value + text[end.upperBound...]).utf8),
      to: "tuned/espalier.json")
    let result = try Tool.run("predict", "--model", "tuned", "a text", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors.hasPrefix("espalier: error: tuned/espalier.json: \"columns\" is not an object"),
      "\(result.errors)")
  }
}
