internal import CheckpointFiles
internal import OrderedCollections

// Checkpoints that are parts of something.
extension CheckpointLint {
  /// The name of one of several files: `model-00001-of-00002.safetensors`.
  struct ShardName: Hashable {
    let stem: String
    let number: Int
    let total: Int
    let ending: String

    init?(_ name: String) {
      guard let range = name.firstRange(of: "-of-") else { return nil }
      let front = name[..<range.lowerBound]
      let back = name[range.upperBound...]
      let totalDigits = back.prefix { $0.isASCII && $0.isNumber }
      guard let dash = front.lastIndex(of: "-"),
        let number = Int(front[front.index(after: dash)...]),
        let total = Int(totalDigits), (1...100_000).contains(total), number >= 0, number <= total
      else { return nil }
      stem = String(front[..<dash])
      self.number = number
      self.total = total
      ending = String(back.dropFirst(totalDigits.count))
    }

    func isPart(of other: ShardName) -> Bool {
      stem == other.stem && total == other.total && ending == other.ending
    }
  }

  /// The shard that the checkpoint is alone; `nil` for a whole checkpoint.
  func loneShard(_ checkpoint: Checkpoint) -> ShardName? {
    guard checkpoint.format != .sharded else { return nil }
    if !WholeFile.isFolder(path) {
      return ShardName(Path.name(of: path)).flatMap { $0.total > 1 ? $0 : nil }
    }
    let names = (try? WholeFile.names(inFolder: path)) ?? []
    if names.contains("model.safetensors") || names.contains("pytorch_model.bin") { return nil }
    let shards = names.compactMap { ShardName($0) }.filter {
      $0.total > 1 && [".safetensors", ".bin", ".pt"].contains($0.ending)
    }
    return shards.count == 1 ? shards.first : nil
  }

  /// Shards that are missing beside this one, or that the index does not name.
  mutating func checkShards(_ checkpoint: Checkpoint, _ shard: ShardName?) {
    let folder = WholeFile.isFolder(path) ? path : Path.parent(of: path)
    let names = (try? WholeFile.names(inFolder: folder.isEmpty ? "." : folder)) ?? []
    if let shard {
      let there = Set(names.compactMap { ShardName($0) }.filter(shard.isPart).map(\.number))
      let missing = shard.total - there.count
      guard missing > 0 else { return }
      add(
        .missingShard, nil,
        "is one of \(shard.total) shards, and \(missing == 1 ? "one of them is" : "\(missing) of them are") not beside it"
      )
      return
    }
    guard checkpoint.format == .sharded else { return }
    let used = Set(checkpoint.tensors.values.compactMap(\.shardName))
    let shards = used.compactMap { ShardName($0) }
    guard let first = shards.first, shards.allSatisfy(first.isPart), shards.count < first.total
    else {
      return
    }
    let beside = names.filter { name in
      !used.contains(name) && ShardName(name).map(first.isPart) == true
    }.sorted()
    let text = "the index names \(shards.count) of \(first.total) shards"
    add(
      .missingShard, nil,
      beside.isEmpty
        ? text : text + ", and not \(listed(beside.prefix(3).map { quoted($0) })) beside them")
  }

  /// Whether the checkpoint holds additions to a model alone: a LoRA, an IA3, or the like.
  static func isAdapter(_ checkpoint: Checkpoint) -> Bool {
    let words = ["lora_", "ia3_", "hada_", "lokr_", "oft_", "vera_", "boft_", "trainable_tokens_"]
    let count = checkpoint.tensors.keys.count { key in
      key.components.contains { part in words.contains(where: part.hasPrefix) }
    }
    return count * 2 > checkpoint.tensors.count
  }

  /// Parameters without elements, which ZeRO-3 leaves in the place of what other processes hold.
  mutating func checkEmptyWeights(_ checkpoint: Checkpoint) -> Bool {
    let empty = checkpoint.tensors.filter { key, tensor in
      tensor.shape.dimensions == [0] && tensor.dtype.isFloatingPoint
        && (key.components.last == "weight" || key.components.last == "bias")
    }
    guard empty.count >= 2, let first = empty.keys.first else { return false }
    add(
      .emptyWeights, first,
      "the weights are empty: \(empty.count) of \(checkpoint.tensors.count) tensors have no elements, as ZeRO-3 leaves "
        + "them when a model is saved without gathering its parameters")
    return true
  }
}
