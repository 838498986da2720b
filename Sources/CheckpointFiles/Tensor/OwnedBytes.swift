internal import CEspalierKernels

/// Zeroed memory, aligned for vector loads, freed with the object.
/// `@unchecked` because it is raw: written only before it is shared.
@safe package final class OwnedBytes: @unchecked Sendable {
  package let memory: UnsafeMutableRawBufferPointer

  package init(byteCount: Int) {
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// Memory that holds a copy of `bytes`.
  convenience init(copying bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    unsafe bytes.withUnsafeBytes { unsafe memory.copyMemory(from: $0) }
  }

  deinit { unsafe memory.deallocate() }

  /// The bytes as an array.
  var array: [UInt8] { unsafe Array(memory) }

  /// The bytes for a storage, which keeps this object.
  var asLoaded: TensorStorage.Loaded {
    unsafe TensorStorage.Loaded(memory: UnsafeRawBufferPointer(memory), owner: self)
  }

  /// The CRC-32 of the bytes.
  var crc32: UInt32 {
    guard unsafe memory.count > 0, let base = unsafe memory.baseAddress else { return 0 }
    return unsafe espalier_crc32(0, base, memory.count)
  }

  /// Reverses the bytes of every element of `width` bytes. Only before the memory is shared.
  func swapElements(of width: Int) {
    guard width > 1 else { return }
    for start in unsafe stride(from: 0, through: memory.count - width, by: width) {
      for index in 0..<width / 2 {
        unsafe memory.swapAt(start + index, start + width - 1 - index)
      }
    }
  }

  /// Flips the sign bit of elements of `width` bytes: of each `step`-th, beginning with `first`. Only
  /// before the memory is shared.
  func flipSigns(width: Int, first: Int, step: Int) {
    var place = (first + 1) * width - 1
    while unsafe place < memory.count {
      unsafe memory[place] ^= 0x80
      place += step * width
    }
  }
}
