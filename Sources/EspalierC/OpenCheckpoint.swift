internal import CEspalier
internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery
internal import Synchronization

/// A checkpoint that C holds a handle of.
final class OpenCheckpoint: Sendable {
  let checkpoint: Checkpoint
  /// Whether the caller described the tensors, which have no elements then.
  let isDescribed: Bool

  /// What is created at the first use.
  private struct Made {
    var tree: ParameterTree?
    var table: Table?
  }

  private let made = Mutex(Made())

  init(_ checkpoint: Checkpoint, isDescribed: Bool = false) {
    self.checkpoint = checkpoint
    self.isDescribed = isDescribed
  }

  var tree: ParameterTree {
    made.withLock { made in
      if let tree = made.tree { return tree }
      let tree = ParameterTree(checkpoint)
      made.tree = tree
      return tree
    }
  }

  var table: Table {
    made.withLock { made in
      if let table = made.table { return table }
      let table = Table(checkpoint, isDescribed: isDescribed)
      made.table = table
      return table
    }
  }

  /// The tensor at `index`, which has elements.
  func tensor(at index: Int) throws(Misuse) -> (key: String, tensor: Tensor) {
    guard index >= 0, index < checkpoint.tensors.count else {
      throw .index(index, of: checkpoint.tensors.count)
    }
    let (key, tensor) = checkpoint.tensors.elements[index]
    if isDescribed { throw .noElements(key.string) }
    return (key.string, tensor)
  }
}

/// What a checkpoint lists, as C reads it.
@safe final class Table: Sendable {
  private let arena = Arena()
  let info: Shared<espalier_checkpoint_info>
  let tensors: ArenaArray<espalier_tensor>
  let metadata: ArenaArray<espalier_pair>
  let unsupported: ArenaArray<espalier_pair>

  init(_ checkpoint: Checkpoint, isDescribed: Bool) {
    let arena = arena
    // Names that repeat are kept once.
    var known: [Key: espalier_text] = unsafe [:]
    func shared(_ text: String) -> espalier_text {
      if let text = unsafe known[Key(text)] { return unsafe text }
      let made = unsafe arena.text(text)
      unsafe known[Key(text)] = unsafe made
      return unsafe made
    }
    var tied = [Int64](repeating: -1, count: checkpoint.tensors.count)
    for group in Tensor.tiedGroups(checkpoint.tensors.values) {
      for index in group.dropFirst() { tied[index] = Int64(group[0]) }
    }
    var rows: [espalier_tensor] = unsafe []
    unsafe rows.reserveCapacity(checkpoint.tensors.count)
    for (index, (key, tensor)) in checkpoint.tensors.enumerated() {
      let strides = tensor.strides
      unsafe rows.append(
        espalier_tensor(
          key: arena.text(key.string), dtype: shared(tensor.dtype.name),
          file: shared(tensor.storage.file?.path ?? ""),
          shape: arena.array(tensor.shape.dimensions.map(Int64.init)),
          strides: arena.array(strides.map(Int64.init)), rank: tensor.shape.rank,
          element_count: UInt64(tensor.shape.count), byte_count: UInt64(tensor.byteCount),
          offset: UInt64(tensor.byteOffset), bit_width: Int32(tensor.dtype.bitWidth),
          is_contiguous: tensor.isContiguous ? 1 : 0, tied_to: tied[index]))
    }
    unsafe tensors = ArenaArray(rows, in: arena)
    unsafe metadata = ArenaArray(
      checkpoint.metadata.map {
        unsafe espalier_pair(name: arena.text($0.key.string), value: arena.text($0.value))
      },
      in: arena)
    unsafe unsupported = ArenaArray(
      checkpoint.unsupported.map {
        unsafe espalier_pair(name: arena.text($0.key.string), value: arena.text($0.reason))
      }, in: arena)
    unsafe info = Shared(
      espalier_checkpoint_info(
        path: arena.text(isDescribed ? "" : checkpoint.path),
        format: arena.text(isDescribed ? "" : checkpoint.format.rawValue),
        tensor_count: rows.count, metadata_count: checkpoint.metadata.count,
        unsupported_count: checkpoint.unsupported.count), in: arena)
  }
}
