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
  /// - Throws: `CheckpointError` when the file is not sound, or has a key twice.
  private static func add(
    _ file: InputFile, to tensors: inout OrderedDictionary<Key, Tensor>
  ) throws(CheckpointError) -> SafetensorsHeader {
    let (header, dataOffset) = try SafetensorsHeader.read(file)
    tensors.reserveCapacity(header.entries.count)
    for entry in header.entries {
      let tensor = tensor(entry, file, dataOffset)
      guard tensors.updateValue(tensor, forKey: entry.key) == nil else {
        // The reference silently takes the last of two; which one was meant is unknown.
        throw .duplicateKey.located(path: file.path, key: entry.key)
      }
    }
    return header
  }

  /// A tensor of the file whose data section begins at `dataOffset`.
  static func tensor(
    _ entry: SafetensorsHeader.Entry, _ file: InputFile, _ dataOffset: Int
  ) -> Tensor {
    Tensor(
      dtype: entry.dtype, shape: entry.shape,
      storage: TensorStorage(
        file: file, offset: dataOffset + entry.range.lowerBound, byteCount: entry.range.count))
  }
}
