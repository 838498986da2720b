public import CheckpointFiles
public import OrderedCollections

/// Which tensors of a checkpoint train and which are frozen, rows included: every tensor is listed,
/// so that the file can be reviewed, compared and applied without this program.
///
///     let mask = try FreezeMask(training: ["linear"], in: ParameterTree(checkpoint))
///
/// A mask is bound to the keys, dtypes and shapes of its checkpoint by ``layoutDigest``.
public struct FreezeMask: Sendable, Hashable {
  /// What happens to a tensor in training.
  public enum State: Sendable, Hashable {
    /// All of it trains.
    case trainable
    /// It stays byte-identical.
    case frozen
    /// Only these rows of dimension 0 train.
    case rows(RowSet)
  }

  /// A selector that the mask was created with, and what it matched then. Rules are a record; only the states have
  /// an effect.
  public struct Rule: Sendable, Hashable {
    /// What a rule does.
    public enum Kind: String, Sendable, Hashable {
      /// What the selector matches trains.
      case train
      /// What the selector matches is frozen.
      case freeze
    }

    /// What the rule does with what it matches.
    public let kind: Kind
    /// The selector as it was typed.
    public let selector: String
    /// The number of tensors that it matched.
    public let matched: Int

    /// A record of a rule.
    public init(_ kind: Kind, _ selector: String, matched: Int) {
      self.kind = kind
      self.selector = selector
      self.matched = matched
    }

    /// Whether the rules are the same; selectors are compared by their bytes.
    public static func == (a: Rule, b: Rule) -> Bool {
      a.kind == b.kind && a.matched == b.matched && a.selector.isSame(as: b.selector)
    }

    /// Feeds the kind, the count and the bytes of the selector.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(kind)
      hasher.combine(matched)
      hasher.combine(Key(selector))
    }
  }

  /// Every tensor's state, in key order (by UTF-8 bytes).
  public let states: OrderedDictionary<Key, State>
  /// The selectors that the mask was created with, in order.
  public let rules: [Rule]
  /// The digest of the layout that the mask belongs to; see ``ParameterTree/layoutDigest``.
  public let layoutDigest: String

  /// A mask with the given states for the given layout. The states may be in any order.
  package init(states: OrderedDictionary<Key, State>, rules: [Rule], layoutDigest: String) {
    var sorted = states
    if !zip(states.keys, states.keys.dropFirst()).allSatisfy(<) {
      sorted.sort { $0.key < $1.key }
    }
    self.states = sorted
    self.rules = rules
    self.layoutDigest = layoutDigest
  }

  /// The state of a tensor, or `nil` for a key that the mask does not list.
  public subscript(key: Key) -> State? { states[key] }

  /// The keys that train, in whole or in part, in key order.
  public var trainableKeys: [Key] { states.filter { $0.value != .frozen }.map(\.key) }

  /// The keys that are frozen as a whole, in key order.
  public var frozenKeys: [Key] { states.filter { $0.value == .frozen }.map(\.key) }
}

extension FreezeMask.State {
  /// The rows that train of a tensor with `count` rows.
  public func trainableRows(of count: Int) -> RowSet {
    switch self {
    case .trainable: RowSet([0..<max(count, 0)])
    case .frozen: RowSet([])
    case .rows(let rows): rows
    }
  }
}
