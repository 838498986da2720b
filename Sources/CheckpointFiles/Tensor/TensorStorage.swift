internal import CEspalierKernels
internal import Synchronization

/// The bytes that one or several tensors share. Tensors that overlap in one storage are *tied*.
///
/// Bytes are immutable, little-endian once loaded, and come from owned memory or from a file; a
/// file's bytes are mapped, or inflated, at the first use, so that opening a checkpoint touches
/// headers alone.
///
/// `@unchecked` because the memory is raw: it never changes once set, and it is set under the lock.
public final class TensorStorage: @unchecked Sendable {
  /// The number of bytes.
  public let byteCount: Int

  /// Where the bytes come from.
  enum Source: Sendable {
    case memory
    case file(InputFile, offset: Int)
    /// The file, if any, is the one that the bytes are made from.
    indirect case computed(InputFile?, @Sendable () throws(CheckpointError) -> Loaded)
    /// The same, for bytes that are computed in order and need not be in memory together.
    indirect case streamed(InputFile?, ElementProducer)
  }

  /// What the container says about the bytes in the file. An object, because most storages have none.
  final class Checksum: Sendable {
    let crc32: UInt32
    /// The record, for the message.
    let record: String

    init(crc32: UInt32, record: String) {
      self.crc32 = crc32
      self.record = record
    }
  }

  /// What is known once the bytes were used. Made then: a listing has storages by the hundred
  /// thousand and uses the bytes of none. `@unchecked` because it is only touched under the lock.
  private final class State: @unchecked Sendable {
    var loaded: Loaded?
    /// Computed bytes live as long as they are used: a command that walks over all tensors
    /// holds one at a time.
    weak var computed: Computed?
    var isVerified = false
  }

  /// Keeps computed bytes, and is itself kept by those who use them.
  private final class Computed: Sendable {
    let loaded: Loaded
    init(_ loaded: Loaded) { self.loaded = loaded }
  }

  let source: Source
  private let checksum: Checksum?
  private let state = Mutex<State?>(nil)

  /// Bytes in memory and what keeps them there.
  @safe package struct Loaded: @unchecked Sendable {
    // Invariant: valid and immutable while `owner` lives.
    let memory: UnsafeRawBufferPointer
    /// Code that keeps the pointer must keep the owner.
    package let owner: AnyObject

    /// `owner` must keep `memory` valid and unchanged as long as it lives.
    @unsafe package init(memory: UnsafeRawBufferPointer, owner: AnyObject) {
      unsafe self.memory = unsafe memory
      self.owner = owner
    }

    /// Calls `body` with the bytes.
    package func withMemory<R>(
      _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
      defer { withExtendedLifetime(owner) {} }
      return try unsafe body(memory)
    }
  }

  /// A storage of `byteCount` bytes that `load` provides at the first use.
  package init(
    byteCount: Int, from file: InputFile? = nil,
    load: @escaping @Sendable () throws(CheckpointError) -> Loaded
  ) {
    self.byteCount = byteCount
    self.source = .computed(file, load)
    self.checksum = nil
  }

  /// A storage of the bytes that `producer` computes again at every use.
  init(_ producer: ElementProducer, from file: InputFile? = nil) {
    byteCount = producer.byteCount
    source = .streamed(file, producer)
    checksum = nil
  }

  /// The bytes `offset..<offset + byteCount` of a file. The caller has checked that they exist.
  ///
  /// A checksum is compared once, when the bytes are first used.
  init(file: InputFile, offset: Int, byteCount: Int, checksum: Checksum? = nil) {
    self.byteCount = byteCount
    self.source = .file(file, offset: offset)
    self.checksum = checksum
  }

  private init(_ loaded: Loaded, byteCount: Int) {
    self.byteCount = byteCount
    self.source = .memory
    self.checksum = nil
    withState { $0.loaded = loaded }
  }

  /// A storage that holds a copy of `bytes`.
  public convenience init(_ bytes: [UInt8]) {
    let owner = OwnedBytes(byteCount: bytes.count)
    unsafe bytes.withUnsafeBytes { unsafe owner.memory.copyMemory(from: $0) }
    self.init(owner.asLoaded, byteCount: bytes.count)
  }

  /// A storage of `byteCount` bytes that `fill` writes. The buffer is zeroed before and 64-byte aligned.
  package convenience init<E: Error>(
    byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let owner = OwnedBytes(byteCount: byteCount)
    try unsafe fill(owner.memory)
    self.init(owner.asLoaded, byteCount: byteCount)
  }

  /// The file that the bytes are in, or are made from, if there is one.
  package var file: InputFile? {
    switch source {
    case .file(let file, _): file
    case .computed(let file, _): file
    case .streamed(let file, _): file
    case .memory: nil
    }
  }

  /// Whether both are the same bytes of the same file, however often it was opened and under whatever
  /// names. Bytes with a checksum are not, for that is only found wrong when they are read.
  package func isSamePlace(as other: TensorStorage) -> Bool {
    guard case .file(let file, let offset) = source, checksum == nil,
      case .file(let otherFile, let otherOffset) = other.source, other.checksum == nil
    else { return false }
    return file.identity == otherFile.identity && offset == otherOffset
      && byteCount == other.byteCount
  }

  /// Calls `body` with the bytes, loading them if they are not in memory yet.
  package func withUnsafeBytes<R>(
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let loaded = try loaded()
    defer { withExtendedLifetime(loaded.owner) {} }
    return try unsafe body(loaded.memory)
  }

  package func loaded() throws(CheckpointError) -> Loaded {
    if case .file = source { try verify() }
    return try withState { (state) throws(CheckpointError) in
      if let loaded = state.loaded { return loaded }
      switch source {
      case .memory: throw .emptyStorage
      case .computed(_, let load): return try keep(state, load)
      case .streamed(_, let producer): return try keep(state, producer.loaded)
      case .file(let file, let offset):
        let loaded = unsafe Loaded(
          memory: try file.mapped(at: offset, count: byteCount), owner: file)
        state.loaded = loaded
        return loaded
      }
    }
  }

  /// Bytes that are alive already, or new ones, which live as long as they are used.
  private func keep(
    _ state: State, _ load: () throws(CheckpointError) -> Loaded
  ) throws(CheckpointError) -> Loaded {
    let computed: Computed
    if let alive = state.computed {
      computed = alive
    } else {
      computed = Computed(try load())
      state.computed = computed
    }
    return unsafe Loaded(memory: computed.loaded.memory, owner: computed)
  }

  /// Whether ranges are read from a file.
  var isInFile: Bool { if case .file = source { true } else { false } }

  /// The same bytes in a storage of which any range can be read without computing the others again:
  /// itself, or a copy in memory, or in a file without a name when they are many.
  func addressable() throws(CheckpointError) -> TensorStorage {
    switch source {
    case .memory, .file: return self
    case .computed: return TensorStorage(try loaded(), byteCount: byteCount)
    case .streamed(_, let producer):
      if byteCount > ElementProducer.memoryLimit {
        return TensorStorage(
          file: try computing(producer.temporaryFile), offset: 0, byteCount: byteCount)
      }
      return TensorStorage(try loaded(), byteCount: byteCount)
    }
  }

  /// Releases the memory of bytes that are mapped from a file. They stay valid: the next use
  /// reads them from the file again.
  package func releasePages() {
    guard case .file = source, let loaded = state.withLock({ $0?.loaded }) else { return }
    unsafe SystemCall.releasePages(loaded.memory)
  }

  private func withState<R: Sendable, E: Error>(
    _ body: (State) throws(E) -> R
  ) throws(E) -> R {
    try state.withLock { (state) throws(E) -> R in
      let used = state ?? State()
      state = used
      return try body(used)
    }
  }

  // MARK: Streaming

  /// Calls `body` with the bytes of `range`, piece by piece, in order. Bytes in a file are read into
  /// one buffer that is used again, and never mapped.
  ///
  /// A wrong checksum throws, at the latest after the last piece.
  func forEachChunk(
    in range: Range<Int>, ofBytes size: Int, _ body: (RawSpan) throws -> Void
  ) throws {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw CheckpointError.outsideStorage(ofBytes: byteCount, end: range.upperBound)
    }
    if case .streamed(_, let producer) = source, state.withLock({ $0?.computed }) == nil {
      return try producer.forEachChunk(in: range, ofBytes: size, body)
    }
    guard case .file(let file, let offset) = source else {
      return try unsafe withUnsafeBytes { memory in
        try forEachPiece(of: range, size) { piece in
          try unsafe body(RawSpan(_unsafeBytes: memory[piece]))
        }
      }
    }
    // When the pieces are the whole storage, the checksum is computed on the way.
    let isWhole = range.count == byteCount && !isVerified
    if !isWhole { try verify() }
    var crc: UInt32 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(size, range.count), alignment: 64)
    defer { unsafe buffer.deallocate() }
    try forEachPiece(of: range, size) { piece in
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece.count])
      try unsafe file.read(at: offset + piece.lowerBound, into: part)
      if isWhole, let start = part.baseAddress {
        crc = unsafe espalier_crc32(crc, start, piece.count)
      }
      try unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(part)))
    }
    if isWhole { try compare(crc) }
  }

  /// Copies the bytes of `range` into `target`, without mapping a file.
  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard range.lowerBound >= 0, range.upperBound <= byteCount, target.count == range.count
    else {
      throw CheckpointError.outsideStorage(ofBytes: byteCount, end: range.upperBound)
    }
    if case .file(let file, let offset) = source {
      try verify()
      try unsafe file.read(at: offset + range.lowerBound, into: target)
    } else if case .streamed = source {
      var done = 0
      try forEachChunk(in: range, ofBytes: 1 << 18) { piece in
        unsafe piece.withUnsafeBytes { bytes in
          unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<done + bytes.count])
            .copyMemory(from: bytes)
        }
        done += piece.byteCount
      }
    } else {
      try unsafe withUnsafeBytes { memory in
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[range]))
      }
    }
  }

  private func forEachPiece(
    of range: Range<Int>, _ size: Int, _ body: (Range<Int>) throws -> Void
  ) rethrows {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(start + size, range.upperBound)
      try body(start..<end)
      start = end
    }
  }

  // MARK: Checksums

  private var isVerified: Bool { checksum == nil || state.withLock { $0?.isVerified ?? false } }

  /// Compares the checksum, if the container has one and it was not compared yet.
  func verify() throws(CheckpointError) {
    guard !isVerified, case .file(let file, let offset) = source else { return }
    var crc: UInt32 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(1 << 18, byteCount), alignment: 64)
    defer { unsafe buffer.deallocate() }
    var start = 0
    while start < byteCount {
      let count = min(buffer.count, byteCount - start)
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      try unsafe file.read(at: offset + start, into: part)
      if let base = part.baseAddress { crc = unsafe espalier_crc32(crc, base, count) }
      start += count
    }
    try compare(crc)
  }

  private func compare(_ crc: UInt32) throws(CheckpointError) {
    if let checksum, checksum.crc32 != crc {
      throw .damaged(crc, stated: checksum.crc32).located(
        path: file?.path ?? "", record: checksum.record)
    }
    withState { $0.isVerified = true }
  }
}
