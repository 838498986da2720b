/// The headers of an answer that matter here.
struct WebHead {
  /// The status of HTTP.
  var status = 0
  /// The number of bytes of the whole file, if the server sends it.
  var total: Int?
  /// Which bytes of the file the body is, in an answer to a request for a part.
  var part: Range<Int>?
  /// Where a redirection leads.
  var location: String?
  /// How the body is compressed, if it is.
  var encoding: String?

  /// Whether the body is that of the file.
  var isUseful: Bool { (status == 200 || status == 206) && encoding == nil }

  /// The last head in `bytes`, after informational ones, and the index where its body begins; `nil` when it is not
  /// complete.
  static func last(in bytes: [UInt8]) -> (WebHead, Int)? {
    var start = 0
    while let end = endOfHead(bytes, from: start) {
      guard let head = WebHead(bytes[start..<end]) else { return nil }
      guard (100..<200).contains(head.status) else { return (head, end) }
      start = end
    }
    return nil
  }

  private init?(_ bytes: ArraySlice<UInt8>) {
    // By bytes: no character of another script ends a line of a head.
    let lines = bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
      .map { String(decoding: $0, as: UTF8.self) }
    let words = lines.first?.split(separator: " ") ?? []
    guard let name = words.first, name.hasPrefix("HTTP/"), words.count > 1,
      let status = Int(words[1])
    else { return nil }
    self.status = status
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = trimmed(line[line.index(after: colon)...])
      switch line[..<colon].lowercased() {
      case "location": location = String(value)
      case "content-encoding" where value.lowercased() != "identity" && !value.isEmpty:
        encoding = String(value)
      case "content-length" where status == 200: total = count(value)
      case "content-range" where status == 206: setPart(value)
      default: break
      }
    }
  }

  /// `bytes 0-99/1000`.
  private mutating func setPart(_ value: Substring) {
    let halves = value.split(separator: "/")
    guard halves.count == 2, halves[0].lowercased().hasPrefix("bytes ") else { return }
    let ends = halves[0].dropFirst("bytes ".count)
      .split(separator: "-", omittingEmptySubsequences: false).map { count(trimmed($0)) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last < .max
    else {
      return
    }
    part = first..<last + 1
    if let total = count(halves[1]), total > last { self.total = total }
  }

  /// Where the empty line ends that closes a head.
  private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      if bytes[index] == 0x0A {
        if index + 1 < bytes.count, bytes[index + 1] == 0x0A { return index + 2 }
        if index + 2 < bytes.count, bytes[index + 1] == 0x0D, bytes[index + 2] == 0x0A {
          return index + 3
        }
      }
      index += 1
    }
    return nil
  }
}

/// A number of bytes: digits alone.
private func count(_ text: Substring) -> Int? {
  text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
}

private func trimmed(_ text: Substring) -> Substring {
  var text = text.drop { $0 == " " || $0 == "\t" }
  while text.last == " " || text.last == "\t" { text.removeLast() }
  return text
}
