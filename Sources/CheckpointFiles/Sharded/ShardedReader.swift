internal import OrderedCollections

/// Opens several files under one index as one checkpoint. The index is the authority: files that it
/// does not name are not opened.
struct ShardedReader {
  private let index: ShardIndex
  private var checkpoint: Checkpoint
  /// Whether the tensor at a place of the checkpoint was found in its file.
  private var isFound: [Bool]
  /// The tensors that a file holds and that cannot be read.
  private var unreadable: Set<Key> = []
  /// For places whose tensor a file holds that the index does not name for it, that file.
  private var strays: [Int: Int] = [:]
  /// The place after the last that was found.
  private var next = 0

  /// The checkpoint under the index in `file`.
  static func open(
    _ file: InputFile, _ source: ShardHeaders.Source
  ) throws(CheckpointError) -> Checkpoint {
    let shards = ShardHeaders(index: file)
    var reader = try ShardedReader(file, shards, source)
    try reader.place(shards.finished())
    return try reader.finished(file)
  }

  /// Reserves a place for every key, so that the order is that of the index. The files' headers are
  /// read meanwhile.
  private init(
    _ file: InputFile, _ shards: ShardHeaders, _ source: ShardHeaders.Source
  ) throws(CheckpointError) {
    index = try ShardIndex(file) { (place, name, keys) throws(CheckpointError) in
      try shards.begin(place, name, expecting: keys, from: source)
    }
    checkpoint = Checkpoint(path: file.path, format: .sharded)
    checkpoint.inputs = [file]
    checkpoint.statedByteCount = index.totalSize
    // Room for twice as many: in a hash table that is two thirds full, every new key is compared with
    // several others. Memory that is not used costs nothing.
    checkpoint.tensors.reserveCapacity(2 * index.entries.count)
    isFound = [Bool](repeating: false, count: index.entries.count)
    let nothing = Tensor(dtype: .uint8, shape: [0], storage: TensorStorage([]))
    for entry in index.entries {
      guard checkpoint.tensors.updateValue(nothing, forKey: entry.key) == nil else {
        throw .duplicateIndexKey.located(path: file.path, key: entry.key)
      }
    }
  }

  private mutating func place(_ shards: [ShardHeaders.Shard]) throws(CheckpointError) {
    for (place, shard) in shards.enumerated() {
      checkpoint.inputs.append(shard.file)
      switch shard.contents {
      case .pickled(let part):
        checkpoint.structures += part.structures
        checkpoint.unsupported += part.unsupported
        unreadable.formUnion(part.unsupported.lazy.map(\.key))
        for (key, tensor) in part.tensors { try set(tensor, key, place) }
      case .safetensors(let header, let dataOffset):
        if checkpoint.metadata.isEmpty { checkpoint.metadata = header.metadata }
        for entry in header.entries {
          try set(SafetensorsReader.tensor(entry, shard.file, dataOffset), entry.key, place)
        }
      }
    }
  }

  /// Puts a tensor that was found in file `file` at its place.
  private mutating func set(
    _ tensor: Tensor, _ key: Key, _ file: Int
  ) throws(CheckpointError) {
    let name = index.files[file]
    guard let place = place(of: key, file) else {
      checkpoint.unsupported.append(
        .init(key: key, reason: "is in \(quoted(name)), and the index does not name it"))
      return
    }
    let named = index.entries[place].file
    guard named == file else {
      strays[place] = file
      checkpoint.unsupported.append(
        .init(
          key: key,
          reason: "is in \(quoted(name)) too; the index names "
            + "\(quoted(index.files[named])), which is read"))
      return
    }
    guard !isFound[place] else {
      throw .duplicateKey.located(path: tensor.storage.file?.path ?? name, key: key)
    }
    isFound[place] = true
    next = place + 1
    checkpoint.tensors.values[place] = tensor
  }

  /// The place of `key` in the index. Files mostly have their keys in the order of the index, which
  /// saves looking them up.
  private func place(of key: Key, _ file: Int) -> Int? {
    if next < index.entries.count, index.entries[next].file == file,
      index.entries[next].key == key
    {
      return next
    }
    return checkpoint.tensors.index(forKey: key)
  }

  /// The checkpoint, when every tensor was found or is known to be unreadable.
  private consuming func finished(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    guard isFound.contains(false) else { return checkpoint }
    for (place, entry) in index.entries.enumerated() where !isFound[place] {
      guard unreadable.contains(entry.key) else {
        throw .notInItsShard(index.files[entry.file], actual: strays[place].map { index.files[$0] })
          .located(path: file.path, key: entry.key)
      }
      checkpoint.tensors[entry.key] = nil
    }
    return checkpoint
  }
}
