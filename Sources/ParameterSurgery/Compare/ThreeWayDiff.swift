public import CheckpointFiles
internal import OrderedCollections

/// What two checkpoints changed in a third that both come from.
///
///     let diff = try ThreeWayDiff(base: base, a, b)
///     for change in diff.changes where change.verdict == .differently { print(change.key) }
public struct ThreeWayDiff: Sendable {
  /// What happened to a tensor on one side.
  public enum Fate: String, Sendable, Hashable {
    /// The tensor is unchanged.
    case same
    /// The dtype, the shape or the values differ.
    case changed
    /// Only this side has the tensor.
    case added
    /// This side does not have the tensor.
    case removed
  }

  /// Which sides changed a tensor.
  public enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// Only the first changed it.
    case onlyA = "only_a"
    /// Only the second changed it.
    case onlyB = "only_b"
    /// Both changed it, and it is the same in both.
    case alike
    /// Both changed it, and it differs between them.
    case differently
  }

  /// A tensor that at least one side changed.
  public struct Change: Sendable, Hashable {
    /// The key, without ignored prefixes.
    public let key: Key
    /// Which sides changed it.
    public let verdict: Verdict
    /// What happened to it in the first.
    public let inA: Fate
    /// What happened to it in the second.
    public let inB: Fate
    /// How the first differs from the base, where values were compared.
    public let a: ValueDifference?
    /// How the second differs from the base, where values were compared.
    public let b: ValueDifference?
    /// How the second differs from the first, when both changed and values were compared.
    public let between: ValueDifference?
  }

  /// The changes in the order of the base, then those that the first added, then those that the second added.
  public let changes: [Change]
  /// The number of tensors that are the same in all three.
  public let unchanged: Int

  /// Whether both are equal to the base.
  public var isEmpty: Bool { changes.isEmpty }

  /// Compares `a` and `b` with `base`. The renames of `options` are not used.
  ///
  /// - Throws: ``SurgeryError`` when a selector or a prefix matches nothing, or bytes cannot be loaded.
  public init(
    base: Checkpoint, _ a: Checkpoint, _ b: Checkpoint, options: Diff.Options = Diff.Options()
  ) throws(SurgeryError) {
    self = try locating { try ThreeWayDiff(comparing: base, a, b, options) }
  }

  private init(
    comparing base: Checkpoint, _ a: Checkpoint, _ b: Checkpoint, _ options: Diff.Options
  ) throws {
    var three = try [base, a, b].map { try ThreeWayDiff.renamed($0, options) }
    for prefix in options.ignoredPrefixes
    where ![base, a, b].contains(where: { checkpoint in
      checkpoint.keys.contains { $0.string.utf8.starts(with: prefix.utf8) }
    }) {
      throw SurgeryError.prefixMatchesNothing(prefix, in: [base.path, a.path, b.path])
    }
    if let chosen = try ThreeWayDiff.chosen(three, options.selectors) {
      for index in three.indices {
        three[index].tensors = three[index].tensors.filter { chosen.contains($0.key) }
      }
    }
    let plain = {
      var plain = Diff.Options()
      (plain.atol, plain.rtol, plain.keysOnly) = (options.atol, options.rtol, options.keysOnly)
      return plain
    }()
    /// The options of one comparison of three.
    func stage(_ number: Int) -> Diff.Options {
      guard let progress = options.progress else { return plain }
      var result = plain
      result.progress = { done, total in progress(number * total + done, 3 * total) }
      return result
    }
    let toA = Side(try Diff(three[0], three[1], options: stage(0)))
    let toB = Side(try Diff(three[0], three[2], options: stage(1)))

    let names = OrderedSet(three.flatMap { Array($0.keys) })
    // Where both sides changed a tensor, both versions are compared.
    var both = [three[1], three[2]]
    for index in both.indices {
      both[index].tensors = both[index].tensors.filter {
        toA.fates[$0.key] != nil && toB.fates[$0.key] != nil
      }
    }
    let between = Side(try Diff(both[0], both[1], options: stage(2)))
    var changes: [Change] = []
    for name in names {
      let (fateA, fateB) = (toA.fates[name] ?? .same, toB.fates[name] ?? .same)
      let verdict: Verdict
      switch (fateA, fateB) {
      case (.same, .same): continue
      case (_, .same): verdict = .onlyA
      case (.same, _): verdict = .onlyB
      default: verdict = between.fates[name] == nil ? .alike : .differently
      }
      changes.append(
        Change(
          key: name, verdict: verdict, inA: fateA, inB: fateB, a: toA.values[name],
          b: toB.values[name], between: between.values[name]))
    }
    self.changes = changes
    unchanged = names.count - changes.count
  }

  /// One comparison by key.
  private struct Side {
    var fates: [Key: Fate] = [:]
    var values: [Key: ValueDifference] = [:]

    init(_ diff: Diff) {
      for key in diff.onlyInA { fates[key] = .removed }
      for key in diff.onlyInB { fates[key] = .added }
      for change in diff.changed {
        fates[change.key] = .changed
        values[change.key] = change.values
      }
    }
  }

  /// The checkpoint under the names by which all three are compared.
  private static func renamed(
    _ checkpoint: Checkpoint, _ options: Diff.Options
  ) throws(SurgeryError) -> Checkpoint {
    guard !options.ignoredPrefixes.isEmpty else { return checkpoint }
    var result = checkpoint
    result.tensors = [:]
    for (common, key) in try Diff.commonKeys(checkpoint, options, renames: []) {
      result.tensors[common] = checkpoint[key]
    }
    return result
  }

  /// The keys that the selectors select in any of the three; `nil` for all.
  private static func chosen(
    _ three: [Checkpoint], _ selectors: SelectorList?
  ) throws(SurgeryError) -> Set<Key>? {
    guard let selectors, !selectors.selectors.isEmpty else { return nil }
    var infos: OrderedDictionary<Key, TensorInfo> = [:]
    for checkpoint in three {
      for (key, tensor) in checkpoint.tensors where infos[key] == nil {
        infos[key] = TensorInfo(key: key, dtype: tensor.dtype, shape: tensor.shape)
      }
    }
    let selection = try Diff.whole(
      selectors, in: ParameterTree(Array(infos.values)), of: three)
    return Set(selection.items.map(\.key))
  }
}

extension ThreeWayDiff {
  /// `{"only_a","only_b","alike","differently","unchanged"}`: lists of
  /// `{"key","in_a","in_b","rel_l2_a","rel_l2_b","rel_l2_between"}`, and a count.
  public var json: JSONValue {
    var members: [(String, JSONValue)] = Verdict.allCases.map { verdict in
      (verdict.rawValue, .array(changes.filter { $0.verdict == verdict }.map(\.json)))
    }
    members.append(("unchanged", .integer(unchanged)))
    return .object(pairs: members)
  }
}

extension ThreeWayDiff.Change {
  fileprivate var json: JSONValue {
    func relative(_ values: ValueDifference?) -> JSONValue {
      values.map { .real($0.relativeL2) } ?? .null
    }
    return .members([
      "key": .string(key.string), "in_a": .string(inA.rawValue), "in_b": .string(inB.rawValue),
      "rel_l2_a": relative(a), "rel_l2_b": relative(b), "rel_l2_between": relative(between),
    ])
  }
}
