internal import OrderedCollections

/// Adds the tensors of a safetensors file to a checkpoint.
enum SafetensorsReader {
  /// The checkpoint in one file.
  static func open(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    var checkpoint = Checkpoint(path: file.path, format: .safetensors)
    let header = try add(file, to: &checkpoint.tensors)
    checkpoint.metadata = header.metadata
    checkpoint.inputs = [file]
    return checkpoint
  }

  /// Appends the tensors of `file`, in the order of its header.
  ///
  /// - Throws: `CheckpointError` when the file is not sound, or holds a key that is there already.
  @discardableResult
  static func add(
    _ file: InputFile, to tensors: inout OrderedDictionary<Key, Tensor>
  ) throws(CheckpointError) -> SafetensorsHeader {
    let (header, dataOffset) = try SafetensorsHeader.read(file)
    tensors.reserveCapacity(tensors.count + header.entries.count)
    for entry in header.entries {
      let tensor = Tensor(
        dtype: entry.dtype, shape: entry.shape,
        storage: TensorStorage(
          file: file, offset: dataOffset + entry.range.lowerBound, byteCount: entry.range.count))
      if let other = tensors.updateValue(tensor, forKey: entry.key) {
        // The reference silently takes the last of two; which one was meant, nobody can tell.
        throw CheckpointError(
          path: file.path, key: entry.key,
          other.storage.file === file
            ? "the key stands twice in the header"
            : "the key is also in \(quoted(other.storage.file?.shardName ?? "another shard"))")
      }
    }
    return header
  }
}
