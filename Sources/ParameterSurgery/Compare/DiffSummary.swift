public import CheckpointFiles
internal import OrderedCollections

/// A ``Diff`` by groups: tensors of repeated layers together, each layer for itself, and how many
/// tensors changed by how much.
///
///     for group in DiffSummary(diff, a, b).groups { print(group.selector, group.counts.changed) }
public struct DiffSummary: Sendable {
  /// Tensors of one dtype and shape that differ in nothing but numbers: of layers, of experts.
  public struct Group: Sendable, Hashable {
    /// What selects them: `encoder.layer[0:12].output.dense.weight`. Where not every layer
    /// has every expert, a group for each set of experts.
    public let selector: String
    /// What became of them.
    public let counts: Counts
    /// The greatest |b − a| of those that changed; `nil` when none was measured.
    public let maxAbs: Double?
    /// ‖b − a‖ / ‖a‖ over those that changed, together; `nil` when none was measured.
    public let relativeL2: Double?
  }

  /// The tensors of one layer, or of a node that has none.
  public struct Layer: Sendable, Hashable {
    /// The node: `encoder.layer.3`, `embeddings`.
    public let name: String
    /// What became of them.
    public let counts: Counts
    /// ‖b − a‖ / ‖a‖ over those that changed, together; `nil` when none was measured.
    public let relativeL2: Double?
  }

  /// How many tensors there are of what kind.
  public struct Counts: Sendable, Hashable {
    /// In both.
    public fileprivate(set) var tensors = 0
    /// Of these, changed.
    public fileprivate(set) var changed = 0
    /// Only in the first checkpoint.
    public fileprivate(set) var onlyInA = 0
    /// Only in the second.
    public fileprivate(set) var onlyInB = 0
  }

  /// Tensors of a range of relative change.
  public struct Bin: Sendable, Hashable {
    /// The relative change is below this, and not below that of the bin before; `nil` for the last.
    public let limit: Double?
    /// How many tensors.
    public fileprivate(set) var tensors = 0
  }

  /// In the order of the first checkpoint, then what only the second has.
  public let groups: [Group]
  /// In the same order.
  public let layers: [Layer]
  /// Changed tensors by their relative change, in powers of ten.
  public let histogram: [Bin]
  /// Changed tensors that have no such number: another shape, NaN, or zeros before.
  public let unmeasured: Int

  /// The summary of a diff of `a` and `b`.
  public init(_ diff: Diff, _ a: Checkpoint, _ b: Checkpoint) {
    var entries: [(key: Key, kind: Kind, sums: Sums)] = []
    var layers: OrderedDictionary<String, Sums> = [:]
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
    self.groups = alike.groups.flatMap { group in
      KeyGroups.blocks(of: group.rows.map { entries[$0].key }).map { block in
        var sums = Sums()
        for place in block.places { sums.add(entries[group.rows[place]].sums) }
        return Group(
          selector: block.selector, counts: sums.counts, maxAbs: sums.maxAbs,
          relativeL2: sums.relativeL2)
      }
    }
    self.layers = layers.map {
      Layer(name: $0, counts: $1.counts, relativeL2: $1.relativeL2)
    }
    self.histogram = histogram
    self.unmeasured = unmeasured
  }

  /// The node up to the number of a layer; without one, two components less than the key.
  private static func layer(of key: Key) -> String {
    let parts = key.components
    if let place = parts.firstIndex(where: { Key(String($0)).indexValue != nil }), place > 0,
      place < parts.count - 1
    {
      return parts[...place].joined(separator: ".")
    }
    let count = parts.count > 2 ? parts.count - 2 : max(parts.count - 1, 1)
    return parts.prefix(count).joined(separator: ".")
  }

  /// What tensors of a group have in common beside their names; what is not there has none.
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
