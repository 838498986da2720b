/// The end of a zip archive: where its central directory is.
struct ZipEnd {
  let directoryOffset: Int
  let directoryByteCount: Int
  /// The number of records.
  let count: Int
  /// Bytes after the end and its comment.
  let trailingByteCount: Int

  private static let byteCount = 22
  private static let maximumCommentByteCount = 65_535

  /// Finds the end of the archive in `file`.
  init(_ file: InputFile) throws(CheckpointError) {
    let tailCount = min(file.byteCount, ZipEnd.byteCount + ZipEnd.maximumCommentByteCount)
    let tailOffset = file.byteCount - tailCount
    let tail = try file.bytes(at: tailOffset, count: tailCount)
    guard let place = ZipEnd.lastSignature(in: tail) else {
      throw .noArchiveEnd
    }
    let offset = tailOffset + place
    if let other = ZipEnd.signatureOfTail(in: tail, before: place) {
      throw .twoArchiveEnds(other: offset).located(offset: tailOffset + other)
    }
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
      throw .severalParts.located(offset: offset)
    }
    var directoryEnd = offset
    if let wide = try ZipEnd.wide(file, before: offset) {
      // Numbers that fit are in both places, and must be the same.
      for (narrow, value, limit) in [
        (count, wide.count, 0xFFFF), (size, wide.size, 0xFFFF_FFFF),
        (start, wide.start, 0xFFFF_FFFF),
      ] where narrow != limit && narrow != value {
        throw .contradictingEnds.located(offset: offset)
      }
      (count, size, start) = (wide.count, wide.size, wide.start)
      directoryEnd = wide.offset
    }
    guard start <= directoryEnd, size <= directoryEnd - start else {
      throw .directoryOutsideArchive(size, start: start).located(offset: offset)
    }
    // No program would read what is between the directory and its end.
    guard start + size == directoryEnd else {
      throw .bytesAfterDirectory(directoryEnd - start - size).located(offset: start + size)
    }
    directoryOffset = start
    directoryByteCount = size
    self.count = count
  }

  /// The last signature that has room for an end: the one that PyTorch and Python use. Whether its
  /// comment ends with the file does not matter to them.
  private static func lastSignature(in tail: [UInt8]) -> Int? {
    guard tail.count >= byteCount else { return nil }
    return stride(from: tail.count - byteCount, through: 0, by: -1)
      .first { isSignature(tail, at: $0) }
  }

  /// A signature before `place` whose comment ends with the file: the one that other programs use.
  private static func signatureOfTail(in tail: [UInt8], before place: Int) -> Int? {
    var start = 0
    while start < place {
      // The last byte of a signature says how far the next one is: most bytes are not of any.
      switch tail[start + 3] {
      case 6: break
      case 5: start += 1; continue
      case 0x4B: start += 2; continue
      case 0x50: start += 3; continue
      default: start += 4; continue
      }
      if isSignature(tail, at: start),
        start + byteCount + (Int(tail[start + 20]) | Int(tail[start + 21]) << 8) == tail.count
      {
        return start
      }
      // A 6 is only the last byte of a signature.
      start += 4
    }
    return nil
  }

  private static func isSignature(_ tail: [UInt8], at place: Int) -> Bool {
    tail[place] == 0x50 && tail[place + 1] == 0x4B && tail[place + 2] == 5 && tail[place + 3] == 6
  }

  // MARK: Recognition

  /// Whether a file that begins with `start` is an archive for every program.
  static func isArchive(_ start: [UInt8]) -> Bool {
    start.starts(with: TorchZipReader.signature) || start.starts(with: [0x50, 0x4B, 5, 6])
  }

  /// Whether the end of an archive that holds records is found at the end of `file`, as programs do that
  /// do not look at its beginning.
  static func isAtEnd(of file: InputFile) throws(CheckpointError) -> Bool {
    let tailCount = min(file.byteCount, byteCount + maximumCommentByteCount)
    let tailOffset = file.byteCount - tailCount
    let tail = try file.bytes(at: tailOffset, count: tailCount)
    guard let place = lastSignature(in: tail) else { return false }
    var reader = ByteReader(Array(tail[place...]))
    _ = try reader.take(12)
    let size = try reader.word()
    let start = try reader.word()
    // Where the directory is, and where it is for programs that allow for bytes before the archive.
    for offset in [start, tailOffset + place - size] {
      guard size >= 46, offset >= 0, offset <= file.byteCount - 4 else { continue }
      if try file.bytes(at: offset, count: 4) == [0x50, 0x4B, 1, 2] { return true }
    }
    // A directory of 64 bits.
    return place >= 20 && tail[place - 20..<place - 16].elementsEqual([0x50, 0x4B, 6, 7])
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
      throw .misplacedWideEnd.located(offset: offset - 20)
    }
    var reader = ByteReader(try file.bytes(at: place, count: 56))
    guard try reader.word() == 0x0606_4B50 else {
      throw .misplacedWideEnd.located(offset: place)
    }
    let length = try reader.long()
    guard length >= 44, length == offset - 20 - place - 12 else {
      throw .wrongWideEndLength.located(offset: place)
    }
    _ = try reader.take(4 + 8)
    let here = try reader.long()
    let count = try reader.long()
    guard here == count else {
      throw .severalParts.located(offset: place)
    }
    return (place, count, try reader.long(), try reader.long())
  }
}
