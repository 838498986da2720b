import EspalierTestSupport
import FineTuning
import Testing

@Suite("Reading labelled texts")
struct DataReadingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(
    _ text: String, _ name: String = "data.tsv", _ options: DataOptions = DataOptions(),
    labels: [String]? = nil
  ) throws -> LabelledDataset {
    try LabelledDataset(
      contentsOf: folder.write(name, text), options: options, labels: labels)
  }

  private func texts(_ data: LabelledDataset) -> [String] { data.examples.map(\.text) }
  private func labels(_ data: LabelledDataset) -> [String?] {
    data.examples.map { $0.label.map { data.labels[$0] } }
  }

  @Test(
    arguments: [
      ("data.tsv", "good\t1\nbad, \"very\"\t0\n"),
      ("data.tsv", "text\tlabel\ngood\t1\nbad, \"very\"\t0\n"),
      ("data.tsv", "label\tid\ttext\n1\t7\tgood\n0\t8\tbad, \"very\"\n"),
      ("data.txt", "good\t1\nbad, \"very\"\t0"),
      ("data.csv", "good,1\n\"bad, \"\"very\"\"\",0\n"),
      ("DATA.CSV", "sentence,label\r\n\"good\",\"1\"\r\n\"bad, \"\"very\"\"\",0\r\n"),
      ("data.jsonl", #"{"text":"good","label":1}"# + "\n" + #"{"label":0,"text":"bad, \"very\""}"#),
      (
        "data.ndjson",
        #"{"text":"good","label":"1"}"# + "\n\n" + #"{"text":"bad, \"very\"","label":"0","x":[]}"#
      ),
    ])
  func `every layout gives the same rows, with a header or without`(
    name: String, text: String
  ) throws {
    for mark in ["", "\u{FEFF}"] {
      let data = try read(mark + text, name)
      #expect(texts(data) == ["good", "bad, \"very\""])
      #expect(data.labels == ["0", "1"])
      #expect(data.examples.map(\.label) == [1, 0])
      #expect(!data.isPaired)
    }
  }

  @Test
  func `line ends may be those of Windows, the last may be missing, empty lines do not count`()
    throws
  {
    let data = try read("good\tyes\r\n\r\n\nbad\tno\r\nso so\tno")
    #expect(texts(data) == ["good", "bad", "so so"])
    #expect(labels(data) == ["yes", "no", "no"])
    #expect(data.labels == ["no", "yes"])
    #expect(data.labelCounts == [2, 1])
  }

  @Test func `a quoted field of CSV holds commas, quotes and line ends`() throws {
    let data = try read("text,label\n\"a\n\"\"b\"\", c\",x\n\"\",y\n", "a.csv")
    #expect(texts(data) == ["a\n\"b\", c", ""])
    #expect(labels(data) == ["x", "y"])
  }

  @Test func `the second text of a pair is found by its name`() throws {
    let data = try read("sentence1\tsentence2\tlabel\na\tb\tyes\nc\td\tno\n")
    #expect(data.isPaired)
    #expect(data.examples.map(\.pair) == ["b", "d"])
    let named = try read(
      "q\ta\tlabel\nx\ty\t0\nz\tw\t1\n", "b.tsv",
      DataOptions(textColumn: "q", pairColumn: "a"))
    #expect(named.examples.map(\.pair) == ["y", "w"])
  }

  @Test func `columns are named, or numbered from 1`() throws {
    let text = "id\treview\tstars\n1\tgood\t5\n2\tbad\t1\n"
    for options in [
      DataOptions(textColumn: "review", labelColumn: "stars"),
      DataOptions(header: .yes, textColumn: "2", labelColumn: "3"),
    ] {
      let data = try read(text, "a.tsv", options)
      #expect(texts(data) == ["good", "bad"])
      #expect(data.labels == ["1", "5"])
    }
    let plain = try read(
      "1\tgood\t5\n2\tbad\t1\n", "b.tsv", DataOptions(textColumn: "2", labelColumn: "3"))
    #expect(texts(plain) == ["good", "bad"])
  }

  @Test func `of two columns with one name a number says which`() throws {
    let text = "text\tlabel\ttext\na\tx\tb\nc\ty\td\n"
    let data = try read(text, "a.tsv", DataOptions(header: .yes, textColumn: "3"))
    #expect(texts(data) == ["b", "d"])
    let error = #expect(throws: FineTuningError.self) { try read(text, "b.tsv") }
    #expect(error?.description.contains("columns 1 and 3 are both called \"text\"") == true)
    // What is not read may be called as it likes.
    #expect(try texts(read("text\tid\tid\tlabel\na\t1\t2\tx\n", "c.tsv")) == ["a"])
  }

  @Test(arguments: [
    (["0", "1", "2"], ["2", "0", "1"]), (["00", "01"], ["01", "00"]), (["1", "2"], ["2", "1"]),
    (["9", "10"], ["10", "9"]), (["no", "yes"], ["yes", "no"]),
    (["B", "a", "é"], ["é", "a", "B"]),
  ])
  func `numbers go by their values, other labels by their bytes`(
    order: [String], seen: [String]
  ) throws {
    let data = try read(seen.map { "text\($0)\t\($0)\n" }.joined())
    #expect(data.labels == order)
    #expect(labels(data) == seen)
  }

  @Test func `labels that only look alike are two labels`() throws {
    let data = try read("a\te\u{301}\nb\t\u{E9}\n")
    #expect(data.labels.count == 2)
  }

  @Test func `data to evaluate takes the numbers of the training data`() throws {
    let data = try read("a\tyes\n", labels: ["no", "yes"])
    #expect(data.labels == ["no", "yes"])
    #expect(data.examples.map(\.label) == [1])
  }

  @Test func `texts alone need no label`() throws {
    let options = DataOptions(needsLabels: false)
    #expect(try read("one\ntwo\n", "a.tsv", options).examples.map(\.label) == [nil, nil])
    #expect(try texts(read(#"{"text":"x"}"#, "a.jsonl", options)) == ["x"])
  }

  @Test(arguments: [
    ("a.csv", "id,text\n7,a b\n"), ("b.tsv", "index\tsentence\n0\ta b\n"),
    ("c.txt", "review\na b\n"),
    ("d.csv", "Content,Rating\na b,5\n"), ("e.tsv", "comment\tscore\na b\t\n"),
    ("f.tsv", "text\tlabel\na b\t\n"),
  ])
  func `a header is known by the name of a text alone`(name: String, text: String) throws {
    let data = try read(text, name, DataOptions(needsLabels: false))
    #expect(texts(data) == ["a b"])
    #expect(labels(data) == [nil])
  }

  @Test func `a first row with a number or an empty cell is no header`() throws {
    #expect(try texts(read("text\t1\nother\t0\n")) == ["text", "other"])
    #expect(
      try texts(read("content\n", "b.tsv", DataOptions(header: .no, needsLabels: false))) == [
        "content"
      ])
  }

  @Test func `one label alone is read; to train on it is another matter`() throws {
    #expect(try read("a\tx\nb\tx\n").labels == ["x"])
  }

  @Test func `rows go on past the piece that is read at once`() throws {
    let long = String(repeating: "long ", count: 60_000)
    let data = try read("\(long)\t1\nshort\t0\n\(long)é\t1\n")
    #expect(texts(data) == [long, "short", long + "é"])
  }
}
