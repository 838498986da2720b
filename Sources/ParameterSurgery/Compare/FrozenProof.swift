public import CheckpointFiles
internal import OrderedCollections

/// Compares a tuned checkpoint with its base, byte for byte, wherever a mask says frozen.
///
///     let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
///     if !proof.holds { for violation in proof.violations { print(violation) } }
public struct FrozenProof: Sendable {
  /// A frozen tensor that changed.
  public struct Violation: Sendable, Hashable, CustomStringConvertible {
    /// What changed.
    public enum Kind: Sendable, Hashable {
      /// The tuned checkpoint has no such key.
      case missing
      /// The dtype differs.
      case dtype(from: DType, to: DType)
      /// The shape differs.
      case shape(from: Shape, to: Shape)
      /// Bytes differ. The rows are the frozen rows along dimension 0 that differ; empty for a scalar.
      case bytes(RowSet)
    }

    /// The key.
    public let key: Key
    /// What changed.
    public let kind: Kind

    /// The violation as a sentence.
    public var description: String {
      let name = quoted(key.string)
      switch kind {
      case .missing: return "\(name) is missing"
      case .dtype(let from, let to): return "\(name) was \(from), is \(to)"
      case .shape(let from, let to): return "\(name) was \(from), is \(to)"
      case .bytes(let rows):
        guard let first = rows.ranges.first else { return "\(name) is frozen and has changed" }
        return "\(name) is frozen and has changed in \(rows.count) "
          + (rows.count == 1 ? "row" : "rows") + ", the first is \(first.lowerBound)"
      }
    }
  }

  /// Frozen tensors that are not byte-identical, in key order. Also tensors that train and are missing, or have
  /// another dtype or shape: a mask allows new values, nothing else.
  public let violations: [Violation]
  /// Tensors proven byte-identical as a whole.
  public let provenTensors: Int
  /// Frozen rows proven byte-identical in tensors of which other rows train.
  public let provenRows: Int
  /// Bytes proven identical, rows included.
  public let provenBytes: Int
  /// Tensors that train and changed, in key order.
  public let changedKeys: [Key]
  /// Tensors that train and did not change, in key order.
  public let unchangedKeys: [Key]
  /// Keys of the tuned checkpoint that the mask does not list.
  public let unexpectedKeys: [Key]

  /// Keys of the base that have another name in the mask, such as one with `bert.`, in order.
  public let alignedKeys: [Key]
  /// Keys that train and that the base does not have: a head that was added later.
  public let addedKeys: [Key]
  /// Keys of the base that the mask does not list under any name; nothing is proven about them.
  public let ignoredKeys: [Key]

  /// Whether everything frozen is byte-identical.
  public var holds: Bool { violations.isEmpty }

  /// Compares, streaming over both.
  ///
  /// A base that does not have the keys of the mask is read under the names that a classifier gives them: with the
  /// family's prefix such as `bert.`, and `LayerNorm.weight` for `LayerNorm.gamma`. Tensors that train as a whole may
  /// be missing in the base; frozen ones may not.
  ///
  /// - Parameters:
  ///   - base: the checkpoint before training.
  ///   - tuned: the checkpoint after it.
  ///   - mask: what was to train.
  ///   - progress: called from any thread with the bytes that have been compared, and with those
  ///     that are.
  /// - Throws: ``SurgeryError`` when the mask does not fit `base`, or bytes cannot be loaded.
  public init(
    base: Checkpoint, tuned: Checkpoint, mask: FreezeMask,
    progress: (@Sendable (_ compared: Int, _ total: Int) -> Void)? = nil
  ) throws(SurgeryError) {
    self = try locating {
      try FrozenProof(comparing: base, to: tuned, under: mask, progress)
    }
  }

  private init(
    comparing base: Checkpoint, to tuned: Checkpoint, under mask: FreezeMask,
    _ progress: (@Sendable (_ compared: Int, _ total: Int) -> Void)?
  ) throws {
    let aligned = try FrozenProof.aligned(base, to: mask)
    let base = aligned.checkpoint
    if aligned.addedKeys.isEmpty { try mask.check(fits: ParameterTree(base), named: base.path) }
    alignedKeys = aligned.alignedKeys
    addedKeys = aligned.addedKeys
    ignoredKeys = aligned.ignoredKeys
    var violations: [Violation] = []
    var pairs: [(key: Key, state: FreezeMask.State, pair: TensorPair)] = []
    for (key, state) in mask.states {
      guard let old = base[key] else {
        if tuned[key] == nil { violations.append(Violation(key: key, kind: .missing)) }
        continue
      }
      guard let new = tuned[key] else {
        violations.append(Violation(key: key, kind: .missing))
        continue
      }
      if old.dtype != new.dtype {
        violations.append(Violation(key: key, kind: .dtype(from: old.dtype, to: new.dtype)))
      } else if old.shape != new.shape {
        violations.append(Violation(key: key, kind: .shape(from: old.shape, to: new.shape)))
      } else {
        pairs.append((key, state, try TensorPair(old, new)))
      }
    }

    var proven = (tensors: 0, rows: 0, bytes: 0)
    var changedKeys: [Key] = []
    var unchangedKeys: [Key] = []
    let meter = ComparisonMeter(pairs.map(\.pair.a.byteCount), progress)
    let equalities = try bytesAreEqual(pairs.map(\.pair)) { meter?.count($0, of: $1) }
    for (item, equal) in zip(pairs, equalities) {
      if item.state != .frozen {
        if equal { unchangedKeys.append(item.key) } else { changedKeys.append(item.key) }
      }
      let tensor = item.pair.a
      switch item.state {
      case .trainable: continue
      case .frozen where equal:
        proven.tensors += 1
        proven.bytes += tensor.byteCount
      case .frozen, .rows:
        let rowCount = tensor.shape.dimensions.first ?? 0
        let frozen =
          if case .rows(let rows) = item.state { rows.complement(in: rowCount) } else {
            RowSet([0..<rowCount])
          }
        let changed = equal ? RowSet([]) : try FrozenProof.changedRows(item.pair, among: frozen)
        if changed.isEmpty, item.state != .frozen {
          proven.rows += frozen.count
          proven.bytes += frozen.count * (tensor.byteCount / max(rowCount, 1))
        } else {
          violations.append(Violation(key: item.key, kind: .bytes(changed)))
        }
      }
    }
    self.violations = violations.sorted { $0.key < $1.key }
    self.provenTensors = proven.tensors
    self.provenRows = proven.rows
    self.provenBytes = proven.bytes
    self.changedKeys = changedKeys
    self.unchangedKeys = unchangedKeys
    self.unexpectedKeys = tuned.tensors.keys.filter { mask[$0] == nil }
  }

  private struct AlignedBase {
    var checkpoint: Checkpoint
    var alignedKeys: [Key] = []
    var addedKeys: [Key] = []
    var ignoredKeys: [Key] = []
  }

  /// The base under the names of the mask.
  private static func aligned(
    _ base: Checkpoint, to mask: FreezeMask
  ) throws(SurgeryError) -> AlignedBase {
    if base.tensors.keys.allSatisfy({ mask[$0] != nil }),
      mask.states.keys.allSatisfy({ base[$0] != nil })
    {
      return AlignedBase(checkpoint: base)
    }
    var result = AlignedBase(checkpoint: base)
    result.checkpoint.tensors = [:]
    for (key, tensor) in base.tensors {
      let modern = EncoderKeys.modern(key)
      let names = [key, modern] + EncoderKeys.members.map { Key($0 + "." + modern.string) }
      guard
        let name = names.first(where: { mask[$0] != nil && result.checkpoint[$0] == nil })
      else {
        result.ignoredKeys.append(key)
        continue
      }
      result.checkpoint.tensors[name] = tensor
      if name != key { result.alignedKeys.append(key) }
    }
    for (key, state) in mask.states where result.checkpoint[key] == nil {
      guard state == .trainable else {
        // A frozen tensor that the base does not have cannot be proven: the mask belongs to another checkpoint.
        try mask.check(fits: ParameterTree(base), named: base.path)
        continue
      }
      result.addedKeys.append(key)
    }
    return result
  }

  /// The rows among the given ones whose bytes differ.
  static func changedRows(_ pair: TensorPair, among rows: RowSet) throws -> RowSet {
    guard let rowCount = pair.a.shape.dimensions.first, rowCount > 0 else { return RowSet([]) }
    // Packed dtypes may have rows that share a byte: then a row means the bytes that hold it.
    let bits = pair.a.shape.count / rowCount * pair.a.dtype.bitWidth
    var changed = RowSet([])
    for range in rows.ranges {
      if try bytesAreEqual(pair, in: bytes(range, bits)) { continue }
      for row in range where try !bytesAreEqual(pair, in: bytes(row..<row + 1, bits)) {
        changed.append(row..<row + 1)
      }
    }
    return changed
  }

  private static func bytes(_ rows: Range<Int>, _ bits: Int) -> Range<Int> {
    rows.lowerBound * bits / 8..<(rows.upperBound * bits + 7) / 8
  }
}
