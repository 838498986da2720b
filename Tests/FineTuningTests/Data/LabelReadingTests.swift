import EspalierTestSupport
import FineTuning
import Testing

@Suite("Labels in data files")
struct LabelReadingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(
    _ text: String, _ name: String = "data.tsv", _ options: DataOptions = DataOptions()
  ) throws -> LabelledDataset {
    try LabelledDataset(contentsOf: folder.write(name, text), options: options)
  }

  private func complaint(
    _ text: String, _ name: String = "data.tsv", _ options: DataOptions = DataOptions()
  ) throws -> String {
    let error = #expect(throws: FineTuningError.self) { try read(text, name, options) }
    return String((error?.description ?? "").dropFirst(folder.path(name).count + 2))
  }

  // MARK: - Implausible labels

  @Test func `texts in the column of the label are an error that names the options`() throws {
    var rows = (0..<60).map { "\($0 % 4 == 0 ? "spam" : "ham")\tsee you at \($0)\n" }
    rows += Array(repeating: "ham\tSorry, I will call later\n", count: 6)
    let text = rows.joined()
    #expect(
      try complaint(text)
        == "61 different labels in 66 rows, but only 2 different texts: the columns are probably swapped"
    )
    // A user who says which column is the label is believed.
    let settled = DataOptions(textColumn: "1", labelColumn: "2")
    #expect(try read(text, "b.tsv", settled).labels.count == 61)
    let swapped = DataOptions(textColumn: "2", labelColumn: "1")
    #expect(try read(text, "c.tsv", swapped).labels == ["ham", "spam"])
    #expect(try complaint("text\tlabel\n" + text, "d.tsv").hasPrefix("61 different labels"))
    #expect(
      try complaint("1\tgreat film\n0\tbad film\n", "e.tsv").hasPrefix(
        "every text is a number, such as \"1\", and the labels are not numbers"))
  }

  @Test(arguments: [
    "opinion\tverdict\nGood\tpos\nBad\tneg\nFine\tpos\nPoor\tneg\n",
    "Comment text\tClass name\nGood\tpos\nBad\tneg\nFine\tpos\nPoor\tneg\n",
  ])
  func `a first row whose label occurs nowhere else is an error`(text: String) throws {
    #expect(
      try complaint(text).hasSuffix(
        "of the first row occurs in no other row"
      ))
    #expect(try read(text, "b.tsv", DataOptions(header: .no)).labels.count == 3)
    // The labels are in a column that the user numbered, and the first row may be a header all the same.
    let numbered = DataOptions(textColumn: "1", labelColumn: "2")
    #expect(try complaint(text, "c.tsv", numbered).contains("occurs in no other row"))
    let few = "opinion\tverdict\nI like it\tpos\nI do not\tneg\nRather good\tpos\n"
    #expect(
      try complaint(few, "e.tsv").contains("\"verdict\" of the first row occurs in no other row"))
    #expect(
      try complaint(few.replacing("verdict", with: "tags"), "f.tsv", DataOptions(task: .multiLabel))
        .contains("\"tags\" of the first row occurs in no other row"))
    // Where rows with a label of their own are common, the first may be one.
    let rare = (0..<20).map { "text\($0)\t\($0 < 10 ? "own\($0)" : "common")\n" }.joined()
    #expect(try read(rare, "d.tsv").labels.count == 11)
  }

  @Test func `columns that are numbered may have a header with usual names`() throws {
    let options = DataOptions(textColumn: "2", labelColumn: "3")
    let data = try read("id\tbody\tlabel\n1\ta\tx\n2\tb\ty\n", "a.tsv", options)
    #expect(data.labels == ["x", "y"])
    #expect(data.columns?.description == "text \"body\", label \"label\"")
  }

  @Test func `decimal labels are numbers to predict, unless they are said to be classes`() throws {
    let text = "a\t0.5\nb\t1.25\nc\t3\n"
    #expect(
      try complaint(text)
        == "the labels are decimal numbers, such as 0.5"
    )
    let chosen = DataOptions(isTaskChosen: true)
    #expect(try read(text, "b.tsv", chosen).labels == ["0.5", "1.25", "3"])
  }

  // MARK: - Spelling

  @Test func `numbers that are equal are one label`() throws {
    let data = try read("a\t1\nb\t1.0\nc\t10\nd\t1e0\ne\t 2\nf\t-1\ng\t+2\n")
    #expect(data.labels == ["-1", "1", "2", "10"])
    #expect(data.examples.map(\.label) == [1, 1, 3, 1, 2, 0, 2])
    #expect(
      data.notes == [
        "\(folder.path("data.tsv")): \"1\", \"1.0\", \"1e0\" are the same number and one label, \"1\"",
        "\(folder.path("data.tsv")): \" 2\", \"+2\" are the same number and one label, \"2\"",
      ])
    let json = try read(
      #"{"text":"a","label":1}"# + "\n" + #"{"text":"b","label":1.0}"# + "\n"
        + #"{"text":"c","label":"1"}"# + "\n", "a.jsonl")
    #expect(json.labels == ["1"])
    // Digits beyond what a Double holds stay apart, and a number with leading zeros is a name.
    #expect(
      try read("a\t9007199254740992\nb\t9007199254740993\n", "c.tsv").labels.count == 2)
    #expect(try read("a\t007\nb\t008\n", "d.tsv").labels == ["007", "008"])
  }

  @Test func `labels that only look alike stay apart and are pointed out`() throws {
    let data = try read("a\tPos\nb\tpos\nc\tpos \nd\tneg\ne\tcaf\u{E9}\nf\tcafe\u{301}\n")
    #expect(data.labels.count == 6)
    let start =
      "\(folder.path("data.tsv")): labels that differ only in capitals, blanks, invisible characters, leading zeros or Unicode composition: "
    #expect(
      data.notes == [
        start + "\"Pos\" (1 row), \"pos\" (1 row), \"pos \" (1 row)",
        start + "\"caf\\u{e9}\" (1 row), \"cafe\\u{301}\" (1 row)",
      ])
    #expect(data.labelCounts == [1, 1, 1, 1, 1, 1])
  }

  @Test func `words that other tools take for missing values are labels`() throws {
    #expect(
      try read("text,label\na,None\nb,nan\nc,NA\nd,null\n", "a.csv").labels == [
        "NA", "None", "nan", "null",
      ])
    #expect(
      try complaint("text,label\na,None\nb,\n", "b.csv") == "line 3: the label is empty")
    #expect(
      try complaint(#"{"text":"a","label":null}"#, "c.jsonl")
        == "line 1: \"label\" (the label) is not a string, a number or a truth value")
    let unlabelled = DataOptions(needsLabels: false)
    #expect(
      try read(#"{"text":"a","label":null}"#, "d.jsonl", unlabelled).examples.map(\.target) == [nil]
    )
  }

  @Test func `labels of JSON are of one kind`() throws {
    let good = #"{"text":"a","label":1}"# + "\n"
    #expect(
      try complaint(good + #"{"text":"b","label":"good"}"#, "a.jsonl")
        == "line 2: the label is a string, that of line 1 is a number")
    #expect(
      try complaint(good + #"{"text":"b","label":true}"#, "b.jsonl")
        == "line 2: the label is a truth value, that of line 1 is a number")
  }

  // MARK: - Several labels

  @Test func `lists of 0 and 1 have a label for each position`() throws {
    let rows = ["[1, 1, 0]", "[0, 0, 1]", "[0.0, 1.0, 0.0]", "[false, false, false]"]
    let text = rows.map { #"{"text":"a","label":\#($0)}"# + "\n" }.joined()
    let options = DataOptions(task: .multiLabel)
    let data = try read(text, "a.jsonl", options)
    #expect(data.labels == ["LABEL_0", "LABEL_1", "LABEL_2"])
    #expect(
      data.examples.map(\.target) == [.labels([0, 1]), .labels([2]), .labels([1]), .labels([])])
    #expect(data.labelCounts == [1, 2, 1])
    for cells in ["a\t[1, 1, 0]\nb\t[0, 0, 1]\n", "a\t1,1,0\nb\t0,0,1\n"] {
      let data = try read(cells, "b.tsv", options)
      #expect(data.examples.map(\.target) == [.labels([0, 1]), .labels([2])])
    }
    let strings = try read(
      #"{"text":"a","label":["1", "0"]}"# + "\n" + #"{"text":"b","label":["1", "1"]}"#, "d.jsonl",
      options)
    #expect(strings.examples.map(\.target) == [.labels([0]), .labels([0, 1])])
    // Different numbers are names, as before.
    let names = try read(
      #"{"text":"a","label":[0, 1]}"# + "\n" + #"{"text":"b","label":[1]}"#, "c.jsonl", options)
    #expect(names.labels == ["0", "1"])
  }

  @Test(arguments: [
    (
      ["[1, 1, 0]", "[0]"],
      "line 1: a list of 0 and 1 has one element for each label in every row, but line 2 has 1 of them and line 1 has 3"
    ),
    (
      ["[1, 0]", "[2, 1]", "[1, 1]"],
      "line 3: a list of 0 and 1 has one element for each label in every row, but line 2 holds something else"
    ),
    ([#"["x", "y", "x"]"#], "line 1: the label \"x\" occurs twice in one list"),
    ([#"["1", "1.0"]"#], "line 1: the label \"1.0\" occurs twice in one list"),
    (["[0, 0.5]"], "line 1: 0.5 in a list of labels, expected names, or 0 or 1 for each label"),
    (
      ["[1]", "[0]"],
      "line 1: every list is a single 0 or 1, which may be the name of a label or the target of one label; write names that are not 0 and 1"
    ),
    (["[1, null]"], "line 1: a list of labels holds strings, numbers or truth values only"),
  ])
  func `a list that is neither of names nor of 0 and 1 is an error`(
    lists: [String], sentence: String
  ) throws {
    let text = lists.map { #"{"text":"a","label":\#($0)}"# + "\n" }.joined()
    #expect(try complaint(text, "a.jsonl", DataOptions(task: .multiLabel)) == sentence)
  }

  @Test func `each label may have a column of 0 and 1`() throws {
    let options = DataOptions(
      textColumn: "comment_text", labelColumns: ["toxic", "insult"], task: .multiLabel)
    let text = "id,comment_text,insult,toxic\n1,a,0,1\n2,b,0.0,False\n3,c,TRUE,1.0\n"
    let data = try read(text, "a.csv", options)
    #expect(data.labels == ["toxic", "insult"])
    #expect(data.examples.map(\.target) == [.labels([0]), .labels([]), .labels([0, 1])])
    #expect(
      data.columns?.description == "text \"comment_text\", labels \"toxic\", \"insult\"")
    let json = #"{"comment_text":"a","toxic":1,"insult":false}"#
    #expect(try read(json, "b.jsonl", options).examples.map(\.target) == [.labels([0])])
    for (cell, shown) in [("-1", "-1"), ("", ""), ("2", "2"), ("yes", "yes")] {
      #expect(
        try complaint("comment_text,toxic,insult\na,1,0\nb,0,\(cell)\n", "c.csv", options)
          == "line 3: the label \"insult\" is \"\(shown)\", expected 0 or 1")
    }
    #expect(
      try complaint("comment_text,toxic\na,1\n", "d.csv", options).hasPrefix("no column \"insult\"")
    )
  }

  @Test(arguments: [
    "('a', 'b')", "(1, 0, 1)", "{'a', 'b'}", "tensor([1, 0])", "array([1, 0])", "set()", "1 0 1",
    "1|0|1", "(1 0 1)", "'a', 'b'",
  ])
  func `lists as Python prints them are no labels`(cell: String) throws {
    let text = "text,label\na,\"\(cell)\"\nb,\"\(cell)\"\n"
    #expect(
      try complaint(text, "a.csv", DataOptions(task: .multiLabel))
        == "line 2: the labels \"\(cell)\" are a list of Python or of 0 and 1 without commas; write names with commas between them, a JSON array, or 0 and 1 with commas between them"
    )
    #expect(
      try complaint(text, "b.csv")
        == "line 2: the label \"\(cell)\" is a list, and one label for each text is expected"
    )
  }

  @Test func `a list in a cell is not a class, and words in brackets are`() throws {
    for cell in ["[0, 1]", "['a', 'b']", "[\"\"a\"\"]", "[1. 0.]", "[True, False]"] {
      #expect(
        try complaint("text,label\na,\"\(cell)\"\n", "a.csv").contains(
          "is a list, and one label for each text is expected"))
    }
    let names = [
      "(other)", "[music]", "don't know", "1/2", "a, b", "0", "{x}", "(3)", "'70s rock'n'",
    ]
    let rows = names.enumerated().map { "text \($0),\"\($1)\"\n" }.joined()
    #expect(try read("text,label\n" + rows, "b.csv").labels.count == names.count)
    // The time that a cell takes grows with its length alone.
    let deep = String(repeating: "(", count: 200_000) + String(repeating: ")", count: 200_000)
    #expect(try complaint("text,label\na,\(deep)\n", "c.csv").contains("is a list"))
  }

  @Test func `labels between other separators than commas are pointed out`() throws {
    let options = DataOptions(task: .multiLabel)
    let data = try read("a\tred|blue\nb\tblue|green\n", "a.tsv", options)
    #expect(
      data.notes == [
        "\(folder.path("a.tsv")): the label \"blue|green\" is one label; only commas separate labels, and \"|\" does not"
      ])
    #expect(try read("a\tred; blue\nb\tblue\n", "b.tsv", options).notes.count == 1)
    #expect(try read("a\tC|C++\nb\tblue,green\n", "c.tsv", options).notes.isEmpty)
  }

  @Test func `a blank label is not a label`() throws {
    #expect(try complaint("text,label\na,x\nb,  \n", "a.csv") == "line 3: the label is blank")
  }

  @Test func `a number to predict must be in the range of the model's numbers`() throws {
    let options = DataOptions(task: .regression)
    #expect(
      try complaint("text,label\na,1e39\n", "a.csv", options)
        == "line 2: the label \"1e39\" is beyond the range of 32-bit floating-point numbers")
    #expect(
      try complaint(#"{"text":"a","label":true}"#, "b.jsonl", options)
        == "line 1: the label \"true\" is not a number in decimal digits, as regression needs")
  }
}
