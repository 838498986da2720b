internal import Synchronization

/// A file that is read: by `pread` for headers and streams, and through a mapping, made at the first
/// use, for random access to tensors.
///
/// The descriptor stays open, so that a file that is replaced meanwhile (the atomic writer does that)
/// keeps its old contents for us. A file that another process *truncates* is an error for `pread`;
/// for the mapping it is a `SIGBUS`, which is why nothing that only lists or streams uses the mapping.
///
/// `@unchecked` because the mapping is raw memory: it is made once, under the lock, and never written.
@safe package final class InputFile: @unchecked Sendable {
  /// The path as the caller spelled it.
  package let path: String
  /// The name that a sharded checkpoint's index uses, if it came from one.
  package let shardName: String?
  /// Bytes in the file when it was opened.
  package let byteCount: Int
  /// What tells it apart from other files.
  let identity: SystemCall.Identity

  private let descriptor: Int32
  private let mapping: Mutex<Mapping?>
  /// The file that this one is a part of, from `base` on; it owns the descriptor.
  private let whole: InputFile?
  private let base: Int

  /// Raw memory as a `Sendable` value: the lock hands it out.
  @safe private struct Mapping: @unchecked Sendable {
    // Invariant: mapped until the file's `deinit`.
    let memory: UnsafeRawBufferPointer
  }

  /// Opens the regular file at `path`.
  package init(path: String, shardName: String? = nil) throws(CheckpointError) {
    guard !path.isEmpty else { throw .emptyName }
    let descriptor = try SystemCall.openForReading(path)
    do throws(CheckpointError) {
      let status = try SystemCall.status(of: descriptor, path)
      guard status.isRegular else {
        throw CheckpointError.notAnInput(isFolder: status.isDirectory).located(path: path)
      }
      self.byteCount = status.byteCount
      self.identity = status.identity
    } catch {
      SystemCall.close(descriptor)
      throw error
    }
    self.path = path
    self.shardName = shardName
    self.descriptor = descriptor
    self.mapping = Mutex(nil)
    whole = nil
    base = 0
  }

  /// The `count` bytes of `whole` at `offset` as a file of their own.
  ///
  /// - Throws: `CheckpointError` when they are not all in it.
  init(part whole: InputFile, at offset: Int, count: Int) throws(CheckpointError) {
    guard offset >= 0, count >= 0, offset <= whole.byteCount, count <= whole.byteCount - offset
    else {
      throw .rangeOutsideFile.located(path: whole.path, offset: offset)
    }
    path = whole.path
    shardName = whole.shardName
    byteCount = count
    identity = whole.identity
    descriptor = whole.descriptor
    mapping = Mutex(nil)
    self.whole = whole
    base = whole.base + offset
  }

  /// A file without a name, which vanishes with the object or the process: `fill` passes its bytes to
  /// its argument.
  ///
  /// - Throws: `CheckpointError` when it cannot be made or the disk is full, and what `fill` throws.
  static func temporary(_ fill: ((RawSpan) throws -> Void) throws -> Void) throws -> InputFile {
    let (descriptor, folder) = try SystemCall.createNameless()
    do {
      try fill { bytes in
        try unsafe bytes.withUnsafeBytes {
          try unsafe SystemCall.writeFully(descriptor, $0, folder)
        }
      }
      return InputFile(
        nameless: descriptor, in: folder, try SystemCall.status(of: descriptor, folder))
    } catch {
      SystemCall.close(descriptor)
      throw error
    }
  }

  /// The start of a file that is elsewhere and has `byteCount` bytes in all: reading after the
  /// start is an error.
  ///
  /// - Throws: `CheckpointError` when there is no room for it.
  package convenience init(
    start: [UInt8], byteCount: Int, path: String, shardName: String?
  ) throws(CheckpointError) {
    let (descriptor, folder) = try SystemCall.createNameless()
    do throws(CheckpointError) {
      let code = OpenDescriptor.write(start, to: descriptor)
      guard code == 0 else {
        throw .cannotKeep(start.count, errorNumber: code).located(path: folder)
      }
      let status = try SystemCall.status(of: descriptor, folder)
      self.init(
        descriptor: descriptor, identity: status.identity, byteCount: byteCount, path: path,
        shardName: shardName)
    } catch {
      SystemCall.close(descriptor)
      throw error
    }
  }

  private init(
    descriptor: Int32, identity: SystemCall.Identity, byteCount: Int, path: String,
    shardName: String?
  ) {
    self.path = path
    self.shardName = shardName
    self.byteCount = byteCount
    self.identity = identity
    self.descriptor = descriptor
    mapping = Mutex(nil)
    whole = nil
    base = 0
  }

  private init(nameless descriptor: Int32, in folder: String, _ status: SystemCall.Status) {
    path = folder
    shardName = nil
    byteCount = status.byteCount
    identity = status.identity
    self.descriptor = descriptor
    mapping = Mutex(nil)
    whole = nil
    base = 0
  }

  /// Takes the lock of the file until the object is gone; `false` when another process holds it.
  func tryLock() -> Bool { SystemCall.tryLock(descriptor) != .heldByAnother }

  deinit {
    mapping.withLock { (mapping) in
      if let mapping { unsafe SystemCall.unmap(mapping.memory) }
    }
    if whole == nil { SystemCall.close(descriptor) }
  }

  /// Fills `buffer` with the bytes at `offset`.
  package func read(
    at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    let count = try unsafe SystemCall.readFully(descriptor, at: base + offset, into: buffer, path)
    guard count == buffer.count else {
      throw .fileEndsEarly(needed: buffer.count, found: count).located(path: path, offset: offset)
    }
  }

  /// The `count` bytes at `offset`. The range is checked against the file before memory is taken.
  package func bytes(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    try SystemCall.bytes(
      descriptor, at: offset, count: count, from: base, of: byteCount, path)
  }

  /// The mapped bytes `offset..<offset + count`; valid while the file object lives.
  func mapped(at offset: Int, count: Int) throws(CheckpointError) -> UnsafeRawBufferPointer {
    if let whole { return try unsafe whole.mapped(at: base - whole.base + offset, count: count) }
    let whole = try mapping.withLock { (mapping) throws(CheckpointError) -> Mapping in
      if let mapping { return mapping }
      let now = try SystemCall.status(of: descriptor, path).byteCount
      guard now >= byteCount else {
        throw .fileShrank(from: byteCount, to: now).located(path: path)
      }
      let made = unsafe Mapping(
        memory: try SystemCall.map(descriptor, byteCount: byteCount, path))
      mapping = made
      return made
    }
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .rangeOutsideFile.located(path: path, offset: offset)
    }
    return unsafe UnsafeRawBufferPointer(rebasing: whole.memory[offset..<offset + count])
  }
}
