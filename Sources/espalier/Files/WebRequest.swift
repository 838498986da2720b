import CheckpointFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One GET by the program curl, whose bytes are taken as they come: it is on nearly every system, and
/// knows proxies, redirections and certificates.
struct WebRequest {
  /// What a server answered.
  struct Answer {
    /// The status of HTTP: 200, or 206 for the part that was asked for.
    var status = 0
    /// Bytes of the whole file, when the server says.
    var total: Int?
    /// As much of the body as was wanted, or came.
    var body: [UInt8] = []
  }

  let url: String
  /// Seconds for all of it.
  let timeout: Int

  /// Asks for the bytes in `range`; reads until `wanted` (of the body so far) bytes are there.
  func get(_ range: Range<Int>, wanted: ([UInt8]) -> Int) throws(CheckpointError) -> Answer {
    let secure = url.hasPrefix("https://") ? "=https" : "=http,https"
    let command = [
      "exec curl --disable --silent --show-error --include --location --max-redirs 8 --globoff",
      "--suppress-connect-headers --proto '=http,https' --proto-redir '\(secure)'",
      "--connect-timeout \(min(timeout, 15)) --max-time \(timeout)",
      "--range \(range.lowerBound)-\(range.upperBound - 1)",
      "--user-agent espalier --url \(quotedForShell(url)) 2>&1",
    ].joined(separator: " ")
    guard let stream = unsafe popen(command, "r") else { throw failure("curl cannot be started") }
    var bytes: [UInt8] = []
    var answer: Answer?
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&buffer, 1, answer == nil ? 1 << 10 : buffer.count, stream)
      bytes += buffer[..<count]
      if answer == nil, let (head, rest) = try? WebRequest.head(of: bytes) {
        answer = head
        bytes = Array(bytes[rest...])
      }
      if answer != nil, bytes.count >= wanted(bytes) { break }
      if count == 0 || answer == nil && bytes.count > 1 << 20 { break }
    }
    // curl ends when nobody takes what it writes.
    let code = unsafe pclose(stream) >> 8 & 0xFF
    if code == 127 {
      throw failure("reading over the network takes the program curl, which is not installed")
    }
    guard var answer else { throw failure(WebRequest.complaint(bytes, code)) }
    guard answer.status == 200 || answer.status == 206 else { throw refusal(answer.status) }
    let missing = bytes.count < wanted(bytes)
    if missing, code != 0 { throw failure(WebRequest.complaint(bytes, code)) }
    answer.body = bytes
    return answer
  }

  private func failure(_ sentence: String) -> CheckpointError {
    CheckpointError(path: url, sentence)
  }

  private func refusal(_ status: Int) -> CheckpointError {
    switch status {
    case 401, 403:
      failure("the server answers \(status): this file takes an account; fetch it with hf download")
    case 404: failure("the server answers 404: there is no such file")
    default: failure("the server answers \(status)")
    }
  }

  /// What curl said about its failure, without its name.
  private static func complaint(_ bytes: [UInt8], _ code: Int32) -> String {
    // It comes between heads, which curl keeps back for a while.
    let text = String(decoding: bytes.suffix(1 << 16), as: UTF8.self)
    guard let mark = text.ranges(of: "curl: (").last else {
      return "curl ended with status \(code)"
    }
    let line = text[mark.upperBound...].prefix { !$0.isNewline }
    return "cannot be fetched: "
      + line.drop { $0 != ")" }.drop { $0 == ")" || $0 == " " }.lowercasedFirst
  }

  /// The last head of an answer and where its body begins, after those of redirections.
  ///
  /// - Throws: when it is not all there yet.
  private static func head(of bytes: [UInt8]) throws -> (Answer, Int) {
    struct Incomplete: Error {}
    var start = 0
    while true {
      guard let end = endOfHead(bytes, from: start) else { throw Incomplete() }
      let lines = String(decoding: bytes[start..<end], as: UTF8.self)
        .split(whereSeparator: \.isNewline)
      let words = lines.first?.split(separator: " ") ?? []
      guard let name = words.first, name.hasPrefix("HTTP/"), words.count > 1,
        let status = Int(words[1])
      else { throw Incomplete() }
      var answer = Answer(status: status)
      var redirects = false
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        let value = line[line.index(after: colon)...].filter { $0 != " " }
        switch line[..<colon].lowercased() {
        case "location": redirects = true
        case "content-length" where status == 200: answer.total = Int(value)
        case "content-range" where status == 206:
          answer.total = value.split(separator: "/").last.flatMap { Int($0) }
        default: break
        }
      }
      guard status < 200 || (300..<400).contains(status) && redirects else { return (answer, end) }
      // A redirection may have a body of its own, which curl does not show.
      start = end
    }
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

extension Substring {
  /// With a small letter at the start.
  fileprivate var lowercasedFirst: String {
    prefix(1).lowercased() + dropFirst()
  }
}

/// `text` as one word of a shell.
private func quotedForShell(_ text: String) -> String {
  var result = "'"
  for character in text { result += character == "'" ? "'\\''" : String(character) }
  return result + "'"
}
