public import CheckpointFiles
internal import OrderedCollections

/// Only what a tuned checkpoint changed, bound to its base by a digest of every byte.
///
///     let delta = try CheckpointDelta(from: base, to: tuned)
///     try delta.checkpoint.write(to: "head.delta.safetensors")
///     let stored = try CheckpointDelta(reading: Checkpoint.open("head.delta.safetensors"))
///     let again = try stored.apply(to: base)
///
/// A delta is a safetensors file. Tensors that are new or changed stand in it under their keys; of a
/// tensor that changed in a few rows, those rows. Its metadata says which rows, what the base is, and
/// which tensors of the base have another name or went.
public struct CheckpointDelta: Sendable {
  /// The file's contents.
  public let checkpoint: Checkpoint
  /// Tensors that stand in the delta as a whole.
  public let wholeKeys: [Key]
  /// Tensors of which rows stand in the delta, and which.
  public let rows: [Key: RowSet]
  /// Tensors of the base under another name: the new one, the base's.
  public let renamed: [Key: Key]
  /// The digest of the base.
  public let baseDigest: String

  private let order: [Key]
  private let metadata: OrderedDictionary<Key, String>
  /// Names of one tensor in the tuned checkpoint, for files that can hold it once.
  private let tied: [[Key]]

  private static let marker: Key = "espalier-delta"

  /// The name of the delta in the folder of a run that stores no whole model.
  public static let fileName = "model.delta.safetensors"

  /// The path of the delta at `path`: that of a file, or of a folder that a run wrote; `nil` when the
  /// folder holds none.
  public static func path(at path: String) -> String? {
    guard WholeFile.isFolder(path) else { return path }
    let file = Path.join(path, fileName)
    return WholeFile.exists(file) ? file : nil
  }

  /// The path of the delta that stands at `path` in place of a whole model: that of such a file itself,
  /// or of one in a folder without a whole model.
  package static func alone(at path: String) -> String? {
    guard WholeFile.isFolder(path) else { return path.hasSuffix(ending) ? path : nil }
    return CheckpointFolder.isWhole(path) ? nil : self.path(at: path)
  }

  private static let ending = ".delta.safetensors"

  /// What `tuned` has and `base` has not.
  ///
  /// - Parameters:
  ///   - base: the checkpoint that was tuned.
  ///   - tuned: what came out.
  ///   - origins: keys of `base` under which tensors of `tuned` stood that have another name now.
  ///     Others are found by their content, which only unchanged ones have.
  ///   - progress: called from any thread with the bytes that have been read, and with those that
  ///     are.
  /// - Throws: ``SurgeryError`` when a tensor cannot be compared, `CheckpointError` when bytes cannot be
  ///   read.
  public init(
    from base: Checkpoint, to tuned: Checkpoint, origins: [Key: Key] = [:],
    progress: (@Sendable (_ read: Int, _ total: Int) -> Void)? = nil
  ) throws {
    var stored: OrderedDictionary<Key, Tensor> = [:]
    var rows: [Key: RowSet] = [:]
    var renamed: [Key: Key] = [:]
    var candidates: [(key: Key, pair: TensorPair)] = []
    let known = origins.filter { base[$0.key] == nil && base[$0.value] != nil }
    let onlyInTuned = tuned.keys.filter { base[$0] == nil && known[$0] == nil }
    let onlyInBase = base.keys.filter { tuned[$0] == nil }
    for rename in try LikelyRename.find(base, Array(onlyInBase), tuned, Array(onlyInTuned))
    where rename.isSameContent {
      renamed[rename.to] = rename.from
    }
    for (key, tensor) in tuned.tensors {
      let origin = known[key] ?? key
      if let old = base[origin], old.dtype == tensor.dtype, old.shape == tensor.shape {
        candidates.append((key, try TensorPair(old, tensor)))
        if origin != key { renamed[key] = origin }
      } else if renamed[key] == nil {
        stored[key] = tensor
      }
    }
    // The last is the base, whose digest is made at the end.
    let whole = base.tensors.values.reduce(0) { $0 &+ $1.byteCount }
    let last = candidates.count
    let meter = ComparisonMeter(candidates.map(\.pair.a.byteCount) + [whole], progress)
    let equal = try bytesAreEqual(candidates.map(\.pair)) { meter?.count($0, of: $1) }
    for (candidate, equal) in zip(candidates, equal) where !equal {
      let (key, tensor) = (candidate.key, candidate.pair.b)
      guard let count = tensor.shape.dimensions.first, tensor.shape.rank > 1,
        tensor.dtype.byteWidth != nil
      else {
        stored[key] = tensor
        continue
      }
      let changed = try FrozenProof.changedRows(candidate.pair, among: RowSet([0..<count]))
      if changed.count <= count / 2 {
        rows[key] = changed
        stored[key] = try SurgeryPlan.rows(changed.ranges, of: tensor)
      } else {
        stored[key] = tensor
      }
    }
    let digest = try ContentDigest.hexadecimal(of: base) { meter?.count($0, of: last) }
    // In the order of the tuned checkpoint, whatever was found first.
    let inOrder = tuned.keys.compactMap { key in stored[key].map { (key, $0) } }
    try self.init(
      stored: OrderedDictionary(uniqueKeysWithValues: inOrder), rows: rows, renamed: renamed,
      order: Array(tuned.keys), tied: ParameterTree(tuned).aliases,
      metadata: tuned.metadata, baseDigest: digest, inputs: base.inputs + tuned.inputs)
  }

  private init(
    stored: OrderedDictionary<Key, Tensor>, rows: [Key: RowSet], renamed: [Key: Key],
    order: [Key], tied: [[Key]], metadata: OrderedDictionary<Key, String>,
    baseDigest: String, inputs: [InputFile]
  ) throws {
    func array(_ keys: [Key]) -> JSONValue { .array(keys.map { .string($0.string) }) }
    var file = Checkpoint(tensors: stored)
    file.inputs = inputs
    file.metadata = [
      CheckpointDelta.marker: "1", "base_sha256": baseDigest, "format": "pt",
      "keys": array(order).text(),
      "metadata": JSONValue.object(pairs: metadata.map { ($0.string, .string($1)) }).text(),
      "renamed": JSONValue.object(
        pairs: order.compactMap { key in renamed[key].map { (key.string, .string($0.string)) } }
      ).text(),
      "rows": JSONValue.object(
        pairs: order.compactMap { key in
          rows[key].map { rows in
            (
              key.string,
              .array(rows.ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] })
            )
          }
        }
      ).text(),
    ]
    if !tied.isEmpty { file.metadata["tied"] = JSONValue.array(tied.map(array)).text() }
    checkpoint = file
    wholeKeys = stored.keys.filter { rows[$0] == nil }
    (self.rows, self.renamed, self.baseDigest) = (rows, renamed, baseDigest)
    (self.order, self.metadata, self.tied) = (order, metadata, tied)
  }

  /// The delta in a file.
  ///
  /// - Throws: ``SurgeryError`` when the file is no delta.
  public init(reading file: Checkpoint) throws {
    func failure(_ reason: String) -> SurgeryError { SurgeryError("\(file.path): \(reason)") }
    guard file.metadata[CheckpointDelta.marker] == "1", let digest = file.metadata["base_sha256"]
    else { throw failure("is no delta: its metadata has no `espalier-delta`") }
    func member(_ name: String) throws -> JSONValue {
      guard let text = file.metadata[Key(name)] else {
        throw failure("the metadata `\(name)` is missing")
      }
      do { return try JSONParser.parse(Array(text.utf8)) } catch {
        throw failure("the metadata `\(name)`: \(error)")
      }
    }
    guard let keys = try member("keys").array?.compactMap({ $0.string.map { Key($0) } }),
      let metadata = try member("metadata").object, let names = try member("renamed").object,
      let ranges = try member("rows").object, Set(keys).count == keys.count
    else { throw failure("the metadata of the delta is damaged") }
    var renamed: [Key: Key] = [:]
    for (key, value) in names {
      guard let name = value.string else { throw failure("`renamed` is damaged") }
      renamed[key] = Key(name)
    }
    var rows: [Key: RowSet] = [:]
    for (key, value) in ranges {
      var list: [Range<Int>] = []
      for range in value.array ?? [] {
        guard let ends = range.array, ends.count == 2, let low = ends[0].integer,
          let high = ends[1].integer, low >= list.last?.upperBound ?? 0, low < high
        else { throw failure("the rows of \(quoted(key.string)) are damaged") }
        list.append(low..<high)
      }
      let set = RowSet(list)
      guard let tensor = file[key], tensor.shape.dimensions.first == set.count else {
        throw failure("the rows of \(quoted(key.string)) are not those that the delta lists")
      }
      rows[key] = set
    }
    let listed = Set(keys)
    // Deltas of models without tied tensors have no such member.
    var tied: [[Key]] = []
    if file.metadata["tied"] != nil {
      for group in try member("tied").array ?? [] {
        let names = group.array?.compactMap { $0.string.map { Key($0) } } ?? []
        guard names.count > 1, names.count == group.array?.count, names.allSatisfy(listed.contains)
        else { throw failure("`tied` is damaged") }
        tied.append(names)
      }
    }
    for key in file.keys where !listed.contains(key) {
      throw failure("\(quoted(key.string)) is in the file and not in its list of keys")
    }
    checkpoint = file
    wholeKeys = file.keys.filter { rows[$0] == nil }
    (self.rows, self.renamed, baseDigest, order) = (rows, renamed, digest, keys)
    self.tied = tied
    self.metadata = OrderedDictionary(
      metadata.compactMap { key, value in value.string.map { (key, $0) } },
      uniquingKeysWith: { $1 })
  }

  /// The tuned checkpoint again, byte for byte.
  ///
  /// - Parameters:
  ///   - base: the checkpoint that the delta was made from.
  ///   - progress: called with numbers of bytes of the base that were read for its digest.
  /// - Throws: ``SurgeryError`` when `base` is not the one that the delta was made from.
  public func apply(
    to base: Checkpoint, progress: (Int) -> Void = { _ in }
  ) throws -> Checkpoint {
    let digest = try ContentDigest.hexadecimal(of: base, progress: progress)
    guard digest == baseDigest else {
      throw SurgeryError(
        "\(base.path): is not the base of this delta: its SHA-256 is \(digest.prefix(12))…, the "
          + "delta was made from \(baseDigest.prefix(12))…")
    }
    var result = base
    result.tensors = [:]
    for key in order {
      let source = base[renamed[key] ?? key]
      if let set = rows[key], let part = checkpoint[key] {
        guard let source else { throw damaged(key) }
        result.tensors[key] = try source.replacingRows(set.ranges, with: part)
      } else if let tensor = checkpoint[key] ?? source {
        result.tensors[key] = tensor
      } else {
        throw damaged(key)
      }
    }
    for group in tied {
      guard let first = result[group[0]] else { continue }
      for key in group.dropFirst() {
        guard let other = result[key], other.dtype == first.dtype, other.shape == first.shape else {
          throw SurgeryError(
            "\(checkpoint.path): `tied` says that \(quoted(key.string)) is \(quoted(group[0].string)), which "
              + "has another dtype or shape")
        }
        result.tensors[key] = first
      }
    }
    result.metadata = metadata
    result.inputs = base.inputs + checkpoint.inputs
    return result
  }

  private func damaged(_ key: Key) -> SurgeryError {
    SurgeryError("\(checkpoint.path): neither the delta nor the base has \(quoted(key.string))")
  }
}

extension Checkpoint {
  /// The checkpoint at `path`, or, where a run left only a delta there, what the delta makes of `base`.
  ///
  /// - Parameter progress: called with numbers of bytes of the base that were read for its digest.
  /// - Throws: `CheckpointError` as ``open(_:)``, ``SurgeryError`` when the delta was made from another
  ///   base.
  public static func open(
    _ path: String, over base: Checkpoint, progress: (Int) -> Void = { _ in }
  ) throws -> Checkpoint {
    guard let delta = CheckpointDelta.alone(at: path) else { return try Checkpoint.open(path) }
    var checkpoint = try CheckpointDelta(reading: Checkpoint.open(delta))
      .apply(to: base, progress: progress)
    checkpoint.path = path
    return checkpoint
  }
}

/// The SHA-256 of everything that a checkpoint holds in tensors.
public enum ContentDigest {
  /// The digest of the lines `key\tdtype\tdim,dim\tsha256\n` in key order, the last being that of the
  /// tensor's elements. The same in every file format and order.
  ///
  /// - Parameters:
  ///   - checkpoint: what to take the digest of.
  ///   - progress: called with numbers of bytes that were read.
  /// - Throws: `CheckpointError` when bytes cannot be read.
  public static func hexadecimal(
    of checkpoint: Checkpoint, progress: (Int) -> Void = { _ in }
  ) throws -> String {
    var hash = SHA256Hash()
    for key in checkpoint.keys.sorted() {
      guard let tensor = checkpoint[key] else { continue }
      let dimensions = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let digest = try TensorDigest.hexadecimal(of: [tensor], progress: progress)
      let line = Array("\(key)\t\(tensor.dtype)\t\(dimensions)\t\(digest)\n".utf8)
      unsafe hash.update(line.span.bytes)
    }
    return hash.hexadecimal()
  }
}
