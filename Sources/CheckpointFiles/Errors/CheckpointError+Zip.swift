// Zip archives, deflated bytes and tar archives.
extension CheckpointError {
  private static func zip(_ reason: String) -> CheckpointError {
    CheckpointError(.malformed, reason)
  }

  /// - Parameters:
  ///   - count: the bytes that came out.
  ///   - byteCount: those that the archive states.
  ///   - isComplete: whether the stream ended.
  static func inflated(to count: Int, of byteCount: Int, isComplete: Bool) -> CheckpointError {
    zip(
      count > byteCount
        ? "the deflated bytes are more than the \(byteCount) that the archive states"
        : isComplete
          ? "the deflated bytes are \(count), the archive states \(byteCount)"
          : "the deflated bytes are damaged after \(count) of \(byteCount)")
  }

  // MARK: The end

  static var noArchiveEnd: CheckpointError {
    zip("the zip archive has no end: the file is truncated, or was not written completely")
  }

  static func twoArchiveEnds(other offset: Int) -> CheckpointError {
    zip(
      "the archive has two ends, here and at byte \(offset), and programs differ in which they use")
  }

  static var severalParts: CheckpointError {
    CheckpointError(.unsupported, "the archive has several parts")
  }

  static var contradictingEnds: CheckpointError {
    zip("the archive's two ends contradict each other")
  }

  static func directoryOutsideArchive(_ byteCount: Int, start: Int) -> CheckpointError {
    zip("the archive's directory of \(byteCount) bytes at \(start) is outside of the archive")
  }

  static func bytesAfterDirectory(_ count: Int) -> CheckpointError {
    zip("\(count) bytes between the archive's directory and its end")
  }

  static var misplacedWideEnd: CheckpointError {
    zip("the archive's 64-bit end is not where it should be")
  }

  static var wrongWideEndLength: CheckpointError {
    zip("the archive's 64-bit end has a wrong length")
  }

  // MARK: The directory

  static var notADirectoryEntry: CheckpointError {
    zip("not an entry of a zip archive's directory")
  }

  static func wrongRecordCount(_ count: Int, stated: Int) -> CheckpointError {
    zip("the archive's directory has \(count) records, its end states \(stated)")
  }

  static var duplicateRecord: CheckpointError {
    zip("the archive has two records of this name")
  }

  static func namesakes(_ other: String) -> CheckpointError {
    zip("PyTorch does not distinguish this name from \(quoted(other))")
  }

  static var zeroInName: CheckpointError {
    zip("a name with a zero byte, at which some programs end it")
  }

  static var recordLeadsOut: CheckpointError {
    CheckpointError(.outsideFolder, "the name of a record leads out of the archive's folder")
  }

  static var fieldOutsideDirectory: CheckpointError {
    zip("a field of the archive's directory ends outside of the directory")
  }

  static var brokenWideSizes: CheckpointError { zip("the 64-bit sizes of the record are broken") }

  // MARK: Records

  static func overlappingRecords(_ other: String) -> CheckpointError {
    zip("the record overlaps \(quoted(other))")
  }

  static func recordOutsideArchive(_ byteCount: Int) -> CheckpointError {
    zip("the record's \(byteCount) bytes end outside of the archive")
  }

  static var headerOutsideArchive: CheckpointError {
    zip("the record begins outside of the archive")
  }

  static func twoSizes(_ first: Int, _ second: Int) -> CheckpointError {
    zip("the record is stored, with two sizes: \(first) and \(second)")
  }

  static var noRecordHeader: CheckpointError {
    zip("there is no record where the archive's directory states one")
  }

  static var otherRecordName: CheckpointError {
    zip("the record has another name in its own header")
  }

  static var otherCompression: CheckpointError {
    zip("the record's own header states another compression or encryption")
  }

  static func otherByteCount(_ own: Int, listed: Int) -> CheckpointError {
    zip("the record's own header states \(own) bytes, the archive's directory \(listed)")
  }

  static var otherChecksum: CheckpointError {
    zip("the record's own header has another checksum")
  }

  static var encrypted: CheckpointError {
    CheckpointError(.unsupported, "the record is encrypted")
  }

  static func unknownCompression(_ method: Int) -> CheckpointError {
    CheckpointError(.unsupported, "the record is compressed by method \(method), not deflate")
  }

  static func zipBomb(_ byteCount: Int, inflated: Int) -> CheckpointError {
    CheckpointError(
      .tooLarge,
      "\(byteCount) bytes claim to inflate to \(inflated), more than a hundred times as many")
  }

  static func wrongWrittenByteCount(_ count: Int, stated: Int) -> CheckpointError {
    CheckpointError(.tensorMismatch, "\(count) bytes were written, \(stated) were announced")
  }

  // MARK: Tar

  static var tooManyMembers: CheckpointError {
    CheckpointError(.tooLarge, "more members than are examined")
  }

  static var memberWithoutSize: CheckpointError { zip("a member without a size") }

  static func memberTruncated(_ byteCount: Int, left: Int) -> CheckpointError {
    zip("the member has \(byteCount) bytes, \(left) are left")
  }

  static var missingPartCount: CheckpointError {
    zip("does not begin with the number of its parts")
  }

  static var partIsNotATriple: CheckpointError { zip("a part that is not a tuple of three") }

  static var unknownStorageType: CheckpointError { zip("a storage of an unknown type") }

  static var storageTooLarge: CheckpointError {
    CheckpointError(.tooLarge, "a storage that is too large")
  }

  static var tooManyDimensions: CheckpointError {
    CheckpointError(.tooLarge, "a tensor of too many dimensions")
  }

  static var afterBrokenPickle: CheckpointError {
    zip("what follows the broken pickle is unknown")
  }
}
