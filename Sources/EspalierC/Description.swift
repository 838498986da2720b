internal import CEspalier
internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// Checkpoints without elements, from a list of the caller.
enum Description {
  static func checkpoint(
    of descriptions: UnsafePointer<espalier_description>?, _ count: Int
  ) throws(Misuse) -> Checkpoint {
    guard count >= 0 else { throw .argument("the number of tensors is too large") }
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    if count == 0 { return Checkpoint(tensors: tensors) }
    guard let descriptions = unsafe descriptions else { throw .null }
    // Of tied tensors the first has the storage of all.
    var owners: [Int] = []
    var infos: [TensorInfo] = []
    var byteCounts: [Int] = []
    for index in 0..<count {
      let description = unsafe descriptions[index]
      let key = try unsafe text(description.key, size: description.key_size, "a key")
      let info = try unsafe info(description, key)
      guard let byteCount = Tensor.byteCount(info.dtype, info.shape) else {
        throw .argument("the elements are not a whole number of bytes, or too many", key: key)
      }
      let tie = unsafe description.tied_to
      guard tie >= -1, tie < index else {
        throw .argument("tied_to is \(tie), which is not the index of an earlier tensor", key: key)
      }
      let owner = tie < 0 ? index : owners[Int(tie)]
      owners.append(owner)
      infos.append(info)
      byteCounts.append(byteCount)
      byteCounts[owner] = max(byteCounts[owner], byteCount)
    }
    var storages: [Int: TensorStorage] = [:]
    for (index, info) in infos.enumerated() {
      let owner = owners[index]
      let storage =
        storages[owner]
        ?? TensorStorage(byteCount: byteCounts[owner]) { () throws(CheckpointError) in
          throw CheckpointError(
            .invalidArgument, "the checkpoint is a description and has no elements")
        }
      storages[owner] = storage
      let tensor = Tensor(dtype: info.dtype, shape: info.shape, storage: storage)
      guard tensors.updateValue(tensor, forKey: info.key) == nil else {
        throw .argument("the key is duplicated", key: info.key.string)
      }
    }
    return Checkpoint(tensors: tensors)
  }

  private static func info(
    _ description: espalier_description, _ key: String
  ) throws(Misuse) -> TensorInfo {
    let name = try unsafe text(description.dtype, "a dtype")
    guard let dtype = DType(rawValue: name) else {
      throw .argument("\(quoted(name)) is not a dtype", key: key)
    }
    let rank = unsafe description.rank
    guard rank >= 0, rank <= 1 << 16 else { throw .argument("the rank is too large", key: key) }
    var dimensions: [Int] = []
    if rank > 0 {
      guard let shape = unsafe description.shape else { throw .null }
      for index in 0..<rank { dimensions.append(Int(unsafe shape[index])) }
    }
    guard let shape = Shape(dimensions) else {
      throw .argument("an extent is negative, or there are too many elements", key: key)
    }
    return TensorInfo(key: Key(key), dtype: dtype, shape: shape)
  }
}

extension OpenCheckpoint {
  /// Throws when the tensors have no elements.
  func checkElements() throws(Misuse) {
    if isDescribed { throw .noElements(checkpoint.keys.first?.string ?? "") }
  }
}

/// The version as C reads it.
@safe enum Version {
  private static let arena = Arena()
  private static let text = unsafe Shared(arena.text(espalierVersion), in: arena)

  static var pointer: UnsafePointer<CChar> { unsafe text.value.data }
}
