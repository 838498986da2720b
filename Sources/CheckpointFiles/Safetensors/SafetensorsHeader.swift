internal import OrderedCollections

/// The header of a safetensors file, checked.
///
/// Invariant: sorted by offset, the tensors cover the data section without hole or overlap, from its
/// first byte to the end of the file; each range has exactly the bytes of its dtype and shape.
struct SafetensorsHeader {
  /// One tensor.
  struct Entry {
    let key: Key
    let dtype: DType
    let shape: Shape
    /// The bytes, relative to the data section.
    let range: Range<Int>
  }

  /// The tensors in the order of the header, which is free and need not be that of the data.
  private(set) var entries: [Entry] = []
  /// `__metadata__`.
  private(set) var metadata: OrderedDictionary<Key, String> = [:]

  /// The reference refuses longer headers, to read as to write.
  static let maximumByteCount = 100_000_000
  /// The largest checkpoints have about 100,000 tensors in all their files.
  static let maximumTensorCount = 1 << 20
  /// Trainers write some hundred entries.
  static let maximumMetadataCount = 1 << 16
  /// Bytes of the length that precedes the header.
  static let prefixByteCount = 8
  static let metadataKey = "__metadata__"

  /// Reads the header of `file`; the offset where the data section begins comes with it.
  ///
  /// - Parameter expected: keys that the header probably has, in its order; see `init`.
  static func read(
    _ file: InputFile, expecting expected: [Key] = []
  ) throws(CheckpointError) -> (header: SafetensorsHeader, dataOffset: Int) {
    try locating(path: file.path) { () throws(CheckpointError) in
      guard file.byteCount >= prefixByteCount else {
        throw .headerMissing(fileByteCount: file.byteCount)
      }
      var length: UInt64 = 0
      for byte in try file.bytes(at: 0, count: prefixByteCount).reversed() {
        length = length << 8 | UInt64(byte)
      }
      guard length <= UInt64(maximumByteCount) else {
        throw .headerTooLong(length).located(offset: 0)
      }
      let dataOffset = prefixByteCount + Int(length)
      guard dataOffset <= file.byteCount else {
        throw .headerTruncated(length, found: file.byteCount - prefixByteCount).located(offset: 0)
      }
      let bytes = try file.bytes(at: prefixByteCount, count: Int(length))
      let header = try SafetensorsHeader(
        parsing: bytes.span, dataByteCount: file.byteCount - dataOffset, expecting: expected)
      return (header, dataOffset)
    }
  }

  /// Parses and checks the text of a header before a data section of `dataByteCount` bytes.
  ///
  /// - Parameter expected: keys that the header probably has, in its order: those that it has are taken
  ///   from here, and not made from its text again.
  init(
    parsing text: Span<UInt8>, dataByteCount: Int, expecting expected: [Key] = []
  ) throws(CheckpointError) {
    var scanner = JSONParser(text, base: SafetensorsHeader.prefixByteCount)
    // About as many tensors as there are of the shortest honest entries.
    entries.reserveCapacity(min(text.count / 100, 1 << 17))
    var hasMetadata = false
    var shapes = RecentShapes()
    var expected = expected[...]
    scanner.skipSpace()
    try scanner.expect(UInt8(ascii: "{"))
    if !scanner.take(UInt8(ascii: "}")) {
      repeat {
        let key = try SafetensorsHeader.key(&scanner, &expected)
        try scanner.expect(UInt8(ascii: ":"))
        if key.string.utf8.equals(SafetensorsHeader.metadataKey) {
          guard !hasMetadata else { throw scanner.failure(.duplicateMember("__metadata__")) }
          hasMetadata = true
          try parseMetadata(&scanner)
        } else {
          entries.append(try SafetensorsHeader.entry(key, &scanner, &shapes))
          guard entries.count <= SafetensorsHeader.maximumTensorCount else {
            throw scanner.failure(.tooManyTensors(SafetensorsHeader.maximumTensorCount))
          }
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
    }
    guard scanner.isAtEnd else { throw scanner.failure(.textAfterEnd(of: "header")) }
    try checkLayout(dataByteCount)
  }

  /// Takes a key: the first of those that are expected, when it is that.
  private static func key(
    _ scanner: inout JSONParser, _ expected: inout ArraySlice<Key>
  ) throws(CheckpointError) -> Key {
    let (range, isEscaped) = try scanner.quotedRange()
    if !isEscaped, let first = expected.first, scanner.matches(range, first.string) {
      expected.removeFirst()
      return first
    }
    return Key(try scanner.string(in: range, isEscaped: isEscaped))
  }

  private mutating func parseMetadata(
    _ scanner: inout JSONParser
  ) throws(CheckpointError) {
    if scanner.take(word: "null") { return }
    try scanner.expect(UInt8(ascii: "{"))
    if scanner.take(UInt8(ascii: "}")) { return }
    repeat {
      let name = try scanner.string()
      try scanner.expect(UInt8(ascii: ":"))
      guard scanner.current == UInt8(ascii: "\"") else {
        throw scanner.failure(.metadataIsNotText(name))
      }
      guard metadata.updateValue(try scanner.string(), forKey: Key(name)) == nil else {
        throw scanner.failure(.duplicateMetadata(name))
      }
      guard metadata.count <= SafetensorsHeader.maximumMetadataCount else {
        throw scanner.failure(.tooMuchMetadata(SafetensorsHeader.maximumMetadataCount))
      }
    } while try scanner.another(before: UInt8(ascii: "}"))
  }

  private static func entry(
    _ key: Key, _ scanner: inout JSONParser, _ shapes: inout RecentShapes
  ) throws(CheckpointError) -> Entry {
    do throws(CheckpointError) {
      return try fields(key, &scanner, &shapes)
    } catch { throw error.located(key: key) }
  }

  private static func fields(
    _ key: Key, _ scanner: inout JSONParser, _ shapes: inout RecentShapes
  ) throws(CheckpointError) -> Entry {
    var dtype: DType?
    var shape: Shape?
    var offsets: (Int, Int)?
    try scanner.expect(UInt8(ascii: "{"))
    if !scanner.take(UInt8(ascii: "}")) {
      repeat {
        let (range, isEscaped) = try scanner.quotedRange()
        try scanner.expect(UInt8(ascii: ":"))
        guard !isEscaped else { throw scanner.failure(.escapedField) }
        if scanner.matches(range, "dtype") {
          guard dtype == nil else { throw scanner.failure(.duplicateMember("dtype")) }
          dtype = try parseDType(&scanner)
        } else if scanner.matches(range, "shape") {
          guard shape == nil else { throw scanner.failure(.duplicateMember("shape")) }
          shape = try shapes.parse(&scanner)
        } else if scanner.matches(range, "data_offsets") {
          guard offsets == nil else { throw scanner.failure(.duplicateMember("data_offsets")) }
          offsets = try pair(&scanner)
        } else {
          // The reference ignores fields that it does not know.
          try scanner.skipValue()
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
    }
    guard let dtype else { throw scanner.failure(.missingMember("dtype")) }
    guard let shape else { throw scanner.failure(.missingMember("shape")) }
    guard let (begin, end) = offsets else { throw scanner.failure(.missingMember("data_offsets")) }
    guard let byteCount = Tensor.byteCount(dtype, shape) else {
      throw .uncountableBytes(dtype, shape)
    }
    guard begin <= end else {
      throw .reversedOffsets(begin: begin, end: end)
    }
    guard end - begin == byteCount else {
      throw .wrongByteCount(dtype, shape, needed: byteCount, found: end - begin)
    }
    return Entry(key: key, dtype: dtype, shape: shape, range: begin..<end)
  }

  /// The names of up to eight letters as numbers, and the few longer ones.
  private static let shortNames: [(UInt64, DType)] =
    DType.allCases.filter(\.isInSafetensors).filter { $0.name.utf8.count <= 8 }.map { dtype in
      (dtype.name.utf8.reduce(0) { $0 << 8 | UInt64($1) }, dtype)
    }
  private static let longNames =
    DType.allCases.filter(\.isInSafetensors).filter { $0.name.utf8.count > 8 }

  private static func parseDType(
    _ scanner: inout JSONParser
  ) throws(CheckpointError) -> DType {
    let (range, isEscaped) = try scanner.quotedRange()
    if !isEscaped {
      let packed = scanner.packed(range)
      for (name, dtype) in shortNames where name == packed { return dtype }
    }
    let name = scanner.text(in: range) ?? "?"
    for dtype in longNames where name.utf8.equals(dtype.name) { return dtype }
    throw scanner.failure(.unknownDType(name))
  }

  private static func pair(
    _ scanner: inout JSONParser
  ) throws(CheckpointError) -> (Int, Int) {
    try scanner.expect(UInt8(ascii: "["))
    let begin = try scanner.integer()
    try scanner.expect(UInt8(ascii: ","))
    let end = try scanner.integer()
    try scanner.expect(UInt8(ascii: "]"))
    return (begin, end)
  }

  /// One pass over the tensors by offset: no hole, no overlap, nothing after the last.
  private func checkLayout(_ dataByteCount: Int) throws(CheckpointError) {
    var end = 0
    var inOrder = true
    for entry in entries {
      guard entry.range.lowerBound == end else {
        inOrder = false
        break
      }
      end = entry.range.upperBound
    }
    if !inOrder {
      end = 0
      let sorted = entries.indices.sorted { a, b in
        let (a, b) = (entries[a].range, entries[b].range)
        return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
      }
      for index in sorted {
        let entry = entries[index]
        guard entry.range.lowerBound == end else {
          throw CheckpointError.gapOrOverlap(end: end, begin: entry.range.lowerBound).located(
            key: entry.key)
        }
        end = entry.range.upperBound
      }
    }
    guard end == dataByteCount else {
      throw .wrongDataByteCount(needed: end, found: dataByteCount)
    }
  }
}

extension DType {
  /// Whether safetensors can store the type.
  package var isInSafetensors: Bool { self != .complex32 && self != .complex128 }
}
