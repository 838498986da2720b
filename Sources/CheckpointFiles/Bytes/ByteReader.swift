/// A cursor over bytes from a file: every read is checked, and a read past the end throws with the
/// offset. Numbers are little-endian.
///
/// Streams that do not say how long they are come from a file piece by piece, so that a pickle before
/// gigabytes of tensors costs its own length.
struct ByteReader: Sendable {
  /// What is in memory: everything, or the beginning of the file.
  private(set) var bytes: [UInt8]
  private(set) var position: Int
  /// Where the bytes end, in memory or not.
  private(set) var end: Int
  private let file: InputFile?
  /// Where the bytes begin in the file.
  private let base: Int
  /// Longer pieces are not kept but skipped: ``take(_:)`` gives an empty range for them.
  private let longestPiece: Int?
  /// The skipped pieces: the position at which each was, and its length. They count in no position.
  private var skips: [(position: Int, count: Int)] = []

  /// A reader of bytes in memory.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = 0
    end = bytes.count
    file = nil
    base = 0
    longestPiece = nil
  }

  /// A reader of a file from its beginning.
  init(_ file: InputFile) {
    self.init(file, at: 0, count: file.byteCount)
  }

  /// A reader of the `count` bytes of a file at `offset`, which are in it.
  ///
  /// - Parameter longestPiece: pieces and lines of more bytes are not kept in memory. A longer piece is
  ///   skipped, a longer line is an error.
  init(_ file: InputFile, at offset: Int, count: Int, longestPiece: Int? = nil) {
    bytes = []
    position = 0
    end = count
    self.file = file
    base = offset
    self.longestPiece = longestPiece
  }

  /// The bytes that were skipped before `position`.
  func skippedByteCount(before position: Int) -> Int {
    skips.reduce(0) { $1.position <= position ? $0 + $1.count : $0 }
  }

  var remaining: Int { end - position }

  /// `error` at the place where the reader is.
  func failure(_ error: CheckpointError) -> CheckpointError { error.located(offset: position) }

  /// Takes `count` bytes; where they are in ``bytes``.
  mutating func take(_ count: Int) throws(CheckpointError) -> Range<Int> {
    guard count >= 0, count <= remaining else {
      throw failure(.bytesMissing(needed: count, left: remaining))
    }
    let start = position
    if let longestPiece, file != nil, count > longestPiece, start <= bytes.count {
      bytes.removeSubrange(start...)
      skips.append((start, count))
      end -= count
      return start..<start
    }
    if start + count > bytes.count { try load(start + count) }
    position = start + count
    return start..<position
  }

  /// Goes to `offset`, which is inside the bytes or their end.
  mutating func seek(to offset: Int) throws(CheckpointError) {
    guard offset >= 0, offset <= end else { throw failure(.noSuchByte(offset)) }
    position = offset
  }

  private mutating func load(_ needed: Int) throws(CheckpointError) {
    guard let file else { return }
    let target = min(end, max(needed, min(2 * bytes.count, bytes.count + 1 << 24), 1 << 16))
    let offset = base + bytes.count + skippedByteCount(before: bytes.count)
    bytes.append(contentsOf: try file.bytes(at: offset, count: target - bytes.count))
  }

  mutating func byte() throws(CheckpointError) -> UInt8 { bytes[try take(1).lowerBound] }

  /// Takes an unsigned number of `T`'s width.
  mutating func number<T: FixedWidthInteger & UnsignedInteger>(
    _: T.Type
  ) throws(CheckpointError) -> T {
    var value: T = 0
    for place in try take(T.bitWidth / 8).reversed() { value = value << 8 | T(bytes[place]) }
    return value
  }

  /// Takes a number of 16 or 32 bits as `Int`.
  mutating func short() throws(CheckpointError) -> Int { Int(try number(UInt16.self)) }
  mutating func word() throws(CheckpointError) -> Int { Int(try number(UInt32.self)) }

  /// Takes a number of 64 bits that must fit `Int`.
  mutating func long() throws(CheckpointError) -> Int {
    let value = try number(UInt64.self)
    guard let number = Int(exactly: value) else {
      throw failure(.numberTooLarge(value))
    }
    return number
  }

  /// Takes the bytes up to a line feed, and the line feed.
  mutating func line() throws(CheckpointError) -> Range<Int> {
    let start = position
    var place = start
    while true {
      if place == bytes.count {
        guard place < end else { throw failure(.unterminatedLine) }
        try load(place + 1)
      }
      if bytes[place] == 0x0A { break }
      place += 1
      if let longestPiece, place - start > longestPiece {
        throw failure(.lineTooLong(limit: longestPiece))
      }
    }
    position = place + 1
    return start..<place
  }

  /// The text in `range`, or `nil` when it is not UTF-8.
  func text(_ range: Range<Int>) -> String? { String(validating: bytes[range], as: UTF8.self) }
}
