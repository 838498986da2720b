import CheckpointFiles
import EspalierTestSupport
import FineTuning
import Testing

@Suite("WordPiece equals Hugging Face's fast tokenizer")
struct TokenizerParityTests {
  private static let variants = [
    "uncased", "cased", "uncased-accents", "cased-stripped", "uncleaned", "no-ideographs",
  ]

  private func json(_ name: String) throws -> JSONValue {
    try JSONParser.parse(Fixtures.bytes(Fixtures.path("tokenizer/\(name)")))
  }

  private func tokenizer(_ variant: String) throws -> WordPieceTokenizer {
    try WordPieceTokenizer(directory: Fixtures.path("tokenizer/\(variant)"))
  }

  private func integers(_ value: JSONValue?) throws -> [Int] {
    try #require(value?.array).compactMap(\.integer)
  }

  @Test(arguments: variants)
  func `texts that are hard to read give the same ids`(variant: String) throws {
    let tokenizer = try tokenizer(variant)
    let texts = try #require(json("texts.json")["texts"]?.array).compactMap(\.string)
    let expected = try #require(json("\(variant)/ids.json")["texts"]?.array)
    #expect(texts.count == expected.count)
    #expect(texts.count > 60)
    for (text, ids) in zip(texts, expected) {
      let encoding = tokenizer.encode(text, maximumLength: 10_000)
      #expect(try encoding.ids.map(Int.init) == integers(ids), "\(quoted(text))")
    }
  }

  @Test(arguments: variants)
  func `pairs are joined and cut as the original does`(variant: String) throws {
    let tokenizer = try tokenizer(variant)
    let pairs = try #require(json("texts.json")["pairs"]?.array)
    let expected = try #require(json("\(variant)/ids.json")["pairs"]?.array)
    #expect(pairs.count == expected.count)
    for (pair, result) in zip(pairs, expected) {
      let texts = try #require(pair.array).compactMap(\.string)
      let result = try #require(result.array)
      let encoding = tokenizer.encode(texts[0], texts[1], maximumLength: 24)
      #expect(try encoding.ids.map(Int.init) == integers(result[0]), "\(texts)")
      #expect(try encoding.tokenTypes.map(Int.init) == integers(result[1]), "\(texts)")
    }
  }

  @Test func `a single text is cut behind its beginning`() throws {
    let tokenizer = try tokenizer("uncased")
    let whole = tokenizer.encode("the quick brown fox the quick", maximumLength: 512)
    let cut = tokenizer.encode("the quick brown fox the quick", maximumLength: 5)
    #expect(cut.isTruncated)
    #expect(!whole.isTruncated)
    #expect(cut.ids == Array(whole.ids.prefix(4)) + Array(whole.ids.suffix(1)))
  }

  @Test func `a vocabulary with a config gives what tokenizer json gives`() throws {
    let folder = try TemporaryFolder()
    for name in ["vocab.txt", "tokenizer_config.json"] {
      let bytes = try Fixtures.bytes(Fixtures.path("tokenizer/uncased/\(name)"))
      try folder.write(name, String(decoding: bytes, as: UTF8.self))
    }
    let (a, b) = (try WordPieceTokenizer(directory: folder.path), try tokenizer("uncased"))
    for text in try #require(json("texts.json")["texts"]?.array).compactMap(\.string) {
      #expect(
        a.encode(text, maximumLength: 512).ids == b.encode(text, maximumLength: 512).ids,
        "\(quoted(text))")
    }
  }

  @Test func `a folder without a vocabulary is refused by name`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FineTuningError.self) {
      try WordPieceTokenizer(directory: folder.path)
    }
    #expect(error?.description.contains("vocab.txt") == true)
  }
}
