import CheckpointFiles
import Dispatch
import Synchronization

/// A checkpoint on a web server, of which only the headers are fetched.
enum RemoteCheckpoint {
  /// Whether `name` is an address.
  static func isAddress(_ name: String) -> Bool { WebAddress.isAddress(name) }

  /// The checkpoint at `url`: a safetensors file, or the index of several beside it. Its tensors have
  /// names, dtypes and shapes, and no elements.
  ///
  /// - Throws: `CheckpointError` when the server cannot be reached in `timeout` seconds, or what it
  ///   sends is not sound.
  static func open(
    _ url: String, timeout: Int, progress: ProgressMode
  ) throws(CheckpointError) -> Checkpoint {
    guard WebAddress.isClean(url) else {
      throw CheckpointError(
        .invalidArgument, path: url,
        "the address has a space or a control character; write %20 for a space")
    }
    let address = String(url.prefix { $0 != "?" && $0 != "#" })
    let budget = WebBudget(seconds: Double(timeout) * totalTimeoutFactor)
    let first = try file(WebRequest(url: url, timeout: timeout, budget: budget), name: nil)
    let names = try Checkpoint.shardNames(in: first)
    let shards = try RemoteShards.fetch(names, beside: address, progress: progress) {
      WebRequest(url: $0, timeout: timeout, budget: budget)
    }
    var checkpoint = try Checkpoint.open(address) { (path, name) throws(CheckpointError) in
      guard let name else { return first }
      guard let file = shards[Key(name)] else {
        throw CheckpointError(.missingPart, path: path, "the file was not fetched")
      }
      return file
    }
    checkpoint.path = url
    return checkpoint
  }

  /// How much longer than one request all of them may take.
  static let totalTimeoutFactor = 10.0

  /// Most headers are shorter: one request is enough.
  private static let firstByteCount = 1 << 16
  /// What a format is recognised by.
  private static let recognisableByteCount = 512
  /// The most that an index is allowed to have.
  private static let maximumIndexByteCount = 1 << 26

  /// The start of the file that is requested, as far as it is needed.
  fileprivate static func file(
    _ request: WebRequest, name: String?
  ) throws(CheckpointError) -> InputFile {
    let url = request.url
    var answer = try request.get(0..<firstByteCount) { wanted($0, total: nil) }
    guard let total = answer.total else {
      throw CheckpointError(
        .network, path: url, "the server does not send the length of the file")
    }
    guard !answer.body.starts(with: [0x50, 0x4B]), !answer.body.starts(with: [0x80, 0x02]) else {
      throw CheckpointError(
        .unsupported, path: url,
        "the file is a PyTorch file, and only safetensors files are read over the network; download it first"
      )
    }
    let count = min(wanted(answer.body, total: total), total)
    if answer.body.count < count, answer.status == 206 {
      let here = answer.body.count
      let rest = try request.get(here..<count) { _ in count - here }
      guard rest.status == 206, rest.total == total else {
        throw CheckpointError(
          .changed, path: url, "the file changed while its header was fetched")
      }
      answer.body += rest.body
    }
    guard answer.body.count >= count else {
      throw CheckpointError(
        .network, path: url,
        "the answer is truncated: the header has \(count) bytes (received \(answer.body.count))")
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

/// The headers of the files under an index, several fetched at once.
private enum RemoteShards {
  /// Requests at the same time.
  private static let concurrency = 8
  /// The largest checkpoints have a few hundred files.
  private static let maximumCount = 1000

  private struct State {
    var next = 0
    var files: [Key: InputFile] = [:]
    /// The first error in the order of the index.
    var failure: (place: Int, error: CheckpointError)?
  }

  /// The files `names`, which are in the same folder as the index at `address`.
  ///
  /// - Throws: the `CheckpointError` of the first, in the order of the index, that cannot be fetched.
  static func fetch(
    _ names: [String], beside address: String, progress mode: ProgressMode,
    request: @escaping @Sendable (String) -> WebRequest
  ) throws(CheckpointError) -> [Key: InputFile] {
    guard names.count <= maximumCount else {
      throw CheckpointError(
        .tooLarge, path: address,
        "the index names \(names.count) files, and at most \(maximumCount) are read over the network"
      )
    }
    if let name = names.first(where: { $0.contains("://") || $0.contains("\\") }) {
      throw CheckpointError(
        .outsideFolder, path: address,
        "weight_map names \(quoted(name)), which is not a file in the folder of the index")
    }
    let state = Mutex(State())
    let group = DispatchGroup()
    let progress = Progress(
      "headers", total: names.count, unit: .items("files"), mode: mode)
    for worker in 0..<min(concurrency, names.count) {
      // Each queue has a thread of its own, which mostly waits.
      DispatchQueue(label: "espalier.headers.\(worker)").async(group: group) {
        while let place = next(state, names.count) {
          do throws(CheckpointError) {
            let file = try RemoteCheckpoint.file(
              request(Path.sibling(WebAddress.encoded(names[place]), of: address)),
              name: names[place])
            state.withLock { $0.files[Key(names[place])] = file }
            progress.advance(by: 1, detail: names[place])
          } catch {
            state.withLock { state in
              if place < state.failure?.place ?? .max { state.failure = (place, error) }
            }
          }
        }
      }
    }
    group.wait()
    progress.finish()
    return try state.withLock { (state) throws(CheckpointError) in
      if let failure = state.failure { throw failure.error }
      return state.files
    }
  }

  /// The place of the next file; none after a failure.
  private static func next(_ state: borrowing Mutex<State>, _ count: Int) -> Int? {
    state.withLock { state in
      guard state.failure == nil, state.next < count else { return nil }
      state.next += 1
      return state.next - 1
    }
  }
}
