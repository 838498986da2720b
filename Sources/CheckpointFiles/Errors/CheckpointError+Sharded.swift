// Formats, folders, indices of shards, and checkpoints that are written.
extension CheckpointError {
  // MARK: Formats

  static var unknownFormat: CheckpointError {
    CheckpointError(.unknownFormat, "neither a safetensors nor a PyTorch file")
  }

  static func unknownBeginning(_ text: String) -> CheckpointError {
    CheckpointError(
      .unknownFormat, "begins with \(quoted(text)): neither a safetensors nor a PyTorch file")
  }

  static var isPointer: CheckpointError {
    CheckpointError(
      .unknownFormat,
      "is a Git LFS pointer: the checkpoint itself was not downloaded (git lfs pull)")
  }

  static func otherFormat(_ name: String) -> CheckpointError {
    CheckpointError(
      .unknownFormat, "is \(name); safetensors and PyTorch files are read")
  }

  static var isTar: CheckpointError {
    CheckpointError(
      .unknownFormat,
      "is a tar archive; PyTorch's format of before 2017 is not read: load and save it with torch")
  }

  static var isCompressed: CheckpointError {
    CheckpointError(.unknownFormat, "is compressed by gzip; unpack it first")
  }

  static var isPage: CheckpointError {
    CheckpointError(.unknownFormat, "is a web page, not a checkpoint: the download failed")
  }

  static var isArray: CheckpointError { CheckpointError(.unknownFormat, "is a numpy array") }

  // MARK: Folders

  static var noCheckpoint: CheckpointError {
    CheckpointError(.notFound, "no checkpoint in this folder")
  }

  static func noCheckpoint(danglingLink name: String) -> CheckpointError {
    CheckpointError(
      .notFound,
      "no checkpoint in this folder: \(quoted(name)) is a link to a file that does not exist")
  }

  static func noCheckpoint(lookedFor names: [String]) -> CheckpointError {
    CheckpointError(
      .notFound, "no checkpoint in this folder: looked for \(names.joined(separator: ", "))")
  }

  static func severalCheckpoints(_ names: [String], ending: String) -> CheckpointError {
    CheckpointError(
      .invalidArgument,
      "has \(names.count) files that end with \(ending), \(quoted(names[0])) and "
        + "\(quoted(names[1])) among them, and no index; name one")
  }

  static var deltaAlone: CheckpointError {
    CheckpointError(
      .unsupported, advice: .nameBase, "holds a delta and no complete checkpoint")
  }

  // MARK: Indices

  static func indexTooLarge(byteCount: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "an index of \(byteCount) bytes is too large")
  }

  static func indexTooLarge(tensorLimit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "the index names more than \(tensorLimit) tensors")
  }

  static var noWeightMap: CheckpointError {
    CheckpointError(
      .unknownFormat, "is JSON without weight_map: neither a checkpoint nor the index of one")
  }

  static var mapsToNoFile: CheckpointError {
    CheckpointError(.malformed, "weight_map does not name a file")
  }

  static func shardOutsideFolder(_ name: String) -> CheckpointError {
    CheckpointError(
      .outsideFolder, "weight_map names \(quoted(name)), which is not a file below the index")
  }

  static func missingShard(_ name: String) -> CheckpointError {
    CheckpointError(.missingPart, "names \(quoted(name)), which does not exist")
  }

  /// The error that a file is missing, for one that an index names.
  var asMissingPart: CheckpointError {
    CheckpointError(.missingPart, path: path, key: key, underlying: self, reason)
  }

  static func oneFileTwice(_ name: String, _ other: String) -> CheckpointError {
    CheckpointError(
      .malformed, "weight_map names one file twice: \(quoted(name)) and \(quoted(other))")
  }

  static var duplicateIndexKey: CheckpointError {
    CheckpointError(.malformed, "the key is duplicated in the index")
  }

  static func notInItsShard(_ name: String, actual: String?) -> CheckpointError {
    CheckpointError(
      .malformed,
      "the index says that \(quoted(name)) holds it, but it does not"
        + (actual.map { "; it is in \(quoted($0))" } ?? ""))
  }

  // MARK: Writing

  static var notAFileFormat: CheckpointError {
    CheckpointError(
      .invalidArgument,
      "a file is written as safetensors or torch-zip; shards are chosen by their size")
  }

  static func tooManyShards(_ count: Int) -> CheckpointError {
    CheckpointError(.invalidArgument, "\(count) files, by the size of shards, are too many")
  }

  static func besideAdapter(_ name: String) -> CheckpointError {
    CheckpointError(
      .wouldReplace,
      "would be read together with the adapter of \(name) in the same folder; write to another folder"
    )
  }

  static func hiddenBy(_ name: String) -> CheckpointError {
    CheckpointError(
      .wouldReplace, advice: .replaceOlder,
      "\(quoted(name)) exists already and would be read in place of this; remove it or write to "
        + "another folder")
  }

  static func foreignClasses(_ names: [String]) -> CheckpointError {
    let list = names.prefix(5).map(quoted).joined(separator: ", ")
    return CheckpointError(
      .foreignCode, advice: .leaveOutForeign,
      "holds values of unknown classes: \(list)\(names.count > 5 ? ", …" : "")")
  }

  static func unreadableTensor(_ reason: String) -> CheckpointError {
    CheckpointError(
      .unsupported, advice: .leaveOutForeign, "holds a tensor that cannot be read, \(reason)")
  }

  static func quantized(_ tensor: QuantizedTensor?) -> CheckpointError {
    CheckpointError(.tensorMismatch, tensor?.refusal ?? "says how other tensors are stored")
  }
}
