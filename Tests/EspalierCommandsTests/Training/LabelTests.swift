import EspalierTestSupport
import Foundation
import Testing

@Suite("Labels, heads and columns on the command line")
struct LabelTests {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
  }

  private func write(_ text: String, _ name: String) throws {
    try folder.write(Array(text.utf8), to: name)
  }

  private func run(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(arguments, in: folder)
  }

  /// A plan for data that is also the data to evaluate.
  private func plan(_ model: String, _ data: String, _ more: String...) throws -> Tool.Result {
    try Tool.run(
      ["train", "--model", model, "--train", "linear", "--data", data, "--eval", data, "--dry-run"]
        + more, in: folder)
  }

  /// A classifier with the labels "negative" and "positive", in the folder `tuned`.
  private func tune() throws {
    try write("a\tnegative\nb\tpositive\nc\tpositive\nd\tnegative\n", "words.tsv")
    let result = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "words.tsv",
      "--eval", "words.tsv", "--epochs", "1", "-o", "tuned")
    #expect(result.status == 0, "\(result.errors)")
  }

  private func supports(_ result: Tool.Result) throws -> [String: Int] {
    let labels = try #require(try result.object()["labels"] as? [[String: Any]])
    var supports: [String: Int] = [:]
    for label in labels {
      let name = (label["label"] as? String ?? "").unicodeScalars.map { "\($0.value)" }
      supports[name.joined(separator: " ")] = label["support"] as? Int
    }
    return supports
  }

  // MARK: - Rows of a head

  @Test func `numbers are rows of a head without names, also when a class is missing`() throws {
    _ = try run("graft", "tiny", "--head", "linear", "--labels", "3", "-o", "three")
    try write("text,label\nGood,1\nBad,2\nFine,1\nPoor,2\n", "part.csv")
    let result = try plan("three", "part.csv")
    #expect(result.status == 0)
    #expect(
      result.errors
        == "espalier: note: part.csv: no example has the label \"LABEL_0\" of the head of three\n")
    #expect(
      result.output.contains("labels      \"LABEL_0\" 0, \"LABEL_1\" 2, \"LABEL_2\" 2\n"))
    try write("text,label\nGood,1\nBad,2.0\nFine,1\nPoor,0\n", "all.csv")
    let evaluated = try run("evaluate", "--model", "three", "--data", "all.csv", "--json")
    #expect(evaluated.status == 0)
    let labels = try #require(try evaluated.object()["labels"] as? [[String: Any]])
    #expect(labels.map { $0["support"] as? Int } == [1, 2, 1])
    try write("text,label\nGood,1\nBad,3\n", "beyond.csv")
    #expect(
      try plan("three", "beyond.csv").errors
        == "espalier: error: beyond.csv: line 3: the label 3 is not a row of the head of three, which has the rows 0 to 2\n"
    )
    // As many numbers as outputs, which are not their rows, become their names.
    try write("text,label\nGood,10\nBad,9\nFine,1\n", "names.csv")
    let names = try plan("three", "names.csv")
    #expect(names.errors.contains("in their order they become its names"))
    #expect(names.output.contains("labels      \"1\" 1, \"9\" 1, \"10\" 1\n"))
  }

  @Test func `numbers are rows of a head with names, with a note`() throws {
    try tune()
    try write("a\t0\nb\t1\nc\t1\n", "numbers.tsv")
    let result = try run("evaluate", "--model", "tuned", "--data", "numbers.tsv")
    #expect(result.status == 0)
    #expect(
      result.errors
        == "espalier: note: numbers.tsv: the labels are numbers and those of tuned are names: 0 is \"negative\", 1 is \"positive\"\n"
    )
    #expect(
      try plan("tuned", "numbers.tsv").output.contains(
        "labels      \"negative\" 1, \"positive\" 2\n"))
    try write("a\t1\nb\t2\n", "beyond.tsv")
    let beyond = try run("evaluate", "--model", "tuned", "--data", "beyond.tsv")
    #expect(beyond.status == 2)
    #expect(
      beyond.errors
        == "espalier: error: beyond.tsv: line 2: the label 2 is neither one of the model's (\"negative\", \"positive\") nor a row of its head, 0 to 1\n"
    )
  }

  @Test func `names that differ in capitals keep the order of the head`() throws {
    try tune()
    try write("a\tPOSITIVE\nb\tNegative\nc\tPOSITIVE\n", "capitals.tsv")
    let result = try plan("tuned", "capitals.tsv")
    #expect(result.errors.contains("\"Negative\" for \"negative\", \"POSITIVE\" for \"positive\""))
    #expect(result.output.contains("labels      \"negative\" 1, \"positive\" 2\n"))
    try write("a\tPOSITIVE\nb\tpositive\n", "both.tsv")
    #expect(
      try run("evaluate", "--model", "tuned", "--data", "both.tsv").errors.contains(
        "are both like \"positive\" of the head"))
    try write("a\t0.25\nb\t0.75\n", "scores.tsv")
    #expect(
      try run("evaluate", "--model", "tuned", "--data", "scores.tsv").errors.hasSuffix(
        "; pass --task regression for numbers\n"))
    // One known and one unknown label: no other order is guessed.
    try write("a\tpositive\nb\tneutral\n", "mixed.tsv")
    #expect(
      try plan("tuned", "mixed.tsv").errors
        == "espalier: error: mixed.tsv: line 2: the label \"neutral\" is not one of the model's: \"negative\", \"positive\"\n"
    )
  }

  @Test func `labels that were renamed in config json are followed`() throws {
    try tune()
    let config = try folder.text("tuned/config.json")
    try write(
      config.replacing("\"negative\"", with: "\"bad\"").replacing("\"positive\"", with: "\"good\""),
      "tuned/config.json")
    let result = try run("predict", "--model", "tuned", "a", "--json")
    #expect(
      result.errors
        == "espalier: note: tuned/config.json: id2label has other names than espalier.json; the labels are \"bad\", \"good\"\n"
    )
    #expect(["bad", "good"].contains(try result.object()["label"] as? String))
    try write("a\tgood\nb\tbad\n", "renamed.tsv")
    #expect(try run("evaluate", "--model", "tuned", "--data", "renamed.tsv").status == 0)
    #expect(
      try plan("tuned", "renamed.tsv").output.contains("labels      \"bad\" 1, \"good\" 1\n"))
  }

  @Test func `labels are compared by their bytes in training and in evaluation`() throws {
    let (composed, combining) = ("caf\u{E9}", "cafe\u{301}")
    try write("a b\t\(composed)\nc d\t\(combining)\ne f\ttea\n", "train.tsv")
    _ = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "train.tsv",
      "--eval", "train.tsv", "--epochs", "1", "-o", "cafe")
    try write("a b\t\(composed)\nx\t\(composed)\n", "dev.tsv")
    let result = try run("evaluate", "--model", "cafe", "--data", "dev.tsv", "--json")
    #expect(try supports(result) == ["99 97 102 233": 2, "99 97 102 101 769": 0, "116 101 97": 0])
  }

  @Test func `labels that training never saw are an error with their line`() throws {
    try write("a\tx\nb\ty\n", "train.tsv")
    for (text, words) in [
      (
        "a\tx\nb\tz\n",
        "line 2: the label \"z\" is not one of the labels of train.tsv: \"x\", \"y\""
      ),
      ("a\t0\nb\t1\n", "line 1: the label \"0\" is not one of the labels of train.tsv"),
      ("a\tX\nb\ty\n", "line 1: the label \"X\" is not one of the labels of train.tsv"),
    ] {
      try write(text, "dev.tsv")
      let result = try run(
        "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "train.tsv",
        "--eval", "dev.tsv", "--dry-run")
      #expect(result.status == 2)
      #expect(result.errors.contains("espalier: error: dev.tsv: \(words)"), "\(result.errors)")
    }
  }

  // MARK: - Several labels

  @Test func `lists of 0 and 1 go from train to evaluate, with the length of the head`() throws {
    try write(
      "{\"text\":\"a\",\"labels\":[1,1,0]}\n{\"text\":\"b\",\"labels\":[0,0,1]}\n", "lists.jsonl")
    let result = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--task", "multi-label",
      "--label-column", "labels", "--data", "lists.jsonl", "--eval", "lists.jsonl", "--epochs", "1",
      "-o", "tuned")
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.output.contains("labels      \"LABEL_0\" 1, \"LABEL_1\" 1, \"LABEL_2\" 1\n"))
    let evaluate = ["evaluate", "--model", "tuned", "--data"]
    let figures = try Tool.run(
      evaluate + ["lists.jsonl", "--label-column", "labels", "--json"], in: folder
    ).object()
    #expect((figures["labels"] as? [[String: Any]])?.map { $0["support"] as? Int } == [1, 1, 1])
    try write("{\"text\":\"a\",\"labels\":[1,0]}\n", "two.jsonl")
    #expect(
      try Tool.run(evaluate + ["two.jsonl"], in: folder).errors
        == "espalier: error: two.jsonl: lists of 2 targets, but the head of tuned has 3 outputs\n")
    // Columns are matched by their names, or stand for the outputs of a head without names.
    try write("text,z,y,x\na,1,0,0\n", "columns.csv")
    let columns = try Tool.run(
      evaluate + ["columns.csv", "--label-columns", "z,y,x", "--json"], in: folder)
    #expect(
      columns.errors
        == "espalier: note: columns.csv: the columns \"z\", \"y\", \"x\" are the outputs of tuned, in this order\n"
    )
    #expect(
      (try columns.object()["labels"] as? [[String: Any]])?.map { $0["support"] as? Int }
        == [1, 0, 0])
  }

  @Test func `a column for each label makes a task of several labels`() throws {
    try write("id,body,toxic,insult\n1,a,1,0\n2,b,0,0\n3,c,1,1\n", "toxic.csv")
    let plan = try plan(
      "tiny", "toxic.csv", "--head", "linear", "--label-columns", "toxic", "insult", "--json"
    ).object()
    #expect(plan["text_column"] as? String == "body")
    #expect(plan["label_columns"] as? [String] == ["toxic", "insult"])
    #expect(plan["pooling"] as? String == "mean")
    let labels = try #require(plan["labels"] as? [[String: Any]])
    #expect(labels.map { $0["label"] as? String } == ["toxic", "insult"])
    #expect(labels.map { $0["examples"] as? Int } == [2, 1])
    for options in [
      ["--label-columns", "toxic", "--label-column", "insult"],
      ["--label-columns", "toxic,toxic"], ["--separator", "ab"],
      ["--separator", ";", "--data-format", "jsonl"],
    ] {
      let result = try Tool.run(
        ["evaluate", "--model", "tiny", "--data", "toxic.csv"] + options, in: folder)
      #expect(result.status == 64, "\(options): \(result.errors)")
    }
    let single = try self.plan(
      "tiny", "toxic.csv", "--head", "linear", "--label-columns", "toxic,insult", "--task",
      "classification")
    #expect(single.status == 2)
    #expect(single.errors.contains("--task multi-label"))
  }

  // MARK: - The plan

  @Test func `the plan names columns, labels, pooling and length before the first step`() throws {
    try write("q\ta\tstars\nx\ty\t5\nz\tw\t1\nv\tu\t5\n", "pairs.tsv")
    let result = try plan(
      "tiny", "pairs.tsv", "--head", "linear", "--text-column", "q", "--text-pair-column", "a",
      "--label-column", "stars", "--pooling", "cls", "--max-length", "20")
    #expect(
      result.output.contains(
        """
        columns     text "q", second text "a", label "stars"
        labels      "1" 1, "5" 2
        texts       up to 20 tokens, pooling cls

        """), "\(result.output)\(result.errors)")
    try write("x\t1.5\ny\t-2\n", "numbers.tsv")
    let numbers = try plan("tiny", "numbers.tsv", "--head", "linear", "--task", "regression")
    #expect(numbers.output.contains("columns     text column 1, label column 2\n"))
    #expect(numbers.output.contains("labels      numbers from -2 to 1.5\n"))
    let many = (0..<40).map { "text \($0)\tlabel \($0 % 20)\n" }.joined()
    try write(many, "many.tsv")
    #expect(
      try plan("tiny", "many.tsv", "--head", "linear").output.contains("… and 8 more\n"))
  }

  @Test func `other columns in the data to evaluate are pointed out, one text for two refused`()
    throws
  {
    try write("sentence1\tsentence2\tlabel\na\tb\tx\nc\td\ty\n", "train.tsv")
    try write("sentence1\tlabel\na\tx\nc\ty\n", "single.tsv")
    let start = ["train", "--model", "tiny", "--head", "linear", "--train", "linear", "--dry-run"]
    let refused = try Tool.run(
      start + ["--data", "train.tsv", "--eval", "single.tsv"], in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors.hasSuffix(
        "espalier: error: single.tsv: one text a row, but train.tsv has two\n"), "\(refused.errors)"
    )
    try write("a\tx\nc\ty\n", "plain.tsv")
    let other = try Tool.run(
      start + ["--data", "single.tsv", "--eval", "plain.tsv"], in: folder)
    #expect(
      other.errors.contains(
        "note: plain.tsv: other columns than in the training data: text column 1, label column 2\n")
    )
  }

  @Test func `single texts for a model that was trained on pairs are pointed out`() throws {
    try write("sentence1\tsentence2\tlabel\na\tb\tx\nc\td\ty\n", "pairs.tsv")
    _ = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "pairs.tsv",
      "--eval", "pairs.tsv", "--epochs", "1", "-o", "pairs")
    #expect(try folder.text("pairs/espalier.json").contains("\"pairs\": true"))
    #expect(try run("evaluate", "--model", "pairs", "--data", "pairs.tsv").errors == "")
    try write("sentence1\tlabel\na\tx\nc\ty\n", "single.tsv")
    #expect(
      try run("evaluate", "--model", "pairs", "--data", "single.tsv").errors
        == "espalier: note: single.tsv: one text a row, but the model was trained on pairs of texts\n"
    )
  }

  @Test func `names of transformers are rows, in the order of their numbers`() throws {
    let names = (0..<12).map { "text \($0)\tLABEL_\($0)\n" }.joined()
    try write(names, "names.tsv")
    #expect(
      try plan("tiny", "names.tsv", "--head", "linear").output.contains(
        "\"LABEL_9\" 1, \"LABEL_10\" 1, \"LABEL_11\" 1\n"))
    try tune()
    try write("a\tLABEL_1\nb\tLABEL_1\nc\tLABEL_0\n", "rows.tsv")
    #expect(
      try plan("tuned", "rows.tsv").output.contains("labels      \"negative\" 1, \"positive\" 2\n"))
    try write("a\tLABEL_1\nb\t1\n", "both.tsv")
    #expect(try run("evaluate", "--model", "tuned", "--data", "both.tsv").status == 2)
  }

  @Test func `names for another number of outputs are not followed in silence`() throws {
    try tune()
    let config = try folder.text("tuned/config.json")
    try write(
      config.replacing("\"1\": \"positive\"", with: "\"1\": \"positive\", \"2\": \"more\""),
      "tuned/config.json")
    #expect(
      try run("predict", "--model", "tuned", "a").errors
        == "espalier: note: tuned/config.json: id2label with 3 names is not read: the head has 2 outputs, 0 to 1\n"
    )
  }

  @Test func `predict ignores the content of the label column`() throws {
    try tune()
    try write(
      "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":\"?\"}\n{\"text\":\"c\",\"label\":null}\n{\"text\":\"d\",\"label\":[1,1]}\n",
      "any.jsonl")
    let result = try run("predict", "--model", "tuned", "--data", "any.jsonl")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(result.output.split(separator: "\n").count == 4)
  }

  // MARK: - What is printed

  @Test func `characters that end lines for some readers are escaped in JSON lines`() throws {
    try tune()
    let text = "a\u{2028}b\u{85}c\u{2029}d"
    let line = try run("predict", "--model", "tuned", "--json", text).output
    #expect(line.hasPrefix(#"{"version":1,"text":"a\u2028b\u0085c\u2029d","#))
    try write("{\"text\":\"\(text)\",\"label\":\"positive\"}\n", "data.jsonl")
    let again = try run("predict", "--model", "tuned", "--json", "--data", "data.jsonl").output
    #expect(again == line)
  }

  @Test func `a figure that is not a number is printed as nan`() throws {
    try write("a\t1\nb\t1\n", "flat.tsv")
    let result = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--task", "regression",
      "--data", "flat.tsv", "--eval", "flat.tsv", "--epochs", "1", "-o", "flat")
    #expect(result.output.contains("Pearson nan, Spearman nan"))
    #expect(!result.output.contains("-nan"))
    #expect(result.output.contains("      nan       nan "))
  }

  // MARK: - Contradictions in the files of a model

  private func change(_ old: String, to new: String, in path: String) throws {
    let text = String(decoding: try folder.bytes(path), as: UTF8.self)
    #expect(text.contains(old))
    try write(text.replacing(old, with: new), path)
  }

  @Test func `numbers of label2id that contradict id2label are pointed out`() throws {
    try tune()
    try change("\"negative\": 0", to: "\"negative\": 1", in: "tuned/config.json")
    try change("\"positive\": 1", to: "\"positive\": 0", in: "tuned/config.json")
    let note =
      "espalier: note: tuned/config.json: label2id contradicts id2label, which is followed: \"negative\", \"positive\"\n"
    #expect(try run("evaluate", "--model", "tuned", "--data", "words.tsv").errors == note)
    #expect(try plan("tuned", "words.tsv").errors == note)
  }

  @Test func `a problem_type that contradicts the settings of the training is pointed out`() throws
  {
    try tune()
    try change(
      "single_label_classification", to: "multi_label_classification", in: "tuned/config.json")
    let note =
      "espalier: note: tuned/config.json: \"problem_type\" is \"multi_label_classification\", but espalier.json says \"classification\", which is followed\n"
    #expect(try run("evaluate", "--model", "tuned", "--data", "words.tsv").errors == note)
    #expect(try plan("tuned", "words.tsv").errors == note)
  }

  @Test func `numbers that are names of other rows are pointed out`() throws {
    try write("a\t1\nb\t2\nc\t1\nd\t2\n", "stars.tsv")
    let result = try run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "stars.tsv",
      "--eval", "stars.tsv", "--epochs", "1", "-o", "stars")
    #expect(result.status == 0, "\(result.errors)")
    // 2 is not a row of a head with two outputs: only the names can be meant.
    #expect(try run("evaluate", "--model", "stars", "--data", "stars.tsv").errors == "")
    try write("a\t1\nb\t1\n", "ones.tsv")
    let ones = try run("evaluate", "--model", "stars", "--data", "ones.tsv")
    #expect(
      ones.errors
        == "espalier: note: ones.tsv: the labels are numbers that are names of outputs of stars, and not their rows: \"1\" is row 0\n"
    )
  }
}
