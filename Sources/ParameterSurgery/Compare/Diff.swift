public import CheckpointFiles
internal import OrderedCollections

/// What differs between two checkpoints: keys, dtypes, shapes and values, whatever the formats.
///
///     let diff = try Diff(base, tuned)
///     for change in diff.changed { print(change.key, change.values?.maxAbs ?? .nan) }
public struct Diff: Sendable {
  /// The tensors that are compared, and the tolerance.
  public struct Options: Sendable {
    /// Differences up to `atol + rtol·|b|` do not count.
    public var atol = 0.0
    /// See ``atol``.
    public var rtol = 0.0
    /// Compare only the keys.
    public var keysOnly = false
    /// Applied to the keys of the first checkpoint, in order; the first that matches a key is used.
    public var renames: [KeyRewrite] = []
    /// Prefixes such as `bert.` that are removed on both sides before keys are compared.
    public var ignoredPrefixes: [String] = []
    /// Compare only what these select, in either checkpoint.
    public var selectors: SelectorList?
    /// Called from any thread with the bytes of the first checkpoint that have been compared, and with
    /// those that are.
    public var progress: (@Sendable (_ compared: Int, _ total: Int) -> Void)?

    /// Everything, exactly.
    public init() {}
  }

  /// Keys of the first checkpoint that the second does not have, in the order of the file.
  public let onlyInA: [Key]
  /// Keys of the second checkpoint that the first does not have, in the order of the file.
  public let onlyInB: [Key]
  /// Tensors of both that differ, in the order of the first.
  public let changed: [TensorDifference]
  /// The number of tensors that are the same in both.
  public let same: Int
  /// Pairs of ``onlyInA`` and ``onlyInB`` that look like one tensor under two names.
  public let likelyRenames: [LikelyRename]

  /// Keys of the first checkpoint whose tensors both have, in the order of the first.
  package let sharedKeys: [Key]

  /// Whether nothing differs.
  public var isEmpty: Bool { onlyInA.isEmpty && onlyInB.isEmpty && changed.isEmpty }

  /// Compares `a` with `b`.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing in both, two keys become one by renaming, or bytes
  ///   cannot be loaded.
  public init(
    _ a: Checkpoint, _ b: Checkpoint, options: Options = Options()
  ) throws(SurgeryError) {
    self = try locating { try Diff(comparing: a, b, options) }
  }

  private init(comparing a: Checkpoint, _ b: Checkpoint, _ options: Options) throws {
    let keysA = try Diff.commonKeys(a, options, renames: options.renames)
    let keysB = try Diff.commonKeys(b, options, renames: [])
    try Diff.checkUse(of: options, a, b)
    let chosen = try Diff.chosen(a, b, keysA, keysB, options.selectors)?.names

    var onlyInA: [Key] = []
    var shared: [(key: Key, keyInB: Key, a: Tensor, b: Tensor)] = []
    for (common, key) in keysA {
      guard let tensorA = a[key], chosen?.contains(common) ?? true else { continue }
      if let keyInB = keysB[common], let tensorB = b[keyInB] {
        shared.append((key, keyInB, tensorA, tensorB))
      } else {
        onlyInA.append(key)
      }
    }
    let onlyInB: [Key] = keysB.compactMap { common, key in
      keysA[common] == nil && chosen?.contains(common) ?? true ? key : nil
    }
    self.onlyInA = onlyInA
    self.onlyInB = onlyInB
    sharedKeys = shared.map(\.key)
    if options.keysOnly {
      self.changed = []
      self.same = shared.count
      self.likelyRenames = []
      return
    }

    // Equal bytes are equal values: only what differs there is measured.
    var differing: [Int: TensorPair] = [:]
    var candidates: [(index: Int, pair: TensorPair)] = []
    for (index, item) in shared.enumerated() where item.a.shape == item.b.shape {
      let pair = try TensorPair(item.a, item.b)
      if item.a.dtype == item.b.dtype {
        if !pair.isOneView { candidates.append((index, pair)) }
      } else {
        differing[index] = pair
      }
    }
    let compared = candidates.map(\.index)
    let known = Set(compared).union(differing.keys)
    let meter = ComparisonMeter(
      shared.enumerated().map { known.contains($0) ? $1.a.byteCount : 0 }, options.progress)
    let equalities = try bytesAreEqual(candidates.map(\.pair)) {
      meter?.count($0, of: compared[$1])
    }
    for (candidate, equal) in zip(candidates, equalities)
    where !equal {
      differing[candidate.index] = candidate.pair
    }
    let measured = differing.keys.sorted()
    let sums = try differenceSums(
      measured.compactMap { differing[$0] }, atol: options.atol, rtol: options.rtol
    ) { meter?.count($0, of: measured[$1]) }
    let sumsByIndex = Dictionary(uniqueKeysWithValues: zip(measured, sums))

    var changed: [TensorDifference] = []
    for (index, item) in shared.enumerated() {
      let values = sumsByIndex[index].flatMap { $0 }.map {
        ValueDifference($0, count: item.a.shape.count * (item.a.dtype.isComplex ? 2 : 1))
      }
      let differs =
        item.a.dtype != item.b.dtype || item.a.shape != item.b.shape
        || (sumsByIndex[index] != nil && values?.changedFraction != 0)
      guard differs else { continue }
      changed.append(
        TensorDifference(
          key: item.key, keyInB: item.keyInB, dtypes: [item.a.dtype, item.b.dtype],
          shapes: [item.a.shape, item.b.shape], values: values))
    }
    self.changed = changed
    self.same = shared.count - changed.count
    self.likelyRenames = try LikelyRename.find(a, onlyInA, b, onlyInB)
  }

  /// Throws when a rename or a prefix matches no key: that is a mistake.
  private static func checkUse(
    of options: Options, _ a: Checkpoint, _ b: Checkpoint
  ) throws(SurgeryError) {
    for rename in options.renames
    where !a.tensors.keys.contains(where: { rename.apply(to: $0) != nil }) {
      throw .renameMatchesNothing(rename, in: a.path)
    }
    for prefix in options.ignoredPrefixes {
      let isUsed = [a, b].contains { checkpoint in
        checkpoint.tensors.keys.contains { key in
          let renamed = options.renames.lazy.compactMap { $0.apply(to: key) }.first
          return (renamed ?? key).string.utf8.starts(with: prefix.utf8)
        }
      }
      guard isUsed else { throw .prefixMatchesNothing(prefix, in: [a.path, b.path]) }
    }
  }

  /// The keys of a checkpoint under the names by which both sides are compared.
  static func commonKeys(
    _ checkpoint: Checkpoint, _ options: Options, renames: [KeyRewrite]
  ) throws(SurgeryError) -> OrderedDictionary<Key, Key> {
    var result: OrderedDictionary<Key, Key> = [:]
    result.reserveCapacity(checkpoint.tensors.count)
    for key in checkpoint.tensors.keys {
      var common = key
      for rename in renames {
        if let renamed = rename.apply(to: key) {
          common = renamed
          break
        }
      }
      for prefix in options.ignoredPrefixes
      where common.string.utf8.starts(with: prefix.utf8) {
        common = Key(
          String(decoding: common.string.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
        break
      }
      if let other = result.updateValue(key, forKey: common) {
        throw .comparedUnderOneName(other, key, as: common, in: checkpoint.path)
      }
    }
    return result
  }

  /// What the selectors of `options` select in the two checkpoints together, under the key of the
  /// first where both have a tensor; `nil` when there are no selectors.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing in both or two keys become one by
  ///   renaming.
  public static func selection(
    _ a: Checkpoint, _ b: Checkpoint, options: Options
  ) throws(SurgeryError) -> Selection? {
    try chosen(
      a, b, try commonKeys(a, options, renames: options.renames),
      try commonKeys(b, options, renames: []), options.selectors)?.selection
  }

  /// The common names that the selectors choose in either checkpoint; `nil` for all.
  private static func chosen(
    _ a: Checkpoint, _ b: Checkpoint, _ keysA: OrderedDictionary<Key, Key>,
    _ keysB: OrderedDictionary<Key, Key>, _ selectors: SelectorList?
  ) throws(SurgeryError) -> (names: Set<Key>, selection: Selection)? {
    guard let selectors, !selectors.selectors.isEmpty else { return nil }
    // One tree of both: a selector has to match in one of them.
    var infos: [TensorInfo] = []
    var common: [Key: Key] = [:]
    for (name, key) in keysA {
      guard let tensor = a[key] else { continue }
      infos.append(TensorInfo(key: key, dtype: tensor.dtype, shape: tensor.shape))
      common[key] = name
    }
    for (name, key) in keysB where keysA[name] == nil && common[key] == nil {
      guard let tensor = b[key] else { continue }
      infos.append(TensorInfo(key: key, dtype: tensor.dtype, shape: tensor.shape))
      common[key] = name
    }
    let selection = try whole(selectors, in: ParameterTree(infos), of: [a, b])
    return (Set(selection.items.compactMap { common[$0.key] }), selection)
  }
}

extension Diff {
  /// What the selectors select in the tree of several checkpoints.
  ///
  /// - Throws: ``SurgeryError``, which names the checkpoints, when they select nothing or rows of a tensor.
  static func whole(
    _ selectors: SelectorList, in tree: ParameterTree, of checkpoints: [Checkpoint]
  ) throws(SurgeryError) -> Selection {
    do throws(SurgeryError) {
      let selection = try selectors.resolve(in: tree)
      guard let item = selection.items.first(where: { $0.rows != nil }) else { return selection }
      throw .comparesRows(of: item.key)
    } catch {
      throw error.naming(listed(OrderedSet(checkpoints.map(\.path)).elements))
    }
  }
}

extension TensorPair {
  /// Whether both are the same bytes of the same storage or file: two folders of the Hugging Face cache
  /// have files in common.
  var isOneView: Bool {
    TensorView(a) == TensorView(b)
      || a.dtype == b.dtype && a.shape == b.shape && a.byteOffset == b.byteOffset
        && a.storage.isSamePlace(as: b.storage)
  }
}
