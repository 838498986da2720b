import CheckpointFiles
import EspalierTestSupport
import Testing

@testable import FineTuning

@Suite struct `Subword tokenizers` {
  static let variants = ["byte-level", "byte-level-prefixed", "unigram", "unigram-fallback"]

  static func document(_ path: String) throws -> JSONValue {
    try JSONParser.parse(try Fixtures.bytes(Fixtures.path("tokenizer/\(path)")))
  }

  static func ids(_ value: JSONValue) -> [Int32] {
    (value.array ?? []).compactMap { $0.integer.map(Int32.init) }
  }

  @Test(arguments: variants)
  func `read every hard text as the reference does`(variant: String) throws {
    let tokenizer = try TokenizerFiles(directory: Fixtures.path("tokenizer/\(variant)"))
      .makeTokenizer()
    let expected = try Self.document("\(variant)/ids.json")
    let texts = try #require(expected["texts"]?.array).compactMap(\.string)
    let ids = try #require(expected["ids"]?.array)
    #expect(texts.count == ids.count && texts.count > 60)
    for (text, ids) in zip(texts, ids) {
      #expect(
        tokenizer.encode(text, maximumLength: 4096).ids == Self.ids(ids), "\(quoted(text))")
    }
    let pairs = try #require(try Self.document("texts.json")["pairs"]?.array)
    for (pair, ids) in zip(pairs, try #require(expected["pairs"]?.array)) {
      let texts = (pair.array ?? []).compactMap(\.string)
      let encoding = tokenizer.encode(texts[0], texts[1], maximumLength: 24)
      #expect(encoding.ids == Self.ids(ids))
      #expect(encoding.tokenTypes.count == encoding.ids.count)
    }
    #expect(tokenizer.paddingID == 1)
  }

  @Test func `read vocab.json and merges.txt as the tokenizer.json made of them`() throws {
    let model = try #require(try Self.document("byte-level/tokenizer.json")["model"])
    let folder = try TemporaryFolder()
    let merges = (model["merges"]?.array ?? []).map { merge in
      merge.string ?? (merge.array ?? []).compactMap(\.string).joined(separator: " ")
    }
    try folder.write("vocab.json", (model["vocab"] ?? .null).text())
    try folder.write(
      "merges.txt", "#version: 0.2\n" + merges.joined(separator: "\n") + "\n")
    let tokenizer = try TokenizerFiles(directory: folder.path).makeTokenizer()
    let expected = try Self.document("byte-level/ids.json")
    let texts = try #require(expected["texts"]?.array).compactMap(\.string)
    for (text, ids) in zip(texts, try #require(expected["ids"]?.array))
    where !text.contains("mask>") && !text.contains("newtoken") {
      #expect(tokenizer.encode(text, maximumLength: 4096).ids == Self.ids(ids), "\(quoted(text))")
    }
  }

  @Test func `take time in proportion to a word's length`() throws {
    let tokenizer = try TokenizerFiles(directory: Fixtures.path("tokenizer/byte-level"))
      .makeTokenizer()
    func time(_ length: Int) -> Double {
      let text = String(repeating: "a", count: length) + String(repeating: " ", count: length)
      let time = ContinuousClock().measure {
        #expect(tokenizer.encode(text, maximumLength: 1 << 20).ids.count > length / 500)
      }
      return time / .seconds(1)
    }
    // Sixteen times the length would take 256 times as long if each letter looked at all the others.
    let short = (0..<5).map { _ in time(5_000) }.min() ?? 0
    #expect(time(80_000) < 100 * short)
  }

  @Test(arguments: [
    (#""dropout":null"#, #""dropout":0.5"#, "dropout"),
    (#""merges":["#, #""merges":[["Ġ","nowhere"],"#, "merge 1"),
    (#""normalizer":null"#, #""normalizer":{"type":"Lowercase"}"#, "Lowercase"),
    (#""type":"ByteLevel""#, #""type":"Whitespace""#, "Whitespace"),
    (#""type":"RobertaProcessing""#, #""type":"Odd""#, "Odd"),
    (#""<pad>""#, #""<filling>""#, "<pad>"),
  ])
  func `refuse what they do not implement in one line`(
    before: String, after: String, named: String
  ) throws {
    var text = String(
      decoding: try Fixtures.bytes(Fixtures.path("tokenizer/byte-level/tokenizer.json")),
      as: UTF8.self)
    text = text.split(separator: before, omittingEmptySubsequences: false).joined(separator: after)
    let folder = try TemporaryFolder()
    try folder.write("tokenizer.json", text)
    let error = #expect(throws: FineTuningError.self) {
      _ = try TokenizerFiles(directory: folder.path).makeTokenizer()
    }
    let message = try #require(error).description
    #expect(message.contains(named), "\(message)")
    #expect(!message.contains("\n"))
  }
}
