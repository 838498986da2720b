import EspalierTestSupport
import ParameterSurgery
import Testing

@Suite("SHA-256")
struct SHA256HashTests {
  /// The examples of FIPS 180-4 and of NIST's "Cryptographic Standards and Guidelines".
  static let vectors: [(text: String, digest: String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
        + "mnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ]

  @Test(arguments: [false, true])
  func `the vectors of NIST have their digests`(isPlain: Bool) {
    for (text, digest) in Self.vectors {
      var hash = SHA256Hash(usingPlainKernel: isPlain)
      hash.update(text)
      #expect(hash.hexadecimal() == digest)
    }
    var million = SHA256Hash(usingPlainKernel: isPlain)
    for _ in 0..<1000 { million.update([UInt8](repeating: UInt8(ascii: "a"), count: 1000)) }
    #expect(
      million.hexadecimal() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func `pieces of any length give the digest of the plain kernel`() {
    var random = SeededGenerator(seed: 11)
    for length in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000, 4097] {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      var plain = SHA256Hash(usingPlainKernel: true)
      plain.update(bytes)
      var pieces = SHA256Hash()
      var start = 0
      while start < length {
        let end = min(length, start + Int.random(in: 0...130, using: &random))
        pieces.update(Array(bytes[start..<end]))
        start = end
      }
      #expect(pieces.hexadecimal() == plain.hexadecimal(), "\(length) bytes")
    }
  }
}
