import CheckpointFiles

/// A checkpoint on a web server, of which only the headers are fetched.
enum RemoteCheckpoint {
  /// Whether `name` is an address.
  static func isAddress(_ name: String) -> Bool {
    name.hasPrefix("https://") || name.hasPrefix("http://")
  }

  /// The checkpoint at `url`: a safetensors file, or the index of several beside it. Its tensors have
  /// names, dtypes and shapes, and no elements.
  ///
  /// - Throws: `CheckpointError` when the server cannot be reached in `timeout` seconds, or what it
  ///   sends is not sound.
  static func open(_ url: String, timeout: Int) throws(CheckpointError) -> Checkpoint {
    guard url.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }) else {
      throw CheckpointError(path: url, "an address has no spaces: write %20")
    }
    let address = String(url.prefix { $0 != "?" && $0 != "#" })
    var checkpoint = try Checkpoint.open(address) { (path, name) throws(CheckpointError) in
      try file(name == nil ? url : path, name: name, timeout: timeout)
    }
    checkpoint.path = url
    return checkpoint
  }

  /// Most headers are shorter: one request is enough.
  private static let firstByteCount = 1 << 16
  /// What a format is recognised by.
  private static let recognisableByteCount = 512
  /// The most that an index is allowed to have.
  private static let maximumIndexByteCount = 1 << 26

  private static func file(
    _ url: String, name: String?, timeout: Int
  ) throws(CheckpointError) -> InputFile {
    let request = WebRequest(url: url, timeout: timeout)
    var answer = try request.get(0..<firstByteCount) { wanted($0, total: nil) }
    guard let total = answer.total else {
      throw CheckpointError(path: url, "the server does not say how long the file is")
    }
    guard !answer.body.starts(with: [0x50, 0x4B]), !answer.body.starts(with: [0x80, 0x02]) else {
      throw CheckpointError(
        path: url, "is a PyTorch file: over the network only safetensors is read; download it")
    }
    let count = min(wanted(answer.body, total: total), total)
    if answer.body.count < count, answer.status == 206 {
      let here = answer.body.count
      let rest = try request.get(here..<count) { _ in count - here }
      guard rest.status == 206, rest.total == total else {
        throw CheckpointError(path: url, "the file changed while its header was fetched")
      }
      answer.body += rest.body
    }
    guard answer.body.count >= count else {
      throw CheckpointError(
        path: url,
        "the answer ends early: \(count) bytes of header are needed, \(answer.body.count) came")
    }
    return try InputFile(
      start: Array(answer.body.prefix(count)), byteCount: total, path: url, shardName: name)
  }

  /// The bytes that have to be there, judged by those that are: the whole of an index, the header of
  /// a safetensors file, and the start of anything else, which is refused.
  private static func wanted(_ bytes: [UInt8], total: Int?) -> Int {
    guard bytes.count >= 8 else { return 8 }
    if bytes.first(where: { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }) == UInt8(ascii: "{"),
      bytes[7] != 0 || bytes[6] != 0
    {
      // Without a total the body is read on to its end, or to the limit.
      return min(total ?? maximumIndexByteCount, maximumIndexByteCount)
    }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return max(length <= 100_000_000 ? 8 + Int(length) : 0, recognisableByteCount)
  }
}
