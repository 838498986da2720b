import CheckpointFiles

/// One GET by the program curl, whose bytes are taken as they come: it is on nearly every system, and
/// knows proxies and certificates. Redirections are followed here, so that a token goes to the host
/// that it is meant for and to no other.
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

  /// What was asked for; errors name it, wherever redirections lead.
  let url: String
  /// Seconds for all of it.
  let timeout: Int

  private static let maximumRedirections = 8
  private static let maximumHeadCount = 1 << 18

  /// Asks for the bytes in `range`; reads until `wanted` (of the body so far) bytes are there.
  func get(_ range: Range<Int>, wanted: ([UInt8]) -> Int) throws(CheckpointError) -> Answer {
    let deadline = System.seconds + Double(timeout)
    var address = url
    for _ in 0...WebRequest.maximumRedirections {
      let (head, answer) = try get(range, from: address, before: deadline, wanted)
      guard let location = head.location, (300..<400).contains(head.status) else { return answer }
      address = try redirected(from: address, to: location)
    }
    throw failure("the server redirects more than \(WebRequest.maximumRedirections) times")
  }

  private func get(
    _ range: Range<Int>, from address: String, before deadline: Double,
    _ wanted: ([UInt8]) -> Int
  ) throws(CheckpointError) -> (WebHead, Answer) {
    let curl = try curl(for: address, range, seconds: max(deadline - System.seconds, 0.001))
    var bytes: [UInt8] = []
    var head: WebHead?
    var isEnded = false
    while true {
      if head == nil, let (found, rest) = WebHead.last(in: bytes) {
        head = found
        bytes = Array(bytes[rest...])
        // The body of anything else is of no use.
        guard found.isUseful else { break }
      }
      if head != nil, bytes.count >= wanted(bytes) { break }
      if head == nil, bytes.count > WebRequest.maximumHeadCount {
        throw failure("the server's answer has no end of its head")
      }
      if curl.read(1 << 16, onto: &bytes) == 0 {
        isEnded = true
        break
      }
    }
    let (code, complaint) = curl.finish()
    guard let head else { throw failure(WebRequest.sentence(complaint, code)) }
    if (300..<400).contains(head.status), head.location != nil { return (head, Answer()) }
    guard head.status == 200 || head.status == 206 else { throw refusal(head, address) }
    if isEnded, code != 0 { throw failure(WebRequest.sentence(complaint, code)) }
    if let encoding = head.encoding {
      throw failure("the server sends the file compressed (\(quoted(encoding))), unasked")
    }
    var total = head.total
    if head.status == 206 {
      guard let part = head.part else {
        throw failure("the server does not say which part of the file it sends")
      }
      guard part.lowerBound == range.lowerBound, part.upperBound <= range.upperBound else {
        throw failure(
          "the server sends bytes \(part.lowerBound)-\(part.upperBound - 1) of the file; "
            + "\(range.lowerBound)-\(range.upperBound - 1) were asked for")
      }
    } else if total == nil, isEnded {
      total = bytes.count
    }
    return (head, Answer(status: head.status, total: total, body: bytes))
  }

  /// Starts curl. All it is told goes through a pipe: addresses may be signed, and tokens are secret.
  private func curl(
    for address: String, _ range: Range<Int>, seconds: Double
  ) throws(CheckpointError) -> ChildProcess {
    var lines = [
      "silent", "show-error", "include", "globoff", "suppress-connect-headers",
      "proto = \"=http,https\"", "connect-timeout = \(min(seconds, 15))", "max-time = \(seconds)",
      "range = \"\(range.lowerBound)-\(range.upperBound - 1)\"", "user-agent = \"espalier\"",
      "url = \(WebRequest.quotedForCurl(address))",
    ]
    if let token = try token(for: address) {
      lines.append("header = \(WebRequest.quotedForCurl("Authorization: Bearer " + token.text))")
    }
    let input = Array(lines.joined(separator: "\n").utf8)
    guard input.count <= ChildProcess.maximumInputCount else {
      throw CheckpointError(
        .invalidArgument, path: String(url.prefix(200)) + "…", "the address is too long")
    }
    guard let curl = ChildProcess("curl", ["--disable", "--config", "-"], input: input) else {
      throw failure("reading over the network takes the program curl, which is not installed")
    }
    return curl
  }

  private func token(
    for address: String
  ) throws(CheckpointError) -> HuggingFaceAccount.Token? {
    guard HuggingFaceAccount.isHost(of: address) else { return nil }
    do throws(CheckpointError) { return try HuggingFaceAccount.token() } catch {
      throw failure(error.description)
    }
  }

  private func failure(_ sentence: String) -> CheckpointError {
    CheckpointError(.network, path: url, sentence)
  }

  /// The address that `location` means in an answer from `address`.
  private func redirected(
    from address: String, to location: String
  ) throws(CheckpointError) -> String {
    guard let target = WebAddress.resolve(location, against: address) else {
      throw failure("the server redirects to \(quoted(location)), which is not on the web")
    }
    guard !address.hasPrefix("https://") || target.hasPrefix("https://") else {
      throw failure("the server redirects from https to http, which is not followed")
    }
    return target
  }

  private func refusal(_ head: WebHead, _ address: String) -> CheckpointError {
    switch head.status {
    case 401, 403:
      failure(
        "the server answers \(head.status): "
          + (HuggingFaceAccount.isHost(of: address)
            ? HuggingFaceAccount.advice(for: url, status: head.status)
            : "this file takes an account; download it where you are logged in"))
    case 404: failure("the server answers 404: there is no such file")
    case 416: failure("the server answers 416: the file is empty, or shorter than it was")
    case 429: failure("the server answers 429: too many requests; try again in some minutes")
    default: failure("the server answers \(head.status)")
    }
  }

  /// What curl said about its failure, without its name.
  private static func sentence(_ complaint: String, _ code: Int32) -> String {
    guard let mark = complaint.ranges(of: "curl: (").last else {
      return "curl ended with status \(code)"
    }
    let text = complaint[mark.upperBound...].prefix { !$0.isNewline }
      .drop { $0 != ")" }.drop { $0 == ")" || $0 == " " }
    return "cannot be fetched: " + text.prefix(1).lowercased() + text.dropFirst()
  }

  /// `text` as a value in a configuration of curl.
  private static func quotedForCurl(_ text: String) -> String {
    var result = "\""
    for character in text {
      if character == "\"" || character == "\\" { result += "\\" }
      result.append(character)
    }
    return result + "\""
  }
}
