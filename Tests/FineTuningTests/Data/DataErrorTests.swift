import EspalierTestSupport
import FineTuning
import Testing

@Suite("Data that cannot be read")
struct DataErrorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What is said about a file, without its path.
  private func complaint(
    _ bytes: [UInt8], _ name: String = "data.tsv", _ options: DataOptions = DataOptions(),
    labels: [String]? = nil
  ) throws -> String {
    let path = try folder.write(name, bytes: bytes)
    let error = #expect(throws: FineTuningError.self) {
      try LabelledDataset(contentsOf: path, options: options, labels: labels)
    }
    let text = try #require(error?.description)
    #expect(error?.path == path && !text.contains("--"))
    #expect(text.hasPrefix("\(path): "))
    #expect(!text.contains("\n"))
    return String(text.dropFirst(path.count + 2))
  }

  private func complaint(
    _ text: String, _ name: String = "data.tsv", _ options: DataOptions = DataOptions(),
    labels: [String]? = nil
  ) throws -> String {
    try complaint(Array(text.utf8), name, options, labels: labels)
  }

  @Test func `a file that is not there is named`() throws {
    let error = #expect(throws: FineTuningError.self) {
      try LabelledDataset(contentsOf: folder.path("none.tsv"))
    }
    #expect(error?.description.contains("none.tsv") == true)
    #expect(throws: FineTuningError.self) { try LabelledDataset(contentsOf: folder.path) }
  }

  @Test(arguments: ["", "\n", "\r\n\n", "\u{FEFF}"])
  func `a file without rows is empty`(text: String) throws {
    #expect(try complaint(text) == "empty, no rows to read")
    #expect(try complaint(text, "a.jsonl") == "empty, no rows to read")
    #expect(try complaint(text, "a.csv") == "empty, no rows to read")
  }

  @Test func `a header alone is not data`() throws {
    #expect(try complaint("text\tlabel\n") == "no rows below the header")
  }

  @Test func `a header with unusual names is not taken for a text`() throws {
    let text = "opinion\tstars\na\t1\nb\t0\n"
    #expect(
      try complaint(text)
        == "line 1: the label \"stars\" is the only one that is not a number"
    )
    let folder = try TemporaryFolder()
    let path = try folder.write("a.tsv", text)
    let asData = try LabelledDataset(contentsOf: path, options: DataOptions(header: .no))
    #expect(asData.labels == ["0", "1", "stars"])
    let named = try LabelledDataset(
      contentsOf: path,
      options: DataOptions(header: .yes, textColumn: "opinion", labelColumn: "stars"))
    #expect(named.labels == ["0", "1"])
  }

  @Test func `a column that is not there is answered with those that are`() throws {
    let stars = DataOptions(labelColumn: "stars")
    #expect(
      try complaint("text\trating\na\t1\n", "a.tsv", stars)
        == "no column \"stars\" in the first row, which has \"text\", \"rating\""
    )
    // The first text of a file without a header is not spelled out.
    #expect(
      try complaint(
        "a text that goes on and on and on\t1\n", "a.tsv", DataOptions(textColumn: "review"))
        == "no column \"review\" in the first row, which has \"a text that goes on and…\", \"1\""
    )
    #expect(
      try complaint(#"{"text":"a","rating":1}"#, "a.jsonl", stars)
        == "no column \"stars\"; there are \"text\", \"rating\"")
    #expect(
      try complaint("a\t1\n", "b.tsv", DataOptions(labelColumn: "3"))
        == "no column 3; the first row has 2 columns")
    #expect(
      try complaint(#"{"text":"a"}"#, "b.jsonl").hasPrefix("no column for the label was found"))
    #expect(
      try complaint(#"{"blurb":"a","label":1}"#, "c.jsonl")
        .hasPrefix("no column for the text was found"))
  }

  @Test func `a name of a column needs a header`() throws {
    #expect(
      try complaint("a\t1\n", "a.tsv", DataOptions(header: .no, labelColumn: "stars"))
        .contains("the file is read without a header"))
  }

  @Test func `bytes that are not UTF-8 are found by line and byte`() throws {
    let bytes = Array("good\t1\nbad ".utf8) + [0xE9] + Array("\t0\n".utf8)
    #expect(
      try complaint(bytes) == "line 2: not UTF-8 at byte 11; save the file as UTF-8")
    // The mark at the start counts as bytes, and so do quoted line ends as lines.
    let marked = [0xEF, 0xBB, 0xBF] + Array("\"a\n".utf8) + [0xC0, 0x80] + Array("\",1\n".utf8)
    #expect(
      try complaint(marked, "a.csv") == "line 2: not UTF-8 at byte 6; save the file as UTF-8")
    // A surrogate, something above U+10FFFF, and a sequence that the line cuts short.
    for bad: [UInt8] in [[0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
      #expect(try complaint(bad + Array("\t1\n".utf8)).hasPrefix("line 1: not UTF-8 at byte 0"))
    }
    // Far into a file that is read in pieces.
    let far = Array(String(repeating: "fine\t1\n", count: 60_000).utf8) + [0xFF, 0x09, 0x31]
    #expect(try complaint(far).hasPrefix("line 60001: not UTF-8 at byte 420000"))
  }

  @Test func `UTF-16 is not taken for data`() throws {
    #expect(try complaint([0xFF, 0xFE, 0x61, 0x00]).contains("not UTF-8 at byte 0"))
  }

  @Test func `a row with too few columns is found by its line`() throws {
    #expect(
      try complaint("a\t1\nb\n") == "line 2: 1 column, but the label is column 2")
    #expect(try complaint("a\t1\nb\t\n") == "line 2: the label is empty")
  }

  @Test func `quotes of CSV must fit together`() throws {
    #expect(
      try complaint("a,1\n\"b,0\n", "a.csv") == "line 2: a quoted field without its closing quote")
    #expect(
      try complaint("text,label\n\"a,1\nBad \"m\",2\nc,1\n", "a.csv").hasPrefix(
        "line 2: the quoted cell that starts here continues for several lines and has text after its closing quote"
      ))
  }

  @Test func `a line of JSONL is one object with strings, numbers or truth values`() throws {
    let good = #"{"text":"a","label":1}"# + "\n"
    #expect(try complaint(good + "[1]\n", "a.jsonl").hasPrefix("line 2: not a JSON object"))
    #expect(try complaint(good + "{\"text\":\n", "a.jsonl").hasPrefix("line 2: "))
    #expect(
      try complaint(good + #"{"text":"b"}"#, "a.jsonl")
        == "line 2: no \"label\" (the label); there are \"text\"")
    #expect(
      try complaint(good + #"{"text":["b"],"label":1}"#, "a.jsonl")
        == "line 2: \"text\" (the text) is not a string, a number or a truth value")
  }

  @Test func `a label that training did not see is named with its line`() throws {
    #expect(
      try complaint("a\tyes\nb\tmaybe\n", labels: ["no", "yes"])
        == "line 2: the label \"maybe\" is not among those of the training data: \"no\", \"yes\"")
  }

  @Test func `a text in the place of the label is suspected`() throws {
    let rows = (0...10_000).map { "x\tlabel \($0)\n" }.joined()
    #expect(try complaint(rows).contains("line 10001: more than 10,000 different labels"))
  }

  @Test func `of several columns without a header that is known, somebody must name one`() throws {
    let unlabelled = DataOptions(needsLabels: false)
    #expect(
      try complaint("7,a b\n8,c\n", "a.csv", unlabelled)
        == "2 columns and no header with a usual name in the first row, which has \"7\", \"a b\""
    )
    #expect(
      try complaint("id\topinion\tstars\n1\ta\t5\n").hasPrefix(
        "3 columns and no header with a usual name in the first row, which has \"id\", \"opinion\", \"stars\""
      ))
    // A second column that holds a label of the model is one.
    let known = DataOptions(needsLabels: false, knownLabels: ["bad", "good"])
    #expect(try complaint("a\tbetter\n", "b.tsv", known).hasPrefix("2 columns and no header"))
    let path = try folder.write("c.tsv", "a\tgood\n")
    #expect(try LabelledDataset(contentsOf: path, options: known).examples.map(\.text) == ["a"])
    let byNumber = DataOptions(textColumn: "2", needsLabels: false)
    #expect(
      try LabelledDataset(contentsOf: path, options: byNumber).examples.map(\.text) == ["good"])
    let plain = DataOptions(header: .no, needsLabels: false)
    #expect(try LabelledDataset(contentsOf: path, options: plain).examples.map(\.text) == ["a"])
  }

  @Test func `a header that is known for its label is asked for its text`() throws {
    #expect(
      try complaint("phrase\tlabel\na\tgood\nb\tbad\n")
        == "no column for the text was found; there are \"phrase\", \"label\""
    )
  }

  @Test func `a header that is known for its text is asked for its label`() throws {
    #expect(
      try complaint("text\tscore\na\t1.5\n", "a.tsv", DataOptions(task: .regression))
        == "no column for the label was found; there are \"text\", \"score\""
    )
  }

  @Test(arguments: [
    (
      DataOptions(pairColumn: "2"),
      "the second text and the label are both column 2"
    ),
    (
      DataOptions(textColumn: "2"),
      "the text and the label are both column 2"
    ),
    (
      DataOptions(labelColumn: "1"),
      "the text and the label are both column 1"
    ),
    (
      DataOptions(textColumn: "2", pairColumn: "2", labelColumn: "1"),
      "the text and the second text are both column 2"
    ),
  ])
  func `one column is not two things`(options: DataOptions, sentence: String) throws {
    #expect(try complaint("a\t1\nb\t0\n", "a.tsv", options) == sentence + " (there are 2 columns)")
    // Nobody asked for a label, and nobody needs one: it gives way.
    var unlabelled = options
    unlabelled.needsLabels = false
    if options.labelColumn == nil {
      let data = try LabelledDataset(contentsOf: folder.path("a.tsv"), options: unlabelled)
      #expect(data.examples.map(\.label) == [nil, nil])
    }
  }

  @Test func `one member is not two things either`() throws {
    #expect(
      try complaint(#"{"text":"a","label":1}"#, "a.jsonl", DataOptions(labelColumn: "text"))
        == "the text and the label are both column \"text\" (there are 2 columns)"
    )
  }

  @Test func `a second text that the first object does not have is not lost`() throws {
    let first = #"{"text":"a","label":"x"}"# + "\n"
    #expect(
      try complaint(first + #"{"text":"b","text_pair":"c","label":"y"}"#, "a.jsonl")
        == "line 2: \"text_pair\" is the second text, which the first object does not have; give every object both texts, or name the column of the text if there is only one"
    )
    // A user who names the text has said that there is one.
    let named = DataOptions(textColumn: "text")
    let path = try folder.write(
      "b.jsonl", first + #"{"text":"b","text_pair":"c","label":"y"}"# + "\n")
    #expect(try LabelledDataset(contentsOf: path, options: named).count == 2)
  }

  @Test func `a comma in a text is found although the header ends with empty names`() throws {
    #expect(
      try complaint("text,label,\nGood,1,\nBad, really bad,0,\n", "a.csv")
        == "line 3: 4 cells, but the header has 3; a cell that contains \",\" must be in quotes")
    let path = try folder.write(
      "b.csv", "label,text,,\nham,\"Go until\",,\nspam,\"a\",\" b\",\n")
    #expect(
      try LabelledDataset(contentsOf: path).notes == [
        "\(path): 1 row with text in columns without a name, which is not read, the first in line 3; a cell that contains \",\" must be in quotes"
      ])
  }

  @Test func `columns that may be a second text and are not read are named`() throws {
    let path = try folder.write(
      "a.tsv", "index\tquestion\tsentence\tlabel\n0\tWhy?\tSo.\tyes\n1\tWho?\tMe.\tno\n")
    #expect(
      try LabelledDataset(contentsOf: path).notes == [
        "\(path): the columns \"index\", \"question\" are not read"
      ])
    let named = DataOptions(textColumn: "sentence")
    #expect(try LabelledDataset(contentsOf: path, options: named).notes.isEmpty)
    let json = try folder.write(
      "b.jsonl", #"{"id":1,"text":"a","label":"x"}"# + "\n" + #"{"text":"b","label":"y"}"# + "\n")
    #expect(
      try LabelledDataset(contentsOf: json).notes == ["\(json): the column \"id\" is not read"])
  }

  @Test func `second texts without a character are counted`() throws {
    let path = try folder.write("a.csv", "text,text_pair,label\na,,x\nb,c,y\nd,,x\n")
    #expect(
      try LabelledDataset(contentsOf: path).notes == [
        "\(path): 2 second texts without a character, the first in line 2"
      ])
  }

  @Test func `UTF-16 without a mark and the line of Excel are named`() throws {
    let bytes = "text,label\nGood,1\n".utf8.flatMap { [$0, UInt8(0)] }
    #expect(
      try complaint(bytes, "a.csv")
        == "is not text in UTF-8: every second byte is zero, as in UTF-16; save the file as UTF-8")
    #expect(
      try complaint("sep=;\ntext;label\nGood;1\n", "b.csv")
        == "line 1: \"sep=;\" is a line for Excel alone; remove it")
  }

  @Test func `options for cells are pointed out where there are none`() throws {
    let path = try folder.write("a.jsonl", #"{"text":"a","label":"x"}"# + "\n")
    for options in [DataOptions(quotes: .no), DataOptions(header: .yes)] {
      #expect(
        try LabelledDataset(contentsOf: path, options: options).notes == [
          "\(path): a header and quotes are for TSV and CSV, and this is read as JSON lines: the option has no effect"
        ])
    }
  }
}
