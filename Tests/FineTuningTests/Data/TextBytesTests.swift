import CheckpointFiles
import EspalierTestSupport
import FineTuning
import Testing

@Suite("Text of data files is compared by its bytes")
struct TextBytesTests {
  private let composed = "\u{e9}"
  private let decomposed = "e\u{301}"

  private func read(
    _ text: String, _ name: String = "data.tsv", _ options: DataOptions = DataOptions()
  ) throws -> LabelledDataset {
    let folder = try TemporaryFolder()
    return try LabelledDataset(contentsOf: folder.write(name, text), options: options)
  }

  @Test func `a composed and a decomposed label are two labels, as in Python`() throws {
    let data = try read(
      "text\tlabel\na\t\(composed)\nb\t\(decomposed)\nc\t\(composed)\nd\t\(decomposed)\n")
    #expect(data.labels.map { Array($0.utf8) } == [Array(decomposed.utf8), Array(composed.utf8)])
    #expect(data.examples.map(\.target) == [.label(1), .label(0), .label(1), .label(0)])
  }

  @Test func `a composed and a decomposed name are two columns`() throws {
    let data = try read(
      "\(composed)\t\(decomposed)\tlabel\none\ttwo\t1\nthree\tfour\t0\n", "data.tsv",
      DataOptions(textColumn: decomposed, labelColumn: "label"))
    #expect(data.examples.map(\.text) == ["two", "four"])
    #expect(throws: FineTuningError.self) {
      try read("\(composed)\tlabel\none\t1\n", "a.tsv", DataOptions(textColumn: decomposed))
    }
  }

  /// Each took between 10 and 50 seconds when strings were compared by canonical equivalence.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "text\tlabel\nMARKS\t1\nb\t0\n", "text\tlabel\na\tMARKS\nb\t0\n",
      "MARKS\tlabel\na\t1\nb\t0\n",
      "text\tMARKS\na\t1\n", "MARKS\n", "MARKS\tMARKS\tMARKS\n",
      "{\"text\": \"MARKS\", \"label\": \"MARKS\"}\n{\"text\": \"b\", \"label\": 1}\n",
      "{\"MARKS\": 1, \"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n",
    ])
  func `a run of combining marks costs what its length costs`(_ text: String) throws {
    for count in [20, 80_000] {
      let marks = "e" + String(repeating: "\u{301}\u{316}", count: count / 2)
      let name = text.utf8.first == UInt8(ascii: "{") ? "data.jsonl" : "data.tsv"
      let content = text.split(separator: "MARKS", omittingEmptySubsequences: false)
        .joined(separator: marks)
      for task in PredictionTask.allCases {
        // Most of these are errors; what counts is that they come at once.
        _ = try? read(content, name, DataOptions(task: task))
        _ = try? read(
          content, name, DataOptions(textColumn: marks, labelColumn: "label", task: task))
      }
    }
  }

  @Test func `a row has as many columns as a sheet of Excel at most`() throws {
    let most = "text\tlabel" + String(repeating: "\tx", count: 16_382)
    #expect(try read("\(most)\na\t1\nb\t0\n").count == 2)
    for (name, text) in [
      ("data.tsv", "\(most)\tx\na\t1\n"),
      ("data.jsonl", "{" + (0...16_384).map { "\"\($0)\": 1" }.joined(separator: ",") + "}\n"),
    ] {
      let error = #expect(throws: FineTuningError.self) { try read(text, name) }
      #expect(error?.kind == .malformedData && error?.line == 1)
      #expect(error?.description.hasSuffix("line 1: more than 16,384 columns") == true)
    }
  }

  @Test(arguments: ["data.tsv", "data.csv", "data.jsonl"])
  func `a row of more than 16 MB is refused`(_ name: String) throws {
    let error = #expect(throws: FineTuningError.self) {
      let start =
        ["data.tsv": "text\tlabel\n", "data.csv": "text,label\n"][name] ?? "{\"text\": \""
      return try read(start + String(repeating: "a", count: 17 << 20), name)
    }
    #expect(error?.description.contains("a row of more than 16 MB") == true)
  }

  @Test(arguments: [
    ("1", 1.0), ("+1", 1), ("-2.50", -2.5), (".5", 0.5), ("5.", 5), ("1e3", 1_000), ("1E-2", 0.01),
    (" 7 ", 7),
  ])
  func `a number to predict is written as pandas reads decimal numbers`(
    _ text: String, _ value: Double
  ) throws {
    let data = try read("text\tlabel\na\t\(text)\nb\t0\n", "d.tsv", DataOptions(task: .regression))
    #expect(data.examples[0].target == .value(value))
  }

  @Test(arguments: [
    "0x10", "inf", "-inf", "Infinity", "nan", "NaN", "1_000", "1,5", "1e", "e5", "--1", "1 2", "١",
    "1e999", "1e39", ".", "+", "0b1", "1f",
  ])
  func `any other text is not a number to predict`(_ text: String) throws {
    let error = #expect(throws: FineTuningError.self) {
      try read("text\tlabel\na\t\(text)\nb\t0\n", "d.tsv", DataOptions(task: .regression))
    }
    #expect(error?.description.contains("line 2: the label \"\(text)\"") == true)
  }
}
