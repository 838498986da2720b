public import CheckpointFiles
internal import OrderedCollections

/// A summary of a ``Diff``: by groups of tensors of repeated layers, by layer, and a histogram of the relative changes.
///
///     for group in DiffSummary(diff, a, b).groups { print(group.selector, group.counts.changed) }
public struct DiffSummary: Sendable {
  /// Tensors of one dtype and shape whose names differ only in the numbers of layers or experts.
  public struct Group: Sendable, Hashable {
    /// The selector of the tensors: `encoder.layer[0:12].output.dense.weight`. Where not every layer has every
    /// expert, there is a group for each set of experts.
    public let selector: String
    /// How many are the same, changed, added and removed.
    public let counts: Counts
    /// The greatest |b − a| of those that changed; `nil` when none was measured.
    public let maxAbs: Double?
    /// ‖b − a‖ / ‖a‖ over those that changed, together; `nil` when none was measured.
    public let relativeL2: Double?
  }

  /// The tensors of one layer, or of a node without layers.
  public struct Layer: Sendable, Hashable {
    /// The node: `encoder.layer.3`, `embeddings`.
    public let name: String
    /// How many are the same, changed, added and removed.
    public let counts: Counts
    /// ‖b − a‖ / ‖a‖ over those that changed, together; `nil` when none was measured.
    public let relativeL2: Double?
  }

  /// Numbers of tensors.
  public struct Counts: Sendable, Hashable {
    /// Tensors of both checkpoints.
    public fileprivate(set) var tensors = 0
    /// Those of ``tensors`` that changed.
    public fileprivate(set) var changed = 0
    /// Tensors that only the first checkpoint has.
    public fileprivate(set) var onlyInA = 0
    /// Tensors that only the second checkpoint has.
    public fileprivate(set) var onlyInB = 0
  }

  /// The tensors whose relative change is in a range.
  public struct Bin: Sendable, Hashable {
    /// The upper end of the range, exclusive; the lower end is that of the bin before. `nil` for the last bin.
    public let limit: Double?
    /// The number of tensors.
    public fileprivate(set) var tensors = 0
  }

  /// The groups, in the order of the first checkpoint, then those that only the second has.
  public let groups: [Group]
  /// The layers, in the same order.
  public let layers: [Layer]
  /// Changed tensors by their relative change, in powers of ten.
  public let histogram: [Bin]
  /// The number of changed tensors without a relative change: of another shape, with NaN, or zero before.
  public let unmeasured: Int

  /// The summary of a diff of `a` and `b`.
  public init(_ diff: Diff, _ a: Checkpoint, _ b: Checkpoint) {
    var entries: [(key: Key, kind: Kind, sums: Sums)] = []
    var layers: OrderedDictionary<Key, Sums> = [:]
    let changed = Dictionary(
      diff.changed.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    let limits: [Double?] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, nil]
    var histogram = limits.map { Bin(limit: $0) }
    var unmeasured = 0
    func add(_ key: Key, _ tensor: Tensor?, _ body: (inout Sums) -> Void) {
      var sums = Sums()
      body(&sums)
      entries.append((key, Kind(dtype: tensor?.dtype, shape: tensor?.shape), sums))
      body(&layers[DiffSummary.layer(of: key), default: Sums()])
    }
    for key in diff.sharedKeys {
      add(key, a[key]) { sums in
        sums.counts.tensors += 1
        if let change = changed[key] { sums.add(change) }
      }
      guard let change = changed[key] else { continue }
      guard let relative = change.values?.relativeL2, relative.isFinite else {
        unmeasured += 1
        continue
      }
      let bin = histogram.firstIndex { $0.limit.map { relative < $0 } ?? true }
      if let bin { histogram[bin].tensors += 1 }
    }
    for key in diff.onlyInA { add(key, a[key]) { $0.counts.onlyInA += 1 } }
    for key in diff.onlyInB { add(key, b[key]) { $0.counts.onlyInB += 1 } }
    let alike = KeyGroups(entries.count) {
      [entries[$0].key]
    } trait: {
      entries[$0].kind
    }
    self.groups = alike.groups.map { group in
      var sums = Sums()
      for row in group.rows { sums.add(entries[row].sums) }
      return Group(
        selector: group.selectors.first ?? "", counts: sums.counts, maxAbs: sums.maxAbs,
        relativeL2: sums.relativeL2)
    }
    self.layers = layers.map {
      Layer(name: $0.string, counts: $1.counts, relativeL2: $1.relativeL2)
    }
    self.histogram = histogram
    self.unmeasured = unmeasured
  }

  /// The node up to the number of a layer; without a number, the key without its last two components.
  private static func layer(of key: Key) -> Key {
    let parts = key.components
    if let place = parts.firstIndex(where: { Key(String($0)).indexValue != nil }), place > 0,
      place < parts.count - 1
    {
      return Key(parts[...place].joined(separator: "."))
    }
    let count = parts.count > 2 ? parts.count - 2 : max(parts.count - 1, 1)
    return Key(parts.prefix(count).joined(separator: "."))
  }

  /// The dtype and shape that the tensors of a group have in common.
  private struct Kind: Hashable {
    let dtype: DType?
    let shape: Shape?
  }

  private struct Sums {
    var counts = Counts()
    var maxAbs: Double?
    private var squaredDifference = 0.0
    private var squaredNorm = 0.0

    mutating func add(_ change: TensorDifference) {
      counts.changed += 1
      guard let values = change.values else { return }
      maxAbs = max(maxAbs ?? 0, values.maxAbs)
      squaredDifference += values.squaredDifference
      squaredNorm += values.squaredNorm
    }

    mutating func add(_ other: Sums) {
      counts.tensors += other.counts.tensors
      counts.changed += other.counts.changed
      counts.onlyInA += other.counts.onlyInA
      counts.onlyInB += other.counts.onlyInB
      maxAbs = maxAbs.map { max($0, other.maxAbs ?? $0) } ?? other.maxAbs
      squaredDifference += other.squaredDifference
      squaredNorm += other.squaredNorm
    }

    var relativeL2: Double? {
      maxAbs == nil
        ? nil : squaredDifference == 0 ? 0 : (squaredDifference / squaredNorm).squareRoot()
    }
  }
}

extension DiffSummary {
  /// `[{"selector","tensors","changed","only_in_a","only_in_b","max_abs","rel_l2"}]`.
  public var groupsJSON: JSONValue {
    .array(
      groups.map { group in
        .object(
          pairs: [("selector", .string(group.selector))] + group.counts.members + [
            ("max_abs", group.maxAbs.map { .real($0) } ?? .null),
            ("rel_l2", group.relativeL2.map { .real($0) } ?? .null),
          ])
      })
  }

  /// `[{"layer","tensors","changed","only_in_a","only_in_b","rel_l2"}]`.
  public var layersJSON: JSONValue {
    .array(
      layers.map { layer in
        .object(
          pairs: [("layer", .string(layer.name))] + layer.counts.members + [
            ("rel_l2", layer.relativeL2.map { .real($0) } ?? .null)
          ])
      })
  }

  /// `[{"below","tensors"}]`; the last has `null`.
  public var histogramJSON: JSONValue {
    .array(
      histogram.map {
        .members([
          "below": $0.limit.map { .real($0) } ?? .null, "tensors": .integer($0.tensors),
        ])
      })
  }
}

extension DiffSummary.Counts {
  fileprivate var members: [(String, JSONValue)] {
    [
      ("tensors", .integer(tensors)), ("changed", .integer(changed)),
      ("only_in_a", .integer(onlyInA)), ("only_in_b", .integer(onlyInB)),
    ]
  }
}
