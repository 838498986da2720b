import Testing

@testable import EspalierCommands

@Suite struct `An address on the web` {
  private let base = "https://host.org/a/b.safetensors?x=1"

  @Test(arguments: [
    ("/c", "https://host.org/c"), ("c", "https://host.org/a/c"),
    ("//other.org/c", "https://other.org/c"), ("?y=2", "https://host.org/a/b.safetensors?y=2"),
    ("http://other.org/", "http://other.org/"), ("HTTPS://other.org/", "https://other.org/"),
    ("c d", "https://host.org/a/c%20d"), ("c:d", nil), ("file:///etc/passwd", nil),
    ("javascript:1", nil), ("", nil), ("a\nb", nil), ("data:,x", nil),
    ("/\u{301}c", "https://host.org/\u{301}c"),
  ])
  func `is resolved against another`(_ location: String, _ result: String?) {
    #expect(WebAddress.resolve(location, against: base) == result)
  }

  @Test func `ends its host at the byte of a slash`() {
    #expect(
      WebAddress.resolve("/c", against: "https://host.org/\u{301}a/b") == "https://host.org/c")
    #expect(WebAddress.resolve("c", against: "https://host.org") == "https://host.org/c")
  }

  @Test func `begins with http or https`() {
    #expect(WebAddress.isAddress("https://a"))
    #expect(WebAddress.isAddress("http://a"))
    for text in ["ftp://a", "https:/a", "file://a", "HTTP://a", "model"] {
      #expect(!WebAddress.isAddress(text))
    }
  }

  @Test func `has no spaces and no control characters`() {
    #expect(WebAddress.isClean("https://a/b%20c"))
    for text in ["a b", "a\nb", "a\u{7F}b", "a\u{0}"] { #expect(!WebAddress.isClean(text)) }
  }

  @Test func `encodes the name of a file`() {
    #expect(WebAddress.encoded("a/b c#é.bin") == "a/b%20c%23%C3%A9.bin")
    #expect(WebAddress.encoded("A-z_0.~") == "A-z_0.~")
  }
}

@Suite struct `The head of an answer` {
  private func head(_ text: String) -> (WebHead, Int)? { WebHead.last(in: Array(text.utf8)) }

  @Test func `is complete at an empty line`() {
    #expect(head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n") == nil)
    let whole = head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde")
    #expect(whole?.0.status == 200)
    #expect(whole?.0.total == 5)
    #expect(whole?.1 == 38)
  }

  @Test func `after one that only announces it counts`() {
    let answer = head("HTTP/1.1 103 Early\n\nHTTP/2 206\nContent-Range: bytes 0-9/100\n\n")
    #expect(answer?.0.status == 206)
    #expect(answer?.0.part == 0..<10)
    #expect(answer?.0.total == 100)
  }

  @Test(arguments: [
    "bytes 9-0/100", "bytes 0-9", "bytes -1-9/100", "bytes 0-9223372036854775807/9",
    "items 0-9/100",
    "bytes 0-9/5/7",
  ])
  func `with a range that makes no sense has none`(_ range: String) {
    #expect(head("HTTP/1.1 206 P\nContent-Range: \(range)\n\n")?.0.part == nil)
  }

  @Test func `ends its lines with bytes, not with separators of other scripts`() {
    let answer = head("HTTP/1.1 302 Found\nLocation: /a\u{2028}Content-Encoding: gzip\n\n")
    #expect(answer?.0.encoding == nil)
    #expect(answer?.0.location == "/a\u{2028}Content-Encoding: gzip")
  }
}
