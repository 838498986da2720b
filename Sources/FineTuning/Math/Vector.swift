/// A view of `count` floats in a buffer. A reference, like ``Matrix``.
@safe package struct Vector: Sendable {
  /// The memory.
  package let buffer: FloatBuffer
  /// Where element 0 lies in the buffer.
  package let offset: Int
  /// The number of elements.
  package let count: Int

  /// A view into `buffer`. Traps when it does not lie inside.
  package init(_ buffer: FloatBuffer, offset: Int = 0, count: Int? = nil) {
    let count = count ?? buffer.count - offset
    precondition(
      offset >= 0 && count >= 0 && offset + count <= buffer.count,
      "a vector of \(count) does not fit its buffer")
    self.buffer = buffer
    self.offset = offset
    self.count = count
  }

  /// A new vector.
  package init(count: Int, content: FloatBuffer.Content = .zeros) {
    self.init(FloatBuffer(count: count, content: content))
  }

  /// A new vector of the given elements.
  package init(_ elements: [Float]) {
    self.init(count: elements.count, content: .uninitialized)
    unsafe elements.withUnsafeBufferPointer {
      if let base = $0.baseAddress { unsafe pointer.update(from: base, count: count) }
    }
  }

  /// Elements `range`, the same memory.
  package func elements(_ range: Range<Int>) -> Vector {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements of the vector")
    return Vector(buffer, offset: offset + range.lowerBound, count: range.count)
  }

  /// The elements as a matrix of `rows` rows, the same memory.
  package func matrix(rows: Int, columns: Int) -> Matrix {
    precondition(rows * columns == count, "the matrix has as many elements as the vector")
    return Matrix(buffer, offset: offset, rows: rows, columns: columns)
  }

  /// A copy in new memory.
  package func copy() -> Vector {
    let copy = Vector(count: count, content: .uninitialized)
    copy.assign(self)
    return copy
  }

  /// Copies the elements of `source`, which has the same count and does not overlap.
  package func assign(_ source: Vector) {
    precondition(count == source.count, "copied vectors have one count")
    precondition(buffer.isWritable, "the vector is read-only")
    unsafe pointer.update(from: source.pointer, count: count)
  }

  /// Takes the elements from as many bytes, each element in the order of this processor.
  package func assign(bytes: [UInt8]) {
    precondition(bytes.count == count * MemoryLayout<Float>.size, "as many bytes as elements")
    precondition(buffer.isWritable, "the vector is read-only")
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: pointer, count: bytes.count)
        .copyMemory(from: bytes)
    }
  }

  /// Sets every element.
  package func fill(_ value: Float) {
    precondition(buffer.isWritable, "the vector is read-only")
    unsafe pointer.update(repeating: value, count: count)
  }

  /// One element.
  package subscript(index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "inside the vector")
      return unsafe pointer[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "inside the vector")
      precondition(buffer.isWritable, "the vector is read-only")
      unsafe pointer[index] = newValue
    }
  }

  /// The elements as an array.
  package var array: [Float] {
    unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
  }

  /// Calls `body` with the elements.
  package func withSpan<R>(_ body: (Span<Float>) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(buffer) {} }
    return try unsafe body(
      Span(_unsafeElements: UnsafeBufferPointer(start: pointer, count: count)))
  }

  var pointer: UnsafeMutablePointer<Float> { unsafe buffer.pointer + offset }
}
