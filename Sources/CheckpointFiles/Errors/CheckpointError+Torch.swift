// PyTorch files: storages, tensors, and what can be written again.
extension CheckpointError {
  private static func torch(_ reason: String) -> CheckpointError {
    CheckpointError(.malformed, reason)
  }

  // MARK: The file

  static var notTorchPickle: CheckpointError {
    CheckpointError(.unknownFormat, "is a pickle that torch.save did not write")
  }

  static func unknownLegacyVersion(_ version: String) -> CheckpointError {
    CheckpointError(
      .unsupported, "is of version \(version) of the old PyTorch format; 1001 is known")
  }

  static var noDataPickle: CheckpointError {
    CheckpointError(.unknownFormat, "is a zip archive without data.pkl: not a PyTorch file")
  }

  static var torchScript: CheckpointError {
    CheckpointError(
      .unsupported,
      "is a TorchScript program, not a checkpoint; save the state_dict of its module")
  }

  static func missingVersion(_ record: String) -> CheckpointError {
    torch(
      "has no record \(quoted(record)), without which PyTorch does not read an archive")
  }

  static func invalidVersion(_ text: String?) -> CheckpointError {
    torch("the version of the archive is \(text.map { quoted($0) + ", " } ?? "")not a number")
  }

  static func unsupportedVersion(
    _ version: String, readable: ClosedRange<Int>
  ) -> CheckpointError {
    CheckpointError(
      .unsupported,
      "the version of the archive is \(version); PyTorch reads \(readable.lowerBound) to "
        + "\(readable.upperBound)")
  }

  static func invalidByteOrder(_ text: String?) -> CheckpointError {
    torch("is \(text.map { quoted($0) + ", " } ?? "")neither little nor big")
  }

  static func pickleBomb(_ byteCount: Int, inflated: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "\(byteCount) bytes claim to be a pickle of \(inflated)")
  }

  // MARK: Storages

  static var foreignPersistentID: CheckpointError {
    torch("a persistent id that is not PyTorch's")
  }

  static var textPersistentID: CheckpointError {
    torch("a persistent id as text, which PyTorch does not write")
  }

  static var storageWithoutClass: CheckpointError { torch("a storage without a class") }

  static var partOutsideStorage: CheckpointError {
    torch("a storage that is a part of another, outside of that one")
  }

  static var partialStorageInArchive: CheckpointError {
    torch("a storage that is a part of another, which only old files have")
  }

  static func contradictingStorages(
    _ storage: TorchStorageReference, _ other: TorchStorageReference
  ) -> CheckpointError {
    torch(
      "storage \(quoted(storage.key)) is \(other.className) of \(other.count) elements in one "
        + "place and \(storage.className) of \(storage.count) in another")
  }

  static func storageListIsNoList(_ type: String) -> CheckpointError {
    torch("the storage list is not a list (found a \(type))")
  }

  static func unusedStorage(_ key: String) -> CheckpointError {
    torch("the storage list names \(key), which no tensor uses")
  }

  static func unknownStorageClass(_ name: String) -> CheckpointError {
    CheckpointError(
      .unsupported, "the elements of the unknown class \(quoted(name)) cannot be skipped")
  }

  static func wrongElementCount(_ key: String, found: Int, stated: Int) -> CheckpointError {
    torch("storage \(quoted(key)) has \(found) elements, the pickle states \(stated)")
  }

  static func storageTruncated(_ key: String, needed: Int, left: Int) -> CheckpointError {
    torch(
      "the file is truncated: storage \(quoted(key)) needs \(needed) bytes, \(left) are there")
  }

  static func missingStorage(_ key: String) -> CheckpointError {
    torch("the elements of storage \(quoted(key)) are not in the file")
  }

  static var missingRecord: CheckpointError { torch("the record of a storage is missing") }

  static func wrongRecordByteCount(
    _ byteCount: Int, _ storage: TorchStorageReference
  ) -> CheckpointError {
    torch(
      "the record has \(byteCount) bytes, the pickle states \(storage.count) elements of "
        + storage.className)
  }

  // MARK: Tensors

  static func invalidArguments(of function: String) -> CheckpointError {
    torch("\(function) with arguments that do not describe a tensor")
  }

  static func missingDType(in function: String) -> CheckpointError {
    torch("\(function) without a dtype")
  }

  static func invalidBits(in function: String) -> CheckpointError {
    torch("\(function) with metadata that are not names of booleans")
  }

  static func stateIsNoTuple(_ type: String) -> CheckpointError {
    torch("the state of a tensor is a \(type), not a tuple")
  }

  static var impossibleTensorState: CheckpointError {
    torch(
      "a state that a tensor cannot have: neither a storage with its offset, size and strides, nor "
        + "requires_grad")
  }

  static var fixedStorage: CheckpointError {
    torch("the storage of a tensor that requires a gradient or is conjugate cannot be replaced")
  }

  static func wrongStorageClass(_ dtype: DType?, _ name: String) -> CheckpointError {
    torch("a tensor of \(dtype?.name ?? "an unknown dtype") is placed in a \(name)")
  }

  static func contradictingDType(_ dtype: DType, _ name: String) -> CheckpointError {
    torch("the tensor is \(dtype), its storage \(name)")
  }

  static var joinedKeys: CheckpointError {
    torch("two tensors have the same key once containers are joined by dots")
  }

  // MARK: Writing

  private static func unwritable(_ reason: String, advice: Advice? = nil) -> CheckpointError {
    CheckpointError(.unsupported, advice: advice, reason)
  }

  static func classNotWritten(_ path: String) -> CheckpointError {
    unwritable("the class \(quoted(path)) cannot be written")
  }

  static func containsItself(_ type: String) -> CheckpointError {
    unwritable("a \(type) that contains itself cannot be written")
  }

  static var noStorage: CheckpointError { unwritable("the tensor has no storage") }

  static func noTorchDType(_ dtype: DType) -> CheckpointError {
    unwritable("PyTorch has no \(dtype); write a safetensors file")
  }

  static func unwritableAttributes(_ type: String) -> CheckpointError {
    unwritable(
      "the attributes of the tensor are a \(type), which cannot be written",
      advice: .leaveOutForeign)
  }

  static func unwritableValue(_ what: String) -> CheckpointError {
    unwritable(
      "holds \(what), which cannot be written for torch.load(weights_only=True)",
      advice: .leaveOutForeign)
  }

  static var rootIsNoDictionary: CheckpointError {
    unwritable("the file's outermost value is not a dictionary, so no tensor can be added")
  }

  static var nameIsTaken: CheckpointError {
    unwritable("the file has a value of this name, which a tensor would replace")
  }
}
