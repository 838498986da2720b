public import CheckpointFiles
internal import OrderedCollections

/// The tensors and rows that a tuned checkpoint changed, bound to its base by a digest of every byte.
///
///     let delta = try CheckpointDelta(from: base, to: tuned)
///     try delta.checkpoint.write(to: "head.delta.safetensors")
///     let stored = try CheckpointDelta(reading: Checkpoint.open("head.delta.safetensors"))
///     let again = try base.applying(stored)
///
/// A delta is a safetensors file. It holds new and changed tensors under their keys; of a tensor that changed in at most
/// half of its rows, those rows. Its metadata states which rows, the digest of the base, and which tensors of the base
/// are renamed or removed.
public struct CheckpointDelta: Sendable {
  /// The contents of the file.
  public let checkpoint: Checkpoint
  /// Tensors that the delta holds as a whole.
  public let wholeKeys: [Key]
  /// Tensors of which the delta holds rows, with these rows.
  public let rows: [Key: RowSet]
  /// The names of tensors of the base that are renamed, by their new names.
  public let renamed: [Key: Key]
  /// The digest of the base.
  public let baseDigest: String

  private let order: [Key]
  private let metadata: OrderedDictionary<Key, String>
  /// Groups of names that are one tensor in the tuned checkpoint, for formats that store it once.
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

  /// The path of the delta that is at `path` in place of a whole model: that of such a file itself, or of one in a
  /// folder without a whole model.
  package static func alone(at path: String) -> String? {
    guard WholeFile.isFolder(path) else { return path.ends(with: ending) ? path : nil }
    return CheckpointFolder.isWhole(path) ? nil : self.path(at: path)
  }

  private static let ending = ".delta.safetensors"

  /// The difference between `base` and `tuned`.
  ///
  /// - Parameters:
  ///   - base: the checkpoint that was tuned.
  ///   - tuned: the tuned checkpoint.
  ///   - origins: the keys in `base` of tensors of `tuned` that were renamed. Other renamed tensors are found by their
  ///     content, when it is unchanged.
  ///   - progress: called from any thread with the bytes that have been read, and with those that
  ///     are.
  /// - Throws: ``SurgeryError`` when a tensor cannot be compared, or bytes cannot be read.
  public init(
    from base: Checkpoint, to tuned: Checkpoint, origins: [Key: Key] = [:],
    progress: (@Sendable (_ read: Int, _ total: Int) -> Void)? = nil
  ) throws(SurgeryError) {
    self = try locating {
      try CheckpointDelta(comparing: base, to: tuned, origins, digest: nil, progress)
    }
  }

  /// The difference between `base`, whose digest is known, and `tuned`. Tensors that are the same views of one storage
  /// are not read.
  package init(
    from base: Checkpoint, withDigest digest: String, to tuned: Checkpoint, origins: [Key: Key]
  ) throws(SurgeryError) {
    self = try locating {
      try CheckpointDelta(comparing: base, to: tuned, origins, digest: digest, nil)
    }
  }

  private init(
    comparing base: Checkpoint, to tuned: Checkpoint, _ origins: [Key: Key],
    digest: String?, _ progress: (@Sendable (_ read: Int, _ total: Int) -> Void)?
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
        if TensorView(old) != TensorView(tensor) {
          candidates.append((key, try TensorPair(old, tensor)))
        }
        if origin != key { renamed[key] = origin }
      } else if renamed[key] == nil {
        stored[key] = tensor
      }
    }
    // The last is the base, whose digest is computed at the end.
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
    let digest =
      try digest ?? ContentDigest.hexadecimal(of: base) { meter?.count($0, of: last) }
    // In the order of the tuned checkpoint.
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
  /// - Throws: ``SurgeryError`` when the file is not a delta.
  public init(reading file: Checkpoint) throws(SurgeryError) {
    guard let marker = file.metadata[CheckpointDelta.marker], marker.isSame(as: "1"),
      let digest = file.metadata["base_sha256"]
    else { throw .notADelta(file.path) }
    let metadata = DeltaMetadata(file)
    let keys = try metadata.keys()
    let listed = Set(keys)
    for key in file.keys where !listed.contains(key) { throw .unlistedTensor(key, file.path) }
    rows = try metadata.rows(of: file)
    renamed = try metadata.renamed()
    tied = try metadata.tied(among: listed)
    checkpoint = file
    wholeKeys = file.keys.filter { [rows] in rows[$0] == nil }
    (baseDigest, order) = (digest, keys)
    self.metadata = try metadata.stored()
  }

  fileprivate func applied(
    to base: Checkpoint, _ progress: (Int) -> Void
  ) throws -> Checkpoint {
    let digest = try ContentDigest.hexadecimal(of: base, progress: progress)
    guard digest.isSame(as: baseDigest) else {
      throw SurgeryError.otherBase(base.path, found: digest, expected: baseDigest)
    }
    var result = base
    result.tensors = [:]
    for key in order {
      let source = base[renamed[key] ?? key]
      if let set = rows[key], let part = checkpoint[key] {
        guard let source else { throw SurgeryError.absentTensor(key, checkpoint.path) }
        result.tensors[key] = try source.replacingRows(set.ranges, with: part)
      } else if let tensor = checkpoint[key] ?? source {
        result.tensors[key] = tensor
      } else {
        throw SurgeryError.absentTensor(key, checkpoint.path)
      }
    }
    for group in tied {
      guard let first = result[group[0]] else { continue }
      for key in group.dropFirst() {
        guard let other = result[key], other.dtype == first.dtype, other.shape == first.shape else {
          throw SurgeryError.tiedTensorsDiffer(key, group[0], checkpoint.path)
        }
        result.tensors[key] = first
      }
    }
    result.metadata = metadata
    result.inputs = base.inputs + checkpoint.inputs
    return result
  }
}

extension Checkpoint {
  /// The tuned checkpoint that a delta describes, byte for byte; this checkpoint is the base.
  ///
  /// - Parameters:
  ///   - delta: the delta, created from this checkpoint.
  ///   - progress: called with numbers of bytes that were read for the digest of the base.
  /// - Throws: ``SurgeryError`` when the delta was created from another base, or bytes cannot be read.
  public func applying(
    _ delta: CheckpointDelta, progress: (Int) -> Void = { _ in }
  ) throws(SurgeryError) -> Checkpoint {
    try locating { try delta.applied(to: self, progress) }
  }
}

extension Checkpoint {
  /// The checkpoint at `path`, or, where a run stored only a delta, the result of applying the delta to `base`.
  ///
  /// - Parameter progress: called with numbers of bytes of the base that were read for its digest.
  /// - Throws: ``SurgeryError`` when the file cannot be read, or the delta was created from another base.
  public static func open(
    _ path: String, over base: Checkpoint, progress: (Int) -> Void = { _ in }
  ) throws(SurgeryError) -> Checkpoint {
    try locating {
      guard let delta = CheckpointDelta.alone(at: path) else { return try Checkpoint.open(path) }
      var checkpoint = try base.applying(
        try CheckpointDelta(reading: Checkpoint.open(delta)), progress: progress)
      checkpoint.path = path
      return checkpoint
    }
  }
}
