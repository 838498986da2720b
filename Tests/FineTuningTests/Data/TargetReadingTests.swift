import EspalierTestSupport
import FineTuning
import Testing

@Suite("Numbers and several labels in data files")
struct TargetReadingTests {
  private func read(
    _ text: String, _ task: PredictionTask, format: DataOptions.Format = .tsv,
    labels: [String]? = nil
  ) throws -> LabelledDataset {
    let folder = try TemporaryFolder()
    let path = try folder.write("data", text)
    return try LabelledDataset(
      contentsOf: path, options: DataOptions(format: format, task: task), labels: labels)
  }

  @Test func `numbers are read as they are spelled`() throws {
    let data = try read("a\t1\nb\t-2.5e1\nc\t 3.25 \n", .regression)
    #expect(data.examples.map(\.target) == [.value(1), .value(-25), .value(3.25)])
    #expect(data.labels == [])
    let json = try read("{\"text\":\"a\",\"label\":0.5}\n", .regression, format: .jsonl)
    #expect(json.examples.map(\.target) == [.value(0.5)])
  }

  @Test(arguments: ["x", "nan", "inf", "", "0x10", "0x1p3", "1_000", "1e999", "١"])
  func `what is no number is named with its line`(label: String) throws {
    let error = #expect(throws: FineTuningError.self) {
      try read("a\t1\nb\t\(label)\n", .regression)
    }
    #expect(error?.description.contains("line 2") == true)
  }

  @Test func `several labels stand between commas or in a JSON array, or there are none`() throws {
    let data = try read(
      "a\tred, blue\nb\t\nc\t[\"blue\",\"a, b\"]\nd\tred\ne\t[]\n", .multiLabel)
    #expect(data.labels == ["a, b", "blue", "red"])
    #expect(
      data.examples.map(\.target) == [
        .labels([1, 2]), .labels([]), .labels([0, 1]), .labels([2]), .labels([]),
      ])
    let json = try read(
      "{\"text\":\"a\",\"label\":[\"x\",1]}\n{\"text\":\"b\",\"label\":\"1,x\"}\n", .multiLabel,
      format: .jsonl)
    #expect(json.labels == ["1", "x"])
    #expect(json.examples.map(\.target) == [.labels([0, 1]), .labels([0, 1])])
    let csv = try read("a,\"red,blue\"\nb,red\n", .multiLabel, format: .csv)
    #expect(csv.examples.map(\.target) == [.labels([0, 1]), .labels([1])])
  }

  @Test func `a list of labels for one label, a broken list and an unknown label are refused`()
    throws
  {
    for (text, task, format) in [
      (
        "{\"text\":\"a\",\"label\":[\"x\"]}\n", PredictionTask.classification,
        DataOptions.Format.jsonl
      ),
      ("a\t[\"x\"\n", .multiLabel, .tsv), ("a\t[{}]\n", .multiLabel, .tsv),
    ] {
      #expect(throws: FineTuningError.self, "\(text)") { try read(text, task, format: format) }
    }
    let error = #expect(throws: FineTuningError.self) {
      try read("a\tx\nb\tx,y\n", .multiLabel, labels: ["x"])
    }
    #expect(error?.description.contains("line 2") == true)
    #expect(error?.description.contains("\"y\"") == true)
  }
}
