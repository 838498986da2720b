internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The bytes that one or several tensors share. Tensors with the same storage are *tied*.
///
/// Bytes are immutable, little-endian once loaded, and come from owned memory or from a file; a
/// file's bytes are mapped or inflated at the first use, so that opening a checkpoint touches
/// headers alone.
///
/// `@unchecked` because the memory is raw: it never changes once set, and it is set under the lock.
public final class TensorStorage: @unchecked Sendable {
  /// The number of bytes.
  public let byteCount: Int

  /// Produces the bytes at the first use. `nil` for memory that is there from the start.
  private let load: (@Sendable () throws(CheckpointError) -> Loaded)?
  private let state: Mutex<Loaded?>

  /// Bytes in memory and what keeps them there.
  @safe package struct Loaded: @unchecked Sendable {
    // Invariant: valid and immutable while `owner` lives.
    let memory: UnsafeRawBufferPointer
    let owner: AnyObject

    /// `owner` must keep `memory` valid and unchanged as long as it lives.
    @unsafe package init(memory: UnsafeRawBufferPointer, owner: AnyObject) {
      unsafe self.memory = unsafe memory
      self.owner = owner
    }
  }

  /// A storage of `byteCount` bytes that `load` provides at the first use.
  package init(
    byteCount: Int, load: @escaping @Sendable () throws(CheckpointError) -> Loaded
  ) {
    self.byteCount = byteCount
    self.load = load
    self.state = Mutex(nil)
  }

  /// A storage that holds a copy of `bytes`.
  public init(_ bytes: [UInt8]) {
    let owner = OwnedBytes(byteCount: bytes.count)
    bytes.withUnsafeBytes { unsafe owner.memory.copyMemory(from: $0) }
    self.byteCount = bytes.count
    self.load = nil
    self.state = unsafe Mutex(Loaded(memory: UnsafeRawBufferPointer(owner.memory), owner: owner))
  }

  /// A storage of `byteCount` bytes that `fill` writes. The buffer is zeroed before and 64-byte aligned.
  package init<E: Error>(
    byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let owner = OwnedBytes(byteCount: byteCount)
    try unsafe fill(owner.memory)
    self.byteCount = byteCount
    self.load = nil
    self.state = unsafe Mutex(Loaded(memory: UnsafeRawBufferPointer(owner.memory), owner: owner))
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
    guard let load else {
      guard let loaded = (state.withLock { $0 }) else {
        throw CheckpointError("the storage holds no bytes")
      }
      return loaded
    }
    return try state.withLock { (state) throws(CheckpointError) in
      if let state { return state }
      let loaded = try load()
      state = loaded
      return loaded
    }
  }
}

/// Zeroed memory, aligned for vector loads, freed with the object.
/// `@unchecked` because it is raw: written only before it is shared.
@safe package final class OwnedBytes: @unchecked Sendable {
  package let memory: UnsafeMutableRawBufferPointer

  package init(byteCount: Int) {
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe memory.deallocate() }
}
