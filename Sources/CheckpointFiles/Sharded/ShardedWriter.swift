internal import OrderedCollections

/// Writes a checkpoint as several files and the index that makes them one, under the names that
/// `transformers` uses.
///
/// All files are complete before the first takes its place. No file that is there is replaced but the index,
/// which comes last: a reader finds the old checkpoint or the new one, also when the process is killed.
struct ShardedWriter {
  let checkpoint: Checkpoint
  /// The name of the file, had it been one: `model.safetensors`.
  let path: String
  let options: WriteOptions
  let refused: Set<SystemCall.Identity>
  let progress: WriteProgress
  /// Small files in the folder of the checkpoint that change with it, complete under temporary names.
  var companions: [FileWriter] = []
  /// Paths of files that the new checkpoint replaces.
  var replaced: [String] = []

  /// The files that ``write()`` will write, in its order, where none of them is there.
  var paths: [String] {
    get throws(CheckpointError) {
      let count = split(options.shardByteCount).count
      guard count > 1 else { return [path] }
      guard count <= 99_999 else {
        throw .tooManyShards(count).located(path: path)
      }
      return shardNames(count, generation: 1).map { Path.sibling($0, of: path) } + [indexPath]
    }
  }

  private var indexPath: String { path + ".index.json" }

  /// The names of `count` shards: `model-00001-of-00003.safetensors`, and `model-v2-00001-of-…` where these
  /// names are taken.
  private func shardNames(_ count: Int, generation: Int) -> [String] {
    let name = Path.name(of: path)
    let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) ?? name.endIndex
    let stem = name[..<dot] + (generation > 1 ? "-v\(generation)" : "")
    return (1...count).map {
      "\(stem)-\(Text.padded($0, to: 5))-of-\(Text.padded(count, to: 5))\(name[dot...])"
    }
  }

  /// Writes all files, and removes those that they replace.
  func write() throws {
    let isTorch = try options.isTorch(path)
    let shards = split(options.shardByteCount)
    guard shards.count > 1 else {
      let writer = try FileWriter(
        path: path, refusing: refused, followingLinks: options.followsLinks)
      try checkpoint.writeContents(to: writer, options, isTorch: isTorch, progress)
      try writer.finish()
      return try FolderChange.commit(
        [writer] + companions, removing: replaced.filter { !utf8AreEqual($0, path) })
    }
    let files = try paths
    try FileWriter.check(indexPath, refusing: refused, inNewFolder: false)
    try refuseInputs(among: try oldShards())
    var writers: [FileWriter] = []
    for (keys, file) in zip(shards, files) {
      let writer = try FileWriter(path: file, isFirst: writers.isEmpty)
      // Values that are not tensors have no place in shards.
      var part = Checkpoint(path: writer.path, metadata: checkpoint.metadata)
      if part.metadata.isEmpty, !checkpoint.structures.isEmpty { part.metadata["format"] = "pt" }
      for key in keys { part.tensors[key] = checkpoint.tensors[key] }
      try part.writeContents(to: writer, options, isTorch: isTorch, progress)
      try writer.finish()
      writers.append(writer)
    }
    try commit(writers, shards)
  }

  /// Puts complete shards under names that nothing has, then the index over the old one.
  private func commit(_ writers: [FileWriter], _ shards: [[Key]]) throws(CheckpointError) {
    // Between the choice of names and their use, no other process may choose.
    let lock = FolderLock(waitingFor: Path.parent(of: path))
    defer { withExtendedLifetime(lock) {} }
    let old = try oldShards()
    var generation = 1
    var names = shardNames(shards.count, generation: generation)
    while names.contains(where: { SystemCall.status(at: Path.sibling($0, of: path)) != nil }) {
      generation += 1
      names = shardNames(shards.count, generation: generation)
    }
    let index = try FileWriter(
      path: indexPath, refusing: refused, followingLinks: options.followsLinks, isFirst: false)
    try index.write(Array((indexText(names, shards) + "\n").utf8))
    try index.finish()
    var placed: [String] = []
    do throws(CheckpointError) {
      for (writer, name) in zip(writers, names) {
        try writer.commit(as: name)
        placed.append(writer.folder + name)
      }
      var seen = Set((placed + [indexPath]).map { Key($0) })
      try FolderChange.commit(
        [index] + companions,
        removing: (replaced + old).filter { seen.insert(Key($0)).inserted })
    } catch {
      // Once the index is in its place, or a journal says that it will be, they are the checkpoint.
      let isEffective = index.isCommitted || FolderChange.isInterrupted(in: index.folder)
      if !isEffective { for path in placed { SystemCall.remove(path) } }
      throw error
    }
  }

  private func indexText(_ names: [String], _ shards: [[Key]]) -> String {
    var map: [(String, JSONValue)] = []
    map.reserveCapacity(checkpoint.tensors.count)
    for (name, keys) in zip(names, shards) {
      for key in keys { map.append((key.string, .string(name))) }
    }
    let total = checkpoint.tensors.values.reduce(0) { $0 &+ $1.byteCount }
    return JSONValue.members([
      "metadata": .members(["total_size": .integer(total)]), "weight_map": .object(pairs: map),
    ]).text(indent: 2)
  }

  /// The shards of an index that is in the place of the new one. Links and folders are left alone, and an
  /// index that cannot be read names nothing.
  private func oldShards() throws(CheckpointError) -> [String] {
    guard SystemCall.status(at: indexPath)?.isRegular == true,
      let file = try? InputFile(path: indexPath), let index = try? ShardIndex(file)
    else { return [] }
    return index.files.map { Path.sibling($0, of: path) }.filter(SystemCall.isRegularAndNoLink)
  }

  private func refuseInputs(among files: [String]) throws(CheckpointError) {
    for file in files {
      if let status = SystemCall.status(at: file), refused.contains(status.identity) {
        throw .isInput.located(path: file)
      }
    }
  }

  /// Fills one shard after the other, in order. Tied tensors stay together.
  private func split(_ limit: Int?) -> [[Key]] {
    guard let limit, limit > 0 else { return [Array(checkpoint.keys)] }
    // PyTorch files hold tied tensors once, safetensors each for itself.
    let isTorch = (try? options.isTorch(path)) ?? false
    let tensors = checkpoint.tensors.values
    var groups: [Int: [Int]] = [:]
    for group in Tensor.tiedGroups(tensors) {
      for index in group { groups[index] = group }
    }
    var shards: [[Key]] = []
    var size = 0
    for index in tensors.indices {
      let group = groups[index] ?? [index]
      // A group is in the place of its first tensor.
      guard group[0] == index else { continue }
      let keys = group.map { checkpoint.keys[$0] }
      let bytes =
        isTorch
        ? ShardedWriter.sharedByteCount(group.map { tensors[$0] })
        : group.reduce(0) { $0 &+ tensors[$1].byteCount }
      if shards.isEmpty || (size > 0 && bytes > limit - min(size, limit)) {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1] += keys
      size = size &+ bytes
    }
    return shards
  }

  /// The bytes that tied tensors take in a PyTorch file. Those of several dtypes are written each for itself.
  private static func sharedByteCount(_ tensors: [Tensor]) -> Int {
    let total = tensors.reduce(0) { $0 &+ $1.byteCount }
    guard let first = tensors.first, tensors.allSatisfy({ $0.dtype == first.dtype }) else {
      return total
    }
    let start = tensors.reduce(Int.max) { min($0, $1.byteSpan.lowerBound) }
    let end = tensors.reduce(0) { max($0, $1.byteSpan.upperBound) }
    return tensors.count == 1 ? total : end - start
  }
}
