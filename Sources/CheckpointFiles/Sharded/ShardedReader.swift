internal import OrderedCollections

/// Opens several files under one index as one checkpoint. The index is the authority: files that it
/// does not name are not looked at.
enum ShardedReader {
  static func open(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    let index = try ShardIndex(file)
    let folder = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
    var shards: OrderedDictionary<String, Checkpoint> = [:]
    for name in index.files.values where shards[name] == nil {
      let shard = try InputFile(path: folder + name, shardName: name)
      shards[name] = try Checkpoint.open(part: shard)
    }
    var checkpoint = Checkpoint(path: file.path, format: .sharded)
    checkpoint.inputs = [file]
    checkpoint.tensors.reserveCapacity(index.files.count)
    checkpoint.shards.reserveCapacity(index.files.count)
    var unreadable: Set<Key> = []
    for shard in shards.values { unreadable.formUnion(shard.unsupported.map(\.key)) }
    for (key, name) in index.files {
      if let tensor = shards[name]?.tensors[key] {
        checkpoint.tensors[key] = tensor
        checkpoint.shards[key] = name
      } else if !unreadable.contains(key) {
        throw CheckpointError(
          path: file.path, key: key,
          "the index says that \(quoted(name)) holds it, which it does not"
        )
      }
    }
    for (name, shard) in shards {
      if checkpoint.metadata.isEmpty { checkpoint.metadata = shard.metadata }
      checkpoint.inputs += shard.inputs
      checkpoint.structures += shard.structures
      checkpoint.unsupported += shard.unsupported
      for key in shard.keys {
        guard let named = index.files[key] else {
          checkpoint.unsupported.append(
            .init(key: key, reason: "is in \(quoted(name)), and the index does not name it"))
          continue
        }
        if named != name {
          checkpoint.unsupported.append(
            .init(
              key: key,
              reason: "is in \(quoted(name)) too; the index names \(quoted(named)), which is read"))
        }
      }
    }
    return checkpoint
  }
}
