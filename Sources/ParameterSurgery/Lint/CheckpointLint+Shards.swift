internal import CheckpointFiles
internal import OrderedCollections

// Checkpoints that are parts of larger ones.
extension CheckpointLint {
  /// The name of one of several files: `model-00001-of-00002.safetensors`.
  struct ShardName: Hashable {
    let stem: Key
    let number: Int
    let total: Int
    let ending: Key

    init?(_ name: String) {
      let bytes = name.utf8
      guard let range = bytes.firstRange(of: "-of-".utf8) else { return nil }
      let front = bytes[..<range.lowerBound]
      let back = bytes[range.upperBound...]
      let digits = back.prefix { (48...57).contains($0) }
      guard let dash = front.lastIndex(of: UInt8(ascii: "-")),
        let number = Int(Substring(front[front.index(after: dash)...])),
        let total = Int(Substring(digits)), (1...100_000).contains(total), number >= 0,
        number <= total
      else { return nil }
      stem = Key(String(Substring(front[..<dash])))
      self.number = number
      self.total = total
      ending = Key(String(Substring(back[digits.endIndex...])))
    }

    func isPart(of other: ShardName) -> Bool {
      stem == other.stem && total == other.total && ending == other.ending
    }
  }

  /// The name of the shard, when the checkpoint is a single shard; `nil` for a whole checkpoint.
  func loneShard(_ checkpoint: Checkpoint) -> ShardName? {
    guard checkpoint.format != .sharded else { return nil }
    if !WholeFile.isFolder(path) {
      return ShardName(Path.name(of: path)).flatMap { $0.total > 1 ? $0 : nil }
    }
    let names = (try? WholeFile.names(inFolder: path)) ?? []
    let whole: Set<Key> = ["model.safetensors", "pytorch_model.bin"]
    if names.contains(where: { whole.contains(Key($0)) }) { return nil }
    let shards = names.compactMap { ShardName($0) }.filter {
      $0.total > 1 && [".safetensors", ".bin", ".pt"].contains($0.ending)
    }
    return shards.count == 1 ? shards.first : nil
  }

  /// Finds shards that the folder does not have, or that the index does not name.
  mutating func checkShards(_ checkpoint: Checkpoint, _ shard: ShardName?) {
    let folder = WholeFile.isFolder(path) ? path : Path.parent(of: path)
    let names = (try? WholeFile.names(inFolder: folder.isEmpty ? "." : folder)) ?? []
    if let shard {
      let there = Set(names.compactMap { ShardName($0) }.filter(shard.isPart).map(\.number))
      let missing = shard.total - there.count
      guard missing > 0 else { return }
      add(
        .missingShard, nil,
        "is one of \(shard.total) shards, and \(missing == 1 ? "one of them is" : "\(missing) of them are") not in its folder"
      )
      return
    }
    guard checkpoint.format == .sharded else { return }
    let used = Set(checkpoint.tensors.values.lazy.compactMap(\.shardName).map { Key($0) })
    let shards = used.compactMap { ShardName($0.string) }
    guard let first = shards.first, shards.allSatisfy(first.isPart), shards.count < first.total
    else {
      return
    }
    let beside = names.filter { name in
      !used.contains(Key(name)) && ShardName(name).map(first.isPart) == true
    }.sorted()
    let text = "the index names \(shards.count) of \(first.total) shards"
    add(
      .missingShard, nil,
      beside.isEmpty
        ? text
        : text + ", but not \(listed(beside.prefix(3).map { quoted($0) })) in the same folder")
  }

  /// Whether the checkpoint holds only additions to a model: a LoRA, an IA3, or similar.
  static func isAdapter(_ checkpoint: Checkpoint) -> Bool {
    let words = ["lora_", "ia3_", "hada_", "lokr_", "oft_", "vera_", "boft_", "trainable_tokens_"]
    let count = checkpoint.tensors.keys.count { key in
      key.components.contains { part in words.contains { part.begins(with: $0) } }
    }
    return count * 2 > checkpoint.tensors.count
  }

  /// Finds parameters without elements, which ZeRO-3 stores in place of parameters that other processes hold.
  mutating func checkEmptyWeights(_ checkpoint: Checkpoint) -> Bool {
    let empty = checkpoint.tensors.filter { key, tensor in
      tensor.shape.dimensions == [0] && tensor.dtype.isFloatingPoint
        && (key.last.isSame(as: "weight") || key.last.isSame(as: "bias"))
    }
    guard empty.count >= 2, let first = empty.keys.first else { return false }
    add(
      .emptyWeights, first,
      "the weights are empty: \(empty.count) of \(checkpoint.tensors.count) tensors have no elements, as when "
        + "a model of ZeRO-3 is saved without gathering its parameters")
    return true
  }
}
