public import CheckpointFiles

/// A tensor that both checkpoints probably have, under two names.
///
///     for rename in diff.likelyRenames { print(rename.from, rename.to, rename.isSameContent) }
public struct LikelyRename: Sendable, Hashable {
  /// The key in the first checkpoint.
  public let from: Key
  /// The key in the second checkpoint.
  public let to: Key
  /// Whether the bytes are the same. Otherwise the shape and most of the name are.
  public let isSameContent: Bool

  /// Pairs of keys that only one side has: first those with equal content, then those whose shapes are equal and whose
  /// names differ in a prefix, or in `gamma` and `beta` for `weight` and `bias`.
  static func find(
    _ a: Checkpoint, _ onlyInA: [Key], _ b: Checkpoint, _ onlyInB: [Key]
  ) throws -> [LikelyRename] {
    if onlyInA.isEmpty || onlyInB.isEmpty { return [] }
    var partner: [Key: LikelyRename] = [:]
    var taken: Set<Key> = []
    try pairByContent(a, onlyInA, b, onlyInB, &partner, &taken)
    pairByName(a, onlyInA, b, onlyInB, &partner, &taken)
    return onlyInA.compactMap { partner[$0] }
  }

  private struct Group: Hashable {
    var dtype: DType
    var shape: Shape
  }

  private static func pairByContent(
    _ a: Checkpoint, _ onlyInA: [Key], _ b: Checkpoint, _ onlyInB: [Key],
    _ partner: inout [Key: LikelyRename], _ taken: inout Set<Key>
  ) throws {
    func groups(_ checkpoint: Checkpoint, _ keys: [Key]) -> [Group: [Key]] {
      Dictionary(grouping: keys) {
        Group(dtype: checkpoint[$0]?.dtype ?? .bool, shape: checkpoint[$0]?.shape ?? [])
      }
    }
    let inB = groups(b, onlyInB)
    for (group, keysA) in groups(a, onlyInA) {
      guard let keysB = inB[group] else { continue }
      var found: [Int: [Key]] = [:]
      for key in keysB {
        guard let tensor = b[key] else { continue }
        found[try fingerprint(tensor), default: []].append(key)
      }
      var candidates = found.mapValues(Candidates.init)
      for key in keysA {
        guard let tensor = a[key] else { continue }
        let content = try fingerprint(tensor)
        // Constant tensors (biases of zeros) have the same content: the most similar name decides.
        let ranked = (candidates[content]?.nearest ?? []).map { ($0, similarity(key, $0)) }
          .sorted { $0.1 > $1.1 }
        for (name, _) in ranked.prefix(2) {
          guard let other = b[name], try bytesAreEqual([TensorPair(tensor, other)]) == [true]
          else { continue }
          partner[key] = LikelyRename(from: key, to: name, isSameContent: true)
          taken.insert(name)
          candidates[content]?.take(name)
          break
        }
      }
    }
  }

  /// The keys with one content that have no partner yet.
  private struct Candidates {
    /// The first of them, with which a key is compared. There are fewer when there are very many keys, so that the
    /// number of comparisons grows with the number of keys and not with its square.
    private(set) var nearest: [Key]
    private var rest: ArraySlice<Key>

    init(_ keys: [Key]) {
      let count = max(8, min(256, (1 << 18) / max(1, keys.count)))
      nearest = Array(keys.prefix(count))
      rest = keys.dropFirst(count)
    }

    mutating func take(_ key: Key) {
      guard let place = nearest.firstIndex(of: key) else { return }
      nearest.remove(at: place)
      if let next = rest.popFirst() { nearest.append(next) }
    }
  }

  /// How alike two names are: by the components that both have at the end, then by their letters.
  private static func similarity(_ a: Key, _ b: Key) -> Int {
    let tail = zip(a.components.reversed(), b.components.reversed()).prefix {
      EncoderKeys.modern(component: $0).isSame(as: EncoderKeys.modern(component: $1))
    }.count
    return tail * 1000 - editDistance(a.string, b.string, limit: 200)
  }

  private static func pairByName(
    _ a: Checkpoint, _ onlyInA: [Key], _ b: Checkpoint, _ onlyInB: [Key],
    _ partner: inout [Key: LikelyRename], _ taken: inout Set<Key>
  ) {
    /// The modern name without its first 0 to 3 components, longest first.
    func tails(_ key: Key) -> [Key] {
      let parts = key.components.map(EncoderKeys.modern(component:))
      return (0...min(3, parts.count - 1)).map { Key(parts.dropFirst($0).joined(separator: ".")) }
    }
    var byTail: [Key: [Key]] = [:]
    for key in onlyInB where !taken.contains(key) {
      for tail in tails(key) { byTail[tail, default: []].append(key) }
    }
    for key in onlyInA where partner[key] == nil {
      for tail in tails(key) where tail.components.count > 1 {
        let names = (byTail[tail] ?? []).filter {
          !taken.contains($0) && b[$0]?.shape == a[key]?.shape
        }
        guard names.count == 1, let name = names.first else { continue }
        partner[key] = LikelyRename(from: key, to: name, isSameContent: false)
        taken.insert(name)
        break
      }
    }
  }
}
