import EspalierTestSupport
import FineTuning
import Testing

/// The values are those that pandas 3.1 reads, unless a test says otherwise; interop/check_data.py compares many more.
@Suite("Cells of TSV and CSV")
struct CellReadingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(
    _ text: String, _ name: String = "data.csv", _ options: DataOptions = DataOptions()
  ) throws -> LabelledDataset {
    try LabelledDataset(contentsOf: folder.write(name, text), options: options)
  }

  private func complaint(
    _ text: String, _ name: String = "data.csv", _ options: DataOptions = DataOptions()
  ) throws -> String {
    let error = #expect(throws: FineTuningError.self) { try read(text, name, options) }
    let words = try #require(error?.description)
    #expect(words.hasPrefix("\(folder.path(name)): "))
    return String(words.dropFirst(folder.path(name).count + 2))
  }

  private func texts(_ data: LabelledDataset) -> [String] { data.examples.map(\.text) }

  @Test(arguments: [
    ("label,text\npos,Good\nneg,Bad, really bad\npos,Fine\n", "a.csv", 3, "header", "\",\""),
    ("text,label\nGood value, but slow,pos\nBad,neg\n", "b.csv", 2, "header", "\",\""),
    ("label\ttext\npos\tGood\tvalue\nneg\tBad\n", "c.tsv", 2, "header", "a tab"),
    ("Good\tpos\nBad\tneg\tworse\n", "d.tsv", 2, "first row", "a tab"),
    ("text,label\n\"a\nb\",x\nc,y,z\n", "e.csv", 4, "header", "\",\""),
  ])
  func `a row with more cells than the header is an error with its line`(
    text: String, name: String, line: Int, first: String, separator: String
  ) throws {
    #expect(
      try complaint(text, name)
        == "line \(line): 3 cells, but the \(first) has 2; a cell that contains \(separator) must be in quotes"
    )
  }

  @Test func `empty cells beyond the header pass, and rows with fewer cells are counted`() throws {
    #expect(try texts(read("text,label\na,1,,\nb,0\n")) == ["a", "b"])
    #expect(try texts(read("text,label,\na,1,\nb,0,\n", "b.csv")) == ["a", "b"])
    let short = try read("text,label,source\na,1\nb,0,x\nc,0\n", "c.csv")
    #expect(
      short.notes == [
        "\(folder.path("c.csv")): 2 rows with fewer than 3 cells, the first in line 2",
        "\(folder.path("c.csv")): the column \"source\" is not read",
      ])
  }

  @Test func `a quoted cell that may be several rows is pointed out`() throws {
    let data = try read("text,label\n\"a,1\nb\",2\nc,1\n")
    #expect(texts(data) == ["a,1\nb", "c"])
    #expect(
      data.notes == [
        "\(folder.path("data.csv")): 1 quoted cell over several lines, each of which is a row of 2 cells without the quotes, the first in line 2; is a quote not closed?"
      ])
    #expect(try read("text,label\n\"a\nb\",2\nc,1\n", "b.csv").notes == [])
  }

  @Test func `files of any bytes are read or refused, in every layout`() throws {
    let pieces = Array("ab1,\t;\n\r\"\"[]{}:-.e \u{FEFF}é\u{0}".utf8) + [0xFF, 0xC3]
    var random = SeededGenerator(seed: 7)
    for round in 0..<300 {
      var bytes = round % 3 == 0 ? Array("text,label\n".utf8) : []
      for _ in 0..<Int.random(in: 0..<60, using: &random) {
        bytes.append(pieces.randomElement(using: &random) ?? 0)
      }
      let path = try folder.write("any", bytes: bytes)
      for format in DataOptions.Format.allCases {
        let options = DataOptions(
          format: format, quotes: DataOptions.Quotes.allCases[round % 3],
          needsLabels: round % 2 == 0, task: PredictionTask.allCases[round / 3 % 3])
        do throws(FineTuningError) {
          let data = try LabelledDataset(contentsOf: path, options: options)
          #expect(!data.examples.isEmpty)
          #expect(data.labelCounts.count == data.labels.count)
        } catch {
          #expect(error.description.hasPrefix("\(path): "), "\(bytes)")
        }
      }
    }
  }

  @Test func `a header in the middle is not a row`() throws {
    #expect(
      try complaint("text,label\na,1\ntext,label\nb,0\n")
        == "line 3: the row repeats the header; remove it")
    #expect(try texts(read("a\tx\t\nb\ty\t\n", "b.tsv")) == ["a", "b"])
  }

  @Test func `texts without a character are counted`() throws {
    let data = try read("text,label\na,1\n,0\n\"\",1\n")
    #expect(texts(data) == ["a", "", ""])
    #expect(
      data.notes == ["\(folder.path("data.csv")): 2 texts without a character, the first in line 3"]
    )
  }

  @Test func `a header may begin with the empty name of an index`() throws {
    let data = try read(",text,label\n0,a,x\n1,b,y\n")
    #expect(texts(data) == ["a", "b"])
    #expect(data.columns?.description == "text \"text\", label \"label\"")
  }

  @Test(arguments: [
    ("a \"b\" c,1\n", "a \"b\" c"), ("\"a\"b,1\n", "ab"), ("\"a\" b \"c\",1\n", "a b \"c\""),
    ("\"\"\"\"\"b\",1\n", "\"\"b"), ("5\" disk,1\n", "5\" disk"),
  ])
  func `a quote inside a cell of CSV is text`(row: String, text: String) throws {
    #expect(try texts(read("text,label\n" + row)) == [text])
  }

  @Test func `lines of TSV are quoted as pandas writes them`() throws {
    let data = try read(
      "text\tlabel\n\"a \"\"b\"\" c\"\t1\n\"x\ny\"\t2\n\"t\tab\"\t1\n\"Good\" she said\t2\n\"half\t1\n",
      "a.tsv")
    #expect(texts(data) == ["a \"b\" c", "x\ny", "t\tab", "\"Good\" she said", "\"half"])
    #expect(data.examples.map(\.label) == [0, 1, 0, 1, 0])
  }

  @Test func `lines that can be read with quotes and without are an error`() throws {
    let text = "text\tlabel\n\"a\tx\nhi there\"\ty\n"
    #expect(
      try complaint(text, "a.tsv")
        == "line 2: a cell that starts with a quote ends in a later line, but each of these lines alone has 2 cells, too"
    )
    #expect(
      try texts(read(text, "b.tsv", DataOptions(quotes: .no))) == ["\"a", "hi there\""])
    #expect(try texts(read(text, "c.tsv", DataOptions(quotes: .yes))) == ["a\tx\nhi there"])
    #expect(
      try texts(read("text,label\n\"a\",1\n", "d.csv", DataOptions(quotes: .no))) == ["\"a\""])
  }

  @Test func `a separator is one character`() throws {
    let semicolon = DataOptions(separator: .init(";"))
    let data = try read("text;label\n1,5;b\n\"x;y\";a\n", "a.csv", semicolon)
    #expect(texts(data) == ["1,5", "x;y"])
    let tab = DataOptions(separator: .init("\\t"))
    #expect(try texts(read("text\tlabel\na\t1\n", "b.csv", tab)) == ["a"])
    for text in ["", "ab", "\"", "\n", "é"] { #expect(DataOptions.Separator(text) == nil) }
    #expect(
      try complaint("text;label\na;1\n", "c.csv")
        == "the first row is one cell, \"text;label\"")
    #expect(
      try complaint("good;1\nbad;0\n", "d.csv").hasSuffix(
        "1 column, but the label is column 2"))
    #expect(throws: FineTuningError.self) {
      try read(#"{"text":"a","label":1}"#, "e.jsonl", semicolon)
    }
  }

  @Test func `line ends may be carriage returns, and lines of blanks are not rows`() throws {
    #expect(try texts(read("text,label\ra,1\rb,2\r")) == ["a", "b"])
    #expect(
      try texts(read("\u{FEFF}text,label\r\n\"a\r\nb\",1\r\n\r\n   \r\nc,0\r\n")) == [
        "a\r\nb", "c",
      ])
    let error = try complaint("text,label\ra,1\r\nb\r", "b.csv")
    #expect(error.hasPrefix("line 3: 1 column"))
  }

  @Test(arguments: [
    ("a.csv", [0x1F, 0x8B, 8, 0], "gzip"), ("a.csv", Array("PAR1....".utf8), "Parquet"),
    ("a.csv", Array("ARROW1\0\0".utf8), "Arrow"),
    ("a.xlsx", Array("PK\u{3}\u{4}....[Content_Types].xml".utf8), "Excel workbook (.xlsx)"),
    ("a.zip", Array("PK\u{3}\u{4}....data.csv".utf8), "zip archive"),
    ("a.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], ".xls"),
    ("a.tsv", [0x28, 0xB5, 0x2F, 0xFD], "Zstandard"), ("a.pkl", [0x80, 4, 0x95], "pickle"),
    ("a.json", Array(" [\n {\"text\": \"a\"}]".utf8), "is a JSON array"),
    ("a.json", Array("{\n  \"text\": \"a\"\n}\n".utf8), "over several lines"),
    ("a.tsv", Array("{\"text\": \"a\", \"label\": 1}\n".utf8), "is JSON lines by its first line"),
    ("a.csv", Array("<!DOCTYPE html><html>".utf8), "web page"),
    ("a.csv", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "Git LFS pointer"),
    ("a.csv", [0xFF, 0xFE, 0x61, 0], "UTF-16"),
  ])
  func `files of other kinds are named`(name: String, bytes: [UInt8], words: String) throws {
    let path = try folder.write(name, bytes: bytes)
    let error = #expect(throws: FineTuningError.self) {
      try LabelledDataset(contentsOf: path, options: DataOptions(needsLabels: false))
    }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }
}
