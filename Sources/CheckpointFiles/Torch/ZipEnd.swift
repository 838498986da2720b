/// The end of a zip archive: where its central directory is.
struct ZipEnd {
  let directoryOffset: Int
  let directoryByteCount: Int
  /// The number of records.
  let count: Int
  /// Bytes behind the end and its comment.
  let trailingByteCount: Int

  private static let byteCount = 22
  private static let maximumCommentByteCount = 65_535

  /// Finds the end of the archive in `file`.
  init(_ file: InputFile) throws(CheckpointError) {
    let tailCount = min(file.byteCount, ZipEnd.byteCount + ZipEnd.maximumCommentByteCount)
    let tailOffset = file.byteCount - tailCount
    let tail = try file.bytes(at: tailOffset, count: tailCount)
    guard let place = ZipEnd.lastSignature(in: tail) else {
      throw CheckpointError(
        "the zip archive has no end: the file is truncated, or was not written to its end")
    }
    let offset = tailOffset + place
    var reader = ByteReader(Array(tail[place...]))
    _ = try reader.take(4)
    let disks = (try reader.short(), try reader.short())
    let here = try reader.short()
    var count = try reader.short()
    var size = try reader.word()
    var start = try reader.word()
    let commentByteCount = try reader.short()
    trailingByteCount = max(0, file.byteCount - offset - ZipEnd.byteCount - commentByteCount)
    guard disks.0 == 0 || disks.0 == 0xFFFF, here == count else {
      throw CheckpointError(offset: offset, "the archive has several parts")
    }
    var directoryEnd = offset
    if let wide = try ZipEnd.wide(file, before: offset) {
      // Numbers that fit stand in both places, and must be the same.
      for (narrow, value, limit) in [
        (count, wide.count, 0xFFFF), (size, wide.size, 0xFFFF_FFFF),
        (start, wide.start, 0xFFFF_FFFF),
      ] where narrow != limit && narrow != value {
        throw CheckpointError(offset: offset, "the archive's two ends contradict each other")
      }
      (count, size, start) = (wide.count, wide.size, wide.start)
      directoryEnd = wide.offset
    }
    guard start <= directoryEnd, size <= directoryEnd - start else {
      throw CheckpointError(
        offset: offset, "the archive's directory of \(size) bytes at \(start) lies outside of it")
    }
    // What lies between the directory and its end would be read by nobody.
    guard start + size == directoryEnd else {
      throw CheckpointError(
        offset: start + size,
        "\(directoryEnd - start - size) bytes between the archive's directory and its end")
    }
    directoryOffset = start
    directoryByteCount = size
    self.count = count
  }

  /// The last signature whose comment ends with the file; failing that, the last at all, for trailing
  /// bytes are tolerated as the reference does.
  private static func lastSignature(in tail: [UInt8]) -> Int? {
    guard tail.count >= byteCount else { return nil }
    var fallback: Int?
    for place in stride(from: tail.count - byteCount, through: 0, by: -1)
    where tail[place] == 0x50 && tail[place + 1] == 0x4B && tail[place + 2] == 5
      && tail[place + 3] == 6
    {
      let comment = Int(tail[place + 20]) | Int(tail[place + 21]) << 8
      if place + byteCount + comment == tail.count { return place }
      fallback = fallback ?? place
    }
    return fallback
  }

  private static func wide(
    _ file: InputFile, before offset: Int
  ) throws(CheckpointError) -> (offset: Int, count: Int, size: Int, start: Int)? {
    guard offset >= 20 else { return nil }
    var locator = ByteReader(try file.bytes(at: offset - 20, count: 20))
    guard try locator.word() == 0x0706_4B50 else { return nil }
    _ = try locator.word()
    let place = try locator.long()
    guard place <= offset - 20 - 56 else {
      throw CheckpointError(
        offset: offset - 20, "the archive's 64-bit end is not where it should be")
    }
    var reader = ByteReader(try file.bytes(at: place, count: 56))
    guard try reader.word() == 0x0606_4B50 else {
      throw CheckpointError(
        offset: place, "the archive's 64-bit end is not where it should be")
    }
    let length = try reader.long()
    guard length >= 44, length == offset - 20 - place - 12 else {
      throw CheckpointError(offset: place, "the archive's 64-bit end has a wrong length")
    }
    _ = try reader.take(4 + 8)
    let here = try reader.long()
    let count = try reader.long()
    guard here == count else {
      throw CheckpointError(offset: place, "the archive has several parts")
    }
    return (place, count, try reader.long(), try reader.long())
  }
}
