internal import CEspalier

/// Memory that C reads: texts and arrays, which are freed with the object and never change once they are given out.
///
/// `@unchecked` because it is raw: it is filled by one thread, before its owner is shared.
@safe final class Arena: @unchecked Sendable {
  private var blocks: [UnsafeMutableRawPointer] = unsafe []
  /// What is left of the last block.
  private var rest = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

  private static let blockSize = 1 << 12

  deinit {
    unsafe blocks.forEach { unsafe $0.deallocate() }
  }

  private func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    // Everything here needs an alignment of 8 at most.
    let size = max(8, (byteCount + 7) & ~7)
    if let start = unsafe rest.baseAddress, unsafe rest.count >= size {
      unsafe rest = UnsafeMutableRawBufferPointer(rebasing: rest[size...])
      return unsafe start
    }
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: max(size, Arena.blockSize), alignment: 16)
    unsafe blocks.append(block)
    if size < Arena.blockSize {
      unsafe rest = UnsafeMutableRawBufferPointer(
        start: block + size, count: Arena.blockSize - size)
    }
    return unsafe block
  }

  /// A copy of `text` that ends with a zero byte.
  func text(_ text: String) -> espalier_text {
    var text = text
    return text.withUTF8 { bytes in
      let target = unsafe take(bytes.count + 1)
      if let base = bytes.baseAddress {
        unsafe target.copyMemory(from: base, byteCount: bytes.count)
      }
      unsafe target.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
      return unsafe espalier_text(
        data: UnsafePointer(target.assumingMemoryBound(to: CChar.self)), size: bytes.count)
    }
  }

  /// A copy of `value`.
  func copy<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value> {
    let target = unsafe take(MemoryLayout<Value>.stride)
      .bindMemory(to: Value.self, capacity: 1)
    unsafe target.initialize(to: value)
    return unsafe UnsafePointer(target)
  }

  /// A copy of `elements`; `nil` when there are none.
  func array<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element>? {
    guard !elements.isEmpty else { return nil }
    let target = unsafe take(elements.count * MemoryLayout<Element>.stride)
      .bindMemory(to: Element.self, capacity: elements.count)
    for (index, element) in elements.enumerated() {
      unsafe (target + index).initialize(to: element)
    }
    return unsafe UnsafePointer(target)
  }
}

/// A value in an arena, which may point into it.
///
/// It is a pointer and not the value itself: the layout is then the same for all types, and Swift's runtime computes
/// none, which valgrind reports as a use of memory without a value.
@safe struct Shared<Value: BitwiseCopyable>: @unchecked Sendable {
  // Invariant: valid while the arena lives, which the owner of this value keeps.
  private let place: UnsafePointer<Value>

  init(_ value: Value, in arena: Arena) { unsafe place = arena.copy(value) }

  var value: Value { unsafe place.pointee }
}

/// An array in an arena.
@safe struct ArenaArray<Element: BitwiseCopyable>: @unchecked Sendable {
  // Invariant: valid while the arena lives, which the owner of this value keeps.
  let start: UnsafePointer<Element>?
  let count: Int

  init(_ elements: [Element], in arena: Arena) {
    unsafe start = arena.array(elements)
    count = elements.count
  }

  /// The element at `index`, or `nil` when there is none.
  subscript(index: Int) -> Element? {
    guard index >= 0, index < count, let start = unsafe start else { return nil }
    return unsafe start[index]
  }

  /// Gives the array to C.
  func give(
    _ elements: UnsafeMutablePointer<UnsafePointer<Element>?>?, _ count: UnsafeMutablePointer<Int>?
  ) throws(Misuse) {
    guard let elements = unsafe elements, let count = unsafe count else { throw .null }
    unsafe elements.pointee = start
    unsafe count.pointee = self.count
  }
}
