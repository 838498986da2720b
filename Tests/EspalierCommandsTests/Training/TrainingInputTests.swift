import EspalierTestSupport
import Foundation
import Testing

@Suite("What train, evaluate and predict are given")
struct TrainingInputTests {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.write(Array("good\tyes\nbad\tno\nso so\tno\n".utf8), to: "data.tsv")
  }

  private let start = [
    "train", "--model", "tiny", "--head", "mlp:8", "--data", "data.tsv", "--eval", "data.tsv",
  ]

  private func plan(_ more: String...) throws -> Tool.Result {
    try Tool.run(start + ["--dry-run"] + more, in: folder)
  }

  /// A trained classifier, in the folder `tuned`.
  private func tune() throws {
    let result = try Tool.run(
      start + ["--train", "linear", "--epochs", "1", "-o", "tuned"], in: folder)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func `settings that the model cannot hold are one line and status 2`() throws {
    try tune()
    let settings = try folder.text("tuned/espalier.json")
    let text = String(repeating: "good ", count: 500)
    for (from, to, words) in [
      ("\"max_length\": 64", "\"max_length\": 1000000000", "\"max_length\" is 1000000000"),
      ("\"max_length\": 64", "\"max_length\": 65", "expected 3 to 64"),
      ("\"classification\"", "\"regression\"", "\"labels\" has 2 names, expected 1"),
      ("[\"no\", \"yes\"]", "[]", "\"labels\" has 0 names"),
    ] {
      #expect(settings.contains(from))
      try folder.write(
        Array(settings.replacing(from, with: to).utf8), to: "tuned/espalier.json")
      for command in [
        ["predict", "--model", "tuned", text],
        ["evaluate", "--model", "tuned", "--data", "data.tsv"],
        ["train", "--model", "tuned", "--train", "linear", "--data", "data.tsv", "-o", "again"],
      ] {
        let result = try Tool.run(command, in: folder)
        #expect(result.status == 2)
        #expect(
          result.errors.hasPrefix("espalier: error: tuned/espalier.json: \(words)")
            || result.errors.contains(words), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.output == "")
      }
    }
  }

  @Test(arguments: [
    ["--batch-size", "9223372036854775807"], ["--accumulate", "9223372036854775807"],
    ["--epochs", "9223372036854775807"], ["--seeds", "9223372036854775807"],
    ["--batch-size", "1099511627776", "--accumulate", "1099511627776"], ["--lr", "1e-310"],
    ["--lr", "1e300"], ["--lr", "linear=1e-310"], ["--weight-decay", "1e300"],
    ["--mask", "a", "--mask", "b"], ["--text-column", "1", "--label-column", "1"],
  ])
  func `numbers that are too large or too small are wrong usage`(options: [String]) throws {
    let result = try Tool.run(start + ["--dry-run", "--train", "linear"] + options, in: folder)
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.output == "")
    #expect(result.errors.hasPrefix("espalier: error: "))
  }

  @Test func `the largest numbers that are allowed make a plan`() throws {
    let result = try plan(
      "--train", "**", "--batch-size", "1000000", "--accumulate", "1000000", "--epochs", "1000000",
      "--lr-decay", "1e-200", "--lr", "1e-30", "--warmup", "9223372036854775807", "--patience",
      "9223372036854775807")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("steps       1,000,000, "))
  }

  @Test func `several selectors may follow one option, and rows stand as in masks`() throws {
    let result = try plan(
      "--train", "linear.0", "bert.embeddings.word_embeddings.weight[5:9]", "--head", "mlp:8")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("bert.embeddings.word_embeddings.weight[5:9] "))
    #expect(result.output.contains("linear.0.bias"))
    #expect(!result.output.contains("..<"))
  }

  @Test func `a new head that does not train is named`() throws {
    var errors = try plan("--train", "bert.encoder.layer[-1]").errors
    #expect(errors.contains("note: the new head mlp:8 does not train and keeps its random values"))
    errors = try plan("--train", "linear.0", "bert.encoder.layer[-1]").errors
    #expect(
      errors.contains(
        "note: the new head mlp:8 trains in part: the random values of \"linear.2.weight\", \"linear.2.bias\" stay;"
      ))
    errors = try plan("--train", "linear").errors
    #expect(!errors.contains("does not train") && !errors.contains("in part"))
  }

  @Test func `texts that are cut are counted everywhere`() throws {
    let long = String(repeating: "good ", count: 100)
    try folder.write(Array("good\tyes\n\(long)\tno\n\(long)\tyes\nso\tno\n".utf8), to: "data.tsv")
    let result = try plan("--train", "linear", "--max-length", "20")
    #expect(
      result.errors.contains(
        "note: 2 of 4 texts to train and 2 of 4 to evaluate are longer than 20 tokens and are cut there; "
          + "use --max-length to read up to 64\n"))
    let json = try plan("--train", "linear", "--json").object()
    #expect(json["max_length"] as? Int == 64)
    #expect(json["cut_examples"] as? Int == 2)
    #expect(json["cut_eval_examples"] as? Int == 2)
    try tune()
    let note =
      "espalier: note: 2 of 4 texts are longer than 64 tokens and are cut there (--max-length)\n"
    for command in ["predict", "evaluate"] {
      let result = try Tool.run(command, "--model", "tuned", "--data", "data.tsv", in: folder)
      #expect(result.status == 0)
      #expect(result.errors == note)
    }
    #expect(try Tool.run("predict", "--model", "tuned", "good", in: folder).errors == "")
  }

  @Test func `a warm-up that never ends and a weighed loss are notes`() throws {
    let result = try plan("--train", "linear", "--warmup", "1000", "--balance", "--epochs", "2")
    #expect(
      result.errors.contains(
        "note: the warm-up of 1,000 updates is as long as the run of 2 or longer"))
    #expect(result.output.contains("learning rate up to 1e-06\n"))
    #expect(result.errors.contains("note: the training loss is weighed by label"))
    let quiet = try plan("--train", "linear", "--warmup", "1", "--balance", "--best-by", "f1")
    #expect(!quiet.errors.contains("warm-up") && !quiet.errors.contains("weighed"))
    #expect(quiet.output.contains("learning rate up to 0.001\n"))
  }

  @Test func `labels that do not fit name their file`() throws {
    try tune()
    try folder.write(Array("good\tyes\nbad\tugly\n".utf8), to: "ugly.tsv")
    let result = try Tool.run("evaluate", "--model", "tuned", "--data", "ugly.tsv", in: folder)
    #expect(
      result.errors
        == "espalier: error: ugly.tsv: line 2: the label \"ugly\" is not one of the model's: \"no\", \"yes\"\n"
    )
    let train = ["train", "--model", "tuned", "--train", "linear", "--dry-run", "--data"]
    try folder.write(Array("a\tx\nb\ty\nc\tz\n".utf8), to: "three.tsv")
    #expect(
      try Tool.run(train + ["three.tsv", "--eval", "three.tsv"], in: folder).errors
        == "espalier: error: three.tsv: 3 labels, and the head of tuned has room for 2: \"x\", \"y\", \"z\"\n"
    )
    try folder.write(Array("a\tx\nb\ty\n".utf8), to: "two.tsv")
    #expect(
      try Tool.run(train + ["two.tsv", "--eval", "two.tsv"], in: folder).errors
        == "espalier: note: two.tsv: other labels than those of tuned (\"no\", \"yes\"): its head continues under the new names; \"no\" becomes \"x\", \"yes\" becomes \"y\"\n"
    )
    // A head without names of its own.
    try Tool.run("graft", "tiny", "--head", "linear", "--labels", "2", "-o", "base", in: folder)
    try folder.write(Array("a\tx\nb\tx\n".utf8), to: "one.tsv")
    let one = try Tool.run(
      "train", "--model", "base", "--train", "linear", "--dry-run", "--data", "one.tsv", "--eval",
      "one.tsv", in: folder)
    #expect(
      one.errors
        == "espalier: note: one.tsv: only 1 label (\"x\") for the 2 outputs of the head of base: the other is called \"LABEL_1\"\n"
    )
  }

  @Test func `predict does not take identifiers or headers for texts`() throws {
    try tune()
    for (name, text) in [
      ("a.csv", "id,text\n7,a b\n"), ("b.tsv", "index\tsentence\n0\ta b\n"),
      ("c.tsv", "review\na b\n"),
      ("d.tsv", "text\tscore\na b\t1.5\n"),
    ] {
      try folder.write(Array(text.utf8), to: name)
      let result = try Tool.run("predict", "--model", "tuned", "--data", name, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.split(separator: "\n").count == 1)
      #expect(result.output.hasSuffix("\ta b\n"))
    }
    try folder.write(Array("7\ta b\n".utf8), to: "e.tsv")
    let refused = try Tool.run("predict", "--model", "tuned", "--data", "e.tsv", in: folder)
    #expect(refused.status == 2)
    #expect(refused.output == "")
    #expect(refused.errors.contains("--text-column") && refused.errors.contains("--header no"))
    // A labelled file without a header is known by its labels.
    let labelled = try Tool.run("predict", "--model", "tuned", "--data", "data.tsv", in: folder)
    #expect(labelled.status == 0)
  }

  @Test func `what a pickle holds and nobody can read is refused, or left out when told to`() throws
  {
    try FileManager.default.removeItem(atPath: folder.path("tiny/model.safetensors"))
    try folder.copy("torch/foreign.pt", to: "tiny/pytorch_model.bin")
    let refused = try plan("--train", "linear")
    #expect(refused.status == 2)
    #expect(
      refused.errors.contains("holds values of unknown classes: ")
        && refused.errors.contains("--ignore-foreign"))
    // Without them, what is missing is the encoder.
    let told = try plan("--train", "linear", "--ignore-foreign")
    #expect(told.status == 2)
    #expect(!told.errors.contains("unknown classes"))
  }

  @Test func `a head takes a number of labels that fits`() throws {
    for count in ["0", "35184372088832"] {
      let result = try Tool.run(
        "graft", "tiny", "--head", "linear", "--labels", count, "-o", "base", in: folder)
      #expect(result.status == 64)
      #expect(
        result.errors.hasPrefix("espalier: error: --labels takes a number from 1 to 1,048,576\n"))
    }
  }
}
