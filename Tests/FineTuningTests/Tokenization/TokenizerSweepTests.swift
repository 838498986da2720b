import EspalierTestSupport
import FineTuning
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folder that interop/check_tokenizer.py wrote; `nil` in an ordinary run of the tests.
private let corpora: String? = unsafe getenv("ESPALIER_TOKENIZER_SWEEP").map {
  unsafe String(cString: $0)
}

@Suite("The tokenizer against a corpus of interop/check_tokenizer.py")
struct TokenizerSweepTests {
  @Test(.enabled(if: corpora != nil, "written by interop/check_tokenizer.py"))
  func `every text of the corpus gives the reference's ids`() throws {
    let folder = try #require(corpora)
    var compared = 0
    for name in TemporaryFolder.names(in: folder) {
      let tokenizer = try TokenizerFiles(directory: "\(folder)/\(name)").makeTokenizer()
      let corpus = try Fixtures.bytes("\(folder)/\(name)/corpus.bin")
      var place = 0
      func word() -> Int {
        defer { place += 4 }
        return (0..<4).reduce(0) { $0 | Int(corpus[place + $1]) << (8 * $1) }
      }
      var failures = 0
      while place < corpus.count, failures < 10 {
        let length = word()
        let text = String(decoding: corpus[place..<place + length], as: UTF8.self)
        place += length
        let ids = (0..<word()).map { _ in Int32(word()) }
        // Without the special tokens that begin and end a sequence.
        let ours = Array(tokenizer.encode(text, maximumLength: 1 << 20).ids.dropFirst().dropLast())
        if ours != ids {
          failures += 1
          Issue.record(
            "\(name): \(text.unicodeScalars.map { String($0.value, radix: 16) }): \(ours), expected \(ids)"
          )
        }
        compared += 1
      }
    }
    #expect(compared > 0)
    print("\(compared) texts compared")
  }
}
