internal import OrderedCollections

/// Writes a checkpoint as several files and the index that makes them one, under the names that
/// `transformers` uses.
///
/// All files are complete before the first takes its place; the index comes last.
struct ShardedWriter {
  let checkpoint: Checkpoint
  /// The name of the file, had it been one: `model.safetensors`.
  let path: String
  let options: WriteOptions
  let refused: Set<SystemCall.Identity>
  let progress: WriteProgress

  /// The files that ``write()`` will write, in its order.
  var paths: [String] {
    get throws(CheckpointError) {
      let shards = split(options.shardByteCount)
      guard shards.count > 1 else { return [path] }
      guard shards.count <= 99_999 else {
        throw CheckpointError(
          path: path, "\(shards.count) files, by the size of shards, are too many")
      }
      let (stem, ending) = stemAndEnding
      return shards.indices.map {
        Path.sibling("\(stem)-\(padded($0 + 1))-of-\(padded(shards.count))\(ending)", of: path)
      } + [path + ".index.json"]
    }
  }

  /// The name before and from its last dot.
  private var stemAndEnding: (Substring, Substring) {
    let name = Path.name(of: path)
    let dot = name.lastIndex(of: ".") ?? name.endIndex
    return (name[..<dot], name[dot...])
  }

  /// Writes all files.
  func write() throws {
    let isTorch = try options.isTorch(path)
    let shards = split(options.shardByteCount)
    let paths = try paths
    guard shards.count > 1 else {
      let writer = try FileWriter(path: path, refusing: refused)
      try checkpoint.writeContents(to: writer, options, isTorch: isTorch, progress)
      return try writer.commit()
    }
    var writers: [FileWriter] = []
    var map: [(String, JSONValue)] = []
    map.reserveCapacity(checkpoint.tensors.count)
    for (number, keys) in shards.enumerated() {
      let shardName = Path.name(of: paths[number])
      let writer = try FileWriter(path: paths[number], refusing: refused)
      // Values that are not tensors have no place in shards.
      var part = Checkpoint(path: writer.path, metadata: checkpoint.metadata)
      if part.metadata.isEmpty, !checkpoint.structures.isEmpty { part.metadata["format"] = "pt" }
      for key in keys { part.tensors[key] = checkpoint.tensors[key] }
      try part.writeContents(to: writer, options, isTorch: isTorch, progress)
      try writer.finish()
      writers.append(writer)
      for key in keys { map.append((key.string, .string(shardName))) }
    }
    let total = checkpoint.tensors.values.reduce(0) { $0 &+ $1.byteCount }
    let index = JSONValue.members([
      "metadata": .members(["total_size": .integer(total)]), "weight_map": .object(pairs: map),
    ])
    let writer = try FileWriter(path: paths[shards.count], refusing: refused)
    try writer.write(Array((index.text(indent: 2) + "\n").utf8))
    try writer.finish()
    for writer in writers + [writer] { try writer.commit() }
  }

  private func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Fills one shard after the other, in order. Tied tensors stay together.
  private func split(_ limit: Int?) -> [[Key]] {
    guard let limit, limit > 0 else { return [Array(checkpoint.keys)] }
    var groups: OrderedDictionary<ObjectIdentifier, [Key]> = [:]
    for (key, tensor) in checkpoint.tensors {
      groups[ObjectIdentifier(tensor.storage), default: []].append(key)
    }
    var shards: [[Key]] = []
    var size = 0
    for keys in groups.values {
      let bytes = keys.reduce(0) { $0 &+ (checkpoint.tensors[$1]?.byteCount ?? 0) }
      if shards.isEmpty || (size > 0 && bytes > limit - min(size, limit)) {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1] += keys
      size = size &+ bytes
    }
    return shards
  }
}
