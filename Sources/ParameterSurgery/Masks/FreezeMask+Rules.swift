public import CheckpointFiles
public import OrderedCollections

extension FreezeMask {
  /// A rule that is not applied yet: a selector, and whether what it matches trains.
  public struct Request: Sendable, Hashable {
    /// Whether the tensors train or are frozen.
    public let kind: Rule.Kind
    /// The selector of the tensors. A negated one does the opposite.
    public let selector: Selector

    /// Lets what the selector matches train.
    public static func train(_ selector: Selector) -> Request {
      Request(kind: .train, selector: selector)
    }

    /// Freezes what the selector matches.
    public static func freeze(_ selector: Selector) -> Request {
      Request(kind: .freeze, selector: selector)
    }

    var trains: Bool { (kind == .train) != selector.isNegated }
  }

  /// A mask that lets `training` train, except `freezing`, and freezes everything else. Without `training`, it
  /// freezes `freezing` and lets everything else train.
  ///
  ///     let head = try FreezeMask(training: ["linear"], in: ParameterTree(checkpoint))
  ///     let upper = try FreezeMask(freezing: ["bert.embeddings"], in: ParameterTree(checkpoint))
  ///
  /// Integers and Booleans (`position_ids`) have no gradient and stay frozen; see
  /// ``FreezeMask/warnings(in:siblings:)``.
  ///
  /// - Parameters:
  ///   - training: selectors of what trains; one with `!` freezes.
  ///   - freezing: selectors of what stays frozen, applied after `training`.
  ///   - tree: the keys of the checkpoint.
  /// - Throws: ``SurgeryError`` when a selector cannot be parsed or matches nothing, or nothing would train.
  public init(
    training: [String] = [], freezing: [String] = [], in tree: ParameterTree
  ) throws(SurgeryError) {
    self = try FreezeMask.resolving(
      try SelectorList(training).selectors.map { .train($0) }
        + SelectorList(freezing).selectors.map { .freeze($0) }, in: tree)
  }

  /// A mask from rules in order; the last that matches a tensor, or a row, wins.
  ///
  /// What no rule matches is frozen as soon as one rule lets something train, wherever it is in the list, and trains
  /// when all rules freeze. (Of selectors with `!`, it is the opposite.)
  ///
  ///     let rules: [FreezeMask.Request] = [
  ///       .freeze(try Selector("**.bias")), .train(try Selector("linear")),
  ///     ]
  ///     let ruled = try FreezeMask.resolving(rules, in: ParameterTree(checkpoint))
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or nothing would train.
  public static func resolving(
    _ requests: [Request], in tree: ParameterTree
  ) throws(SurgeryError) -> FreezeMask {
    guard let first = requests.first(where: { $0.kind == .train }) ?? requests.first else {
      throw .noRules
    }
    var state = RuleState(tree: tree, startsFull: !first.trains)
    var rules: [Rule] = []
    for request in requests {
      let match = try request.selector.matchOrExplain(in: tree)
      _ = state.apply(match, adding: request.trains)
      rules.append(Rule(request.kind, request.selector.text, matched: match.entries.count))
    }
    var states: OrderedDictionary<Key, State> = [:]
    states.reserveCapacity(tree.entries.count)
    var trains = false
    var integer: TensorInfo?
    // Sorted once, for the states and for the digest.
    let tensors = tree.entries
    let order = tensors.indices.sorted { tensors[$0].key < tensors[$1].key }
    for index in order {
      let info = tensors[index]
      switch state.states[index] {
      case .none: states[info.key] = .frozen
      case _ where !info.canTrain:
        integer = info
        states[info.key] = .frozen
      case .whole:
        states[info.key] = .trainable
        trains = true
      case .rows(let rows):
        states[info.key] = .rows(rows)
        trains = true
      }
    }
    guard trains else { throw .nothingTrains(selecting: integer) }
    return FreezeMask(
      states: states, rules: rules, layoutDigest: layoutSHA256(order.map { tensors[$0] }))
  }

  /// A mask from a state for each tensor.
  ///
  ///     let states: OrderedDictionary<Key, FreezeMask.State> = ["linear.bias": .frozen]
  ///     let stated = try FreezeMask(states: states, in: ParameterTree(checkpoint))
  ///
  /// - Parameters:
  ///   - states: the states, in any order; tensors of the checkpoint that are not listed are frozen.
  ///   - tree: the keys of the checkpoint.
  /// - Throws: ``SurgeryError`` when the states list a key that the checkpoint does not have, rows that a tensor does
  ///   not have, or a tensor that has no gradient and would train.
  public init(
    states: OrderedDictionary<Key, State>, in tree: ParameterTree
  ) throws(SurgeryError) {
    var all = states
    for info in tree.entries where all[info.key] == nil { all[info.key] = .frozen }
    self.init(states: all, rules: [], layoutDigest: tree.layoutDigest)
    try check(fits: tree)
  }
}

extension TensorInfo {
  /// Whether the elements can have a gradient.
  var canTrain: Bool { dtype.isFloatingPoint || dtype.isComplex }
}
