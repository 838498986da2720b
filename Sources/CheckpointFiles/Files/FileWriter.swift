/// Writes a file so that a reader sees the old contents or the new, never a part: a temporary file in
/// the same folder, flushed, then renamed over the target.
///
/// Unless ``commit()`` succeeds the target is untouched and the temporary file is removed. A symbolic
/// link is followed where the caller's path names it: the file that it leads to is replaced. Inside a folder
/// that a program fills, a link itself is replaced: a stranger's folder does not decide what is written.
final class FileWriter {
  /// The path as the caller spelled it.
  let path: String
  /// Bytes written so far.
  private(set) var position = 0

  /// The folder that the file will be in, and its name there. Links are followed.
  let folder: String
  let name: String
  /// The file that was there when the writer began.
  let existing: SystemCall.Identity?

  private let target: String
  private let temporary: String
  private let descriptor: Int32
  private let slot: Int?
  private var buffer: [UInt8] = []
  private var isFinished = false
  private var isRenamed = false
  /// Whether the file is in the place of its own name.
  private(set) var isCommitted = false

  private static let bufferSize = 1 << 18

  /// What was handed to the disk already.
  private var flushedPosition = 0
  private static let flushSize = 1 << 23

  /// Begins a file that will be at `path`.
  ///
  /// - Parameters:
  ///   - inputs: files that may not be replaced, because the caller reads them.
  ///   - followingLinks: whether a symbolic link at `path` is followed.
  ///   - isFirst: whether it is the first of several files of one change in its folder: then temporary files
  ///     that ended processes left there are removed.
  init(
    path: String, refusing inputs: Set<SystemCall.Identity> = [], followingLinks: Bool = true,
    isFirst: Bool = true
  ) throws(CheckpointError) {
    let (target, existing) = try FileWriter.target(
      path, refusing: inputs, followingLinks: followingLinks)
    let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(target[...$0]) } ?? "./"
    let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
    guard !name.isEmpty else { throw .namesAFolder.located(path: path) }

    if isFirst { TemporaryName.removeAbandoned(in: folder) }
    let temporary = folder + TemporaryName.new(for: name)
    // Known before it is there: an interruption between the two would leave it there.
    let slot = PendingFiles.register(temporary)
    let descriptor: Int32
    do throws(CheckpointError) {
      descriptor = try SystemCall.createNew(temporary, mode: 0o666)
    } catch {
      PendingFiles.unregister(slot)
      // The name of the temporary file would not help; the user can change the folder.
      throw error.relocated(path: path)
    }
    // Tells other processes that the file is not abandoned, until the descriptor is closed.
    _ = SystemCall.tryLock(descriptor)
    if let existing { SystemCall.setMode(descriptor, existing.mode) }
    self.path = path
    self.target = target
    self.folder = folder
    self.name = name
    self.existing = existing?.identity
    self.temporary = temporary
    self.descriptor = descriptor
    self.slot = slot
    buffer.reserveCapacity(FileWriter.bufferSize)
  }

  /// Throws what beginning a file at `path` would throw for what is there now.
  ///
  /// - Parameter inNewFolder: whether its folder will be made before the file is begun.
  static func check(
    _ path: String, refusing inputs: Set<SystemCall.Identity>, inNewFolder: Bool
  ) throws(CheckpointError) {
    _ = try target(path, refusing: inputs, inNewFolder: inNewFolder)
  }

  /// The file that `path` leads to, and what is there now.
  private static func target(
    _ path: String, refusing inputs: Set<SystemCall.Identity>, inNewFolder: Bool = false,
    followingLinks: Bool = true
  ) throws(CheckpointError) -> (path: String, existing: SystemCall.Status?) {
    let resolved = SystemCall.resolved(path)
    let target = followingLinks ? resolved ?? path : path
    guard let existing = SystemCall.status(at: target) else {
      let folder = Path.parent(of: target)
      guard inNewFolder || SystemCall.status(at: folder) != nil else {
        throw .missingFolder(folder).located(path: path)
      }
      return (target, nil)
    }
    guard existing.isRegular else {
      throw CheckpointError.notAFile(isFolder: existing.isDirectory).located(path: path)
    }
    guard resolved.map({ utf8AreEqual($0, path) || !HuggingFaceCache.isBlob($0) }) ?? true else {
      throw .cacheBlob.located(path: path)
    }
    guard !inputs.contains(existing.identity) else {
      throw .isInput.located(path: path)
    }
    return (target, existing)
  }

  deinit {
    SystemCall.close(descriptor)
    if !isRenamed { SystemCall.remove(temporary) }
    PendingFiles.unregister(slot)
  }

  /// Appends `bytes`.
  func write(_ bytes: RawSpan) throws(CheckpointError) {
    if bytes.byteCount >= FileWriter.bufferSize / 4 {
      try flush()
      var failure: CheckpointError?
      unsafe bytes.withUnsafeBytes { source in
        do throws(CheckpointError) {
          try unsafe SystemCall.writeFully(descriptor, source, path)
        } catch { failure = error }
      }
      if let failure { throw failure }
    } else {
      unsafe bytes.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
      if buffer.count >= FileWriter.bufferSize { try flush() }
    }
    position += bytes.byteCount
    if position - flushedPosition >= FileWriter.flushSize {
      SystemCall.beginFlushing(
        descriptor, at: flushedPosition, count: position - flushedPosition)
      flushedPosition = position
    }
  }

  /// Appends `bytes`.
  func write(_ bytes: [UInt8]) throws(CheckpointError) { try unsafe write(bytes.span.bytes) }

  /// Appends `count` zero bytes.
  func writeZeros(_ count: Int) throws(CheckpointError) {
    guard count > 0 else { return }
    try write([UInt8](repeating: 0, count: count))
  }

  /// Overwrites bytes that were written before.
  func overwrite(at offset: Int, _ bytes: [UInt8]) throws(CheckpointError) {
    try flush()
    var failure: CheckpointError?
    unsafe bytes.withUnsafeBytes { source in
      do throws(CheckpointError) {
        try unsafe SystemCall.writeFully(descriptor, at: offset, source, path)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func flush() throws(CheckpointError) {
    guard !buffer.isEmpty else { return }
    var failure: CheckpointError?
    unsafe buffer.withUnsafeBytes { source in
      do throws(CheckpointError) {
        try unsafe SystemCall.writeFully(descriptor, source, path)
      } catch { failure = error }
    }
    if let failure { throw failure }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Makes everything written durable, still under the temporary name. Several files that belong
  /// together are finished first and renamed after.
  func finish() throws(CheckpointError) {
    guard !isFinished else { return }
    try flush()
    try SystemCall.synchronize(descriptor, path)
    isFinished = true
  }

  /// Puts the file in its place.
  func commit() throws(CheckpointError) {
    try commit(to: target)
    isCommitted = true
  }

  /// Puts the file in the place of another name in the same folder.
  func commit(as name: String) throws(CheckpointError) { try commit(to: folder + name) }

  private func commit(to target: String) throws(CheckpointError) {
    try finish()
    try SystemCall.rename(temporary, to: target)
    isRenamed = true
    SystemCall.synchronizeFolder(folder)
  }
}
