import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The document that interop/check_tokenizer_files.py wrote; `nil` in an ordinary run of the tests.
private let sweep: String? = unsafe getenv("ESPALIER_TOKENIZER_COMBINATIONS").map {
  unsafe String(cString: $0)
}

@Suite struct `Combinations of tokenizer files` {
  /// Folders that transformers refuses, or reads in a way that is left to chance.
  @Test func `are read as AutoTokenizer of transformers reads them`() throws {
    let document = try JSONParser.parse(
      try Fixtures.bytes(sweep ?? Fixtures.path("tokenizer/combinations.json")))
    let texts = try #require(document["texts"]?.array).compactMap(\.string)
    let pairs = try #require(document["pairs"]?.array).map { ($0.array ?? []).compactMap(\.string) }
    let cases = try #require(document["cases"]?.array)
    var read = 0
    for (index, example) in cases.enumerated() {
      let files = try #require(example["files"]?.object)
      let folder = try TemporaryFolder()
      for (name, content) in files {
        var text = content.string ?? content.text()
        if text.hasPrefix("@") {
          text = try #require(document["parts"]?[String(text.dropFirst())]?.string)
        }
        try folder.write(name.string, text)
      }
      let about = "case \(index): \(JSONValue.object(files).text())"
      if let reason = example["refused"]?.string {
        let error = #expect(throws: FineTuningError.self, "\(about): \(reason)") {
          _ = try TokenizerFiles(directory: folder.path).makeTokenizer()
        }
        #expect(error?.description.contains("\n") == false, "\(about)")
        continue
      }
      read += 1
      do {
        let tokenizer = try TokenizerFiles(directory: folder.path).makeTokenizer()
        for (text, ids) in zip(texts, example["ids"]?.array ?? []) {
          #expect(
            tokenizer.encode(text, maximumLength: 4096).ids == integers(ids),
            "\(about), \(quoted(text))")
        }
        for (pair, expected) in zip(pairs, example["pairs"]?.array ?? []) {
          let encoding = tokenizer.encode(pair[0], pair[1], maximumLength: 12)
          #expect(encoding.ids == integers(expected.array?.first), "\(about), \(pair)")
          #expect(
            encoding.tokenTypes.map(Int32.init) == integers(expected.array?.last),
            "\(about), types of \(pair)")
        }
        #expect(tokenizer.modelMaximumLength == example["length"]?.integer, "\(about)")
        if let padding = example["padding"]?.integer {
          #expect(Int(tokenizer.paddingID) == padding, "\(about)")
        }
      } catch {
        Issue.record("\(about): refused: \(error)")
      }
    }
    #expect(read > 200)
    print("\(read) folders read, \(cases.count - read) refused")
  }

  /// transformers asks whether to execute the code when it has no class of its own for the folder.
  @Test func `with code of their own and no known class are refused`() throws {
    let parts = try JSONParser.parse(
      try Fixtures.bytes(Fixtures.path("tokenizer/combinations.json")))
    let tokenizer = try #require(parts["parts"]?["bert-processing"]?.string)
    for (options, model, isRefused) in [
      (#""auto_map": {"AutoTokenizer": ["a.B", null]}"#, nil, true),
      (#""auto_map": ["a.B", null]"#, nil, true),
      (#""auto_map": {"AutoTokenizer": ["a.B", null]}, "tokenizer_class": "B""#, nil, true),
      (#""auto_map": {"AutoTokenizer": null}"#, nil, false),
      (#""auto_map": {"AutoModel": "a.B"}"#, nil, false),
      (#""auto_map": ["a.B", null], "tokenizer_class": "BertTokenizer""#, nil, false),
      (#""auto_map": ["a.B", null]"#, #"{"model_type": "bert"}"#, false),
    ] as [(String, String?, Bool)] {
      let folder = try TemporaryFolder()
      try folder.write("tokenizer.json", tokenizer)
      try folder.write("tokenizer_config.json", "{\(options)}")
      if let model { try folder.write("config.json", model) }
      do {
        _ = try TokenizerFiles(directory: folder.path).makeTokenizer()
        #expect(!isRefused, "\(options)")
      } catch {
        #expect(isRefused && error.description.contains("\"auto_map\""), "\(options) \(error)")
      }
    }
  }

  private func integers(_ value: JSONValue?) -> [Int32] {
    (value?.array ?? []).compactMap { $0.integer.map(Int32.init) }
  }
}
