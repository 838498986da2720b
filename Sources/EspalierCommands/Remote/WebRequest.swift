import CheckpointFiles

/// One GET request by the program curl, whose output is read as it arrives. Nearly every system has curl, and it
/// handles proxies and certificates. Redirections are followed here, so that a token is sent only to the host that
/// it is for.
struct WebRequest {
  /// What a server answered.
  struct Answer {
    /// The HTTP status: 200, or 206 for the requested part.
    var status = 0
    /// The number of bytes of the whole file, if the server sends it.
    var total: Int?
    /// The part of the body that was read.
    var body: [UInt8] = []
  }

  /// The requested address; errors name it, also after redirections.
  let url: String
  /// Seconds for this request, redirections included.
  let timeout: Int
  /// The limits of all requests together.
  let budget: WebBudget

  private static let maximumRedirections = 8
  private static let maximumHeadCount = 1 << 18

  /// Asks for the bytes in `range`; reads until `wanted` (of the body so far) bytes are there.
  func get(_ range: Range<Int>, wanted: ([UInt8]) -> Int) throws(CheckpointError) -> Answer {
    let deadline = min(System.seconds + Double(timeout), budget.deadline)
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
    guard System.seconds < deadline else { throw timedOut() }
    let curl = try curl(for: address, range, seconds: max(deadline - System.seconds, 0.001))
    var bytes: [UInt8] = []
    var head: WebHead?
    var isEnded = false
    // Whatever ends this function ends the program.
    var isRunning = true
    defer { if isRunning { _ = curl.finish(killing: true) } }
    while true {
      if head == nil, let (found, rest) = WebHead.last(in: bytes) {
        head = found
        bytes = Array(bytes[rest...])
        // The body of any other answer is not needed.
        guard found.isUseful else { break }
      }
      if head != nil, bytes.count >= wanted(bytes) { break }
      if head == nil, bytes.count > WebRequest.maximumHeadCount {
        throw failure("the headers of the answer do not end")
      }
      // curl keeps the same limit and gives the reason, so it is a little earlier.
      guard let count = curl.read(1 << 16, onto: &bytes, before: deadline + 0.5) else {
        throw timedOut()
      }
      try budget.take(count, of: url)
      if count == 0 {
        isEnded = true
        break
      }
    }
    isRunning = false
    let (code, complaint) = curl.finish(killing: !isEnded)
    guard let head else { throw failure(WebRequest.sentence(complaint, code)) }
    if (300..<400).contains(head.status), head.location != nil { return (head, Answer()) }
    guard head.status == 200 || head.status == 206 else { throw refusal(head, address) }
    if isEnded, code != 0 { throw failure(WebRequest.sentence(complaint, code)) }
    if let encoding = head.encoding {
      throw failure(
        "the server sends the file compressed (\(quoted(encoding))), which was not requested")
    }
    var total = head.total
    if head.status == 206 {
      guard let part = head.part else {
        throw failure("the server does not send which part of the file the answer is")
      }
      guard part.lowerBound == range.lowerBound, part.upperBound <= range.upperBound else {
        throw failure(
          "the server sends bytes \(part.lowerBound)-\(part.upperBound - 1) of the file; "
            + "\(range.lowerBound)-\(range.upperBound - 1) were requested")
      }
    } else if total == nil, isEnded {
      total = bytes.count
    }
    return (head, Answer(status: head.status, total: total, body: bytes))
  }

  /// Starts curl. Its options go through a pipe, because addresses may be signed and tokens are secret.
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
      throw failure("the program curl, which reads over the network, cannot be started; install it")
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

  private func timedOut() -> CheckpointError {
    failure(
      "the server did not answer completely in time (timed out); pass --timeout to wait longer")
  }

  /// The address that `location` means in an answer from `address`.
  private func redirected(
    from address: String, to location: String
  ) throws(CheckpointError) -> String {
    guard let target = WebAddress.resolve(location, against: address) else {
      throw failure(
        "the server redirects to \(quoted(location)), which is not an address of http or https")
    }
    guard !address.hasPrefix("https://") || target.hasPrefix("https://") else {
      throw failure("the server redirects from https to http, which is not allowed")
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
            : "this file needs an account; download it with a program that is logged in"))
    case 404: failure("the server answers 404: the file does not exist")
    case 416: failure("the server answers 416: the file is empty, or became shorter")
    case 429: failure("the server answers 429: too many requests; try again in a few minutes")
    default: failure("the server answers \(head.status)")
    }
  }

  /// The error message of curl, without its name.
  private static func sentence(_ complaint: String, _ code: Int32) -> String {
    guard let mark = complaint.ranges(of: "curl: (").last else {
      return "cannot be fetched: curl ended with status \(code)"
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
