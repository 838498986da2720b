// Files, folders and the operating system.
extension CheckpointError {
  /// What the operating system was asked for.
  enum SystemAction: String {
    case open, inspect, read, map, create, write, replace, remove, list
    case createTemporary = "create a temporary file"
    case createFolder = "create the folder"
    case flush = "flush to the disk"

    fileprivate var isWriting: Bool {
      switch self {
      case .open, .inspect, .read, .map, .list: false
      default: true
      }
    }
  }

  static func system(
    _ action: SystemAction, _ reason: String, isMissing: Bool
  ) -> CheckpointError {
    let kind: Kind = isMissing ? .notFound : action.isWriting ? .cannotWrite : .cannotRead
    return CheckpointError(kind, "cannot \(action.rawValue): \(reason)")
  }

  static var zlibUnavailable: CheckpointError { CheckpointError(.cannotRead, "zlib cannot start") }

  static func cannotKeep(_ byteCount: Int, errorNumber: Int32) -> CheckpointError {
    CheckpointError(
      .cannotWrite, "cannot keep \(byteCount) bytes in a temporary file: error \(errorNumber)")
  }

  // MARK: What is at a path

  static var noSuchFile: CheckpointError { CheckpointError(.notFound, "no such file or folder") }

  /// There is no file at a path that a caller needs.
  package static func missingFile(_ path: String) -> CheckpointError {
    CheckpointError(.notFound, path: path, "cannot open: No such file or directory")
  }

  static func missingFolder(_ folder: String) -> CheckpointError {
    CheckpointError(.notFound, "the folder \(quoted(folder)) does not exist")
  }

  static var emptyName: CheckpointError {
    CheckpointError(.invalidArgument, "the name of a file is empty")
  }

  static var namesAFolder: CheckpointError {
    CheckpointError(.invalidArgument, "is the name of a folder, not of a file")
  }

  static func notAFile(isFolder: Bool) -> CheckpointError {
    CheckpointError(
      .invalidArgument, isFolder ? "is a folder, not a file" : "is not a regular file")
  }

  static func notAnInput(isFolder: Bool) -> CheckpointError {
    isFolder
      ? notAFile(isFolder: true)
      : CheckpointError(
        .invalidArgument,
        "is not a regular file, and a pipe cannot be read in any order; save its output to a file first"
      )
  }

  static var notAFolder: CheckpointError {
    CheckpointError(.invalidArgument, "is a file, not a folder")
  }

  static var neitherFileNorFolder: CheckpointError {
    CheckpointError(.unknownFormat, "is neither a file nor a folder")
  }

  static var danglingLink: CheckpointError {
    CheckpointError(.notFound, "is a link to a file that does not exist")
  }

  static func tooManyFiles(_ limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "has more than \(limit) files; not all of them are examined")
  }

  // MARK: What is in a file

  static func fileTooLarge(_ byteCount: Int, limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "has \(byteCount) bytes, more than the limit of \(limit)")
  }

  static func fileEndsEarly(needed: Int, found: Int) -> CheckpointError {
    CheckpointError(
      .malformed, "the file ends early: \(needed) bytes are needed, \(found) are there")
  }

  static var rangeOutsideFile: CheckpointError {
    CheckpointError(.malformed, "the file ends before these bytes")
  }

  static func fileShrank(from before: Int, to now: Int) -> CheckpointError {
    CheckpointError(.changed, "the file shrank from \(before) to \(now) bytes since it was opened")
  }

  static func bytesMissing(needed: Int, left: Int) -> CheckpointError {
    CheckpointError(.malformed, "\(needed) bytes are needed here, \(left) are left")
  }

  static func noSuchByte(_ offset: Int) -> CheckpointError {
    CheckpointError(.malformed, "there is no byte \(offset)")
  }

  static func numberTooLarge(_ value: UInt64) -> CheckpointError {
    CheckpointError(.malformed, "the number \(value) is too large for a length or offset")
  }

  static var unterminatedLine: CheckpointError {
    CheckpointError(.malformed, "a line has no end")
  }

  static func lineTooLong(limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "a line has more than \(limit) bytes")
  }

  // MARK: Replacing

  static var isInput: CheckpointError {
    CheckpointError(
      .wouldReplace, advice: .replaceInput, "is one of the files being read; write somewhere else")
  }

  static var cacheBlob: CheckpointError {
    CheckpointError(
      .wouldReplace, advice: .writeElsewhere,
      "is a link to a blob of the Hugging Face cache, which stays as it is")
  }

  static var folderInUse: CheckpointError {
    CheckpointError(
      .inUse, "another process of espalier is writing to this folder; wait until it has ended")
  }

  static var beingReplaced: CheckpointError {
    CheckpointError(
      .inUse, "another process of espalier is replacing this file; run the command again afterwards"
    )
  }

  static var replacedMeanwhile: CheckpointError {
    CheckpointError(
      .changed,
      "another program replaced this file after it was read; nothing was written, so run the command again"
    )
  }

  static func remainingFile(_ cause: CheckpointError) -> CheckpointError {
    CheckpointError(
      .cannotWrite, underlying: cause,
      "this file of the old checkpoint remains: \(cause.reason)")
  }

  static func unfinished(_ cause: CheckpointError, folder: String) -> CheckpointError {
    CheckpointError(
      .unfinishedChange, path: cause.path, advice: .finishChange(folder: folder),
      underlying: cause, "\(cause.reason); the change of this model is not complete")
  }

  static func interruptedChange(folder: String) -> CheckpointError {
    CheckpointError(
      .unfinishedChange, advice: .finishChange(folder: folder),
      "a change of this model was interrupted before all of its files were in place")
  }

  static var notAJournal: CheckpointError {
    CheckpointError(.malformed, "is not the journal of a change")
  }

  static var journalLeadsOut: CheckpointError {
    CheckpointError(.outsideFolder, "names a file that is not in its folder")
  }

  // MARK: The Hugging Face cache

  static func invalidToken(_ place: String) -> CheckpointError {
    CheckpointError(.invalidArgument, "the token in \(place) has characters that no token has")
  }

  static var notAModelName: CheckpointError {
    CheckpointError(.invalidArgument, "expected hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
  }

  static var notASnapshotHash: CheckpointError {
    CheckpointError(.malformed, "expected the hash of a snapshot")
  }

  static func notInCache(_ root: String, mayBePath: Bool) -> CheckpointError {
    CheckpointError(
      .notFound,
      (mayBePath ? "no such file or folder, and " : "") + "not in the Hugging Face cache (\(root))")
  }

  static func noSnapshot(_ commit: String, of revision: String, root: String) -> CheckpointError {
    CheckpointError(
      .notFound,
      "the Hugging Face cache (\(root)) has no files of \(revision), which is \(commit.scalars(upTo: 12))"
    )
  }
}
