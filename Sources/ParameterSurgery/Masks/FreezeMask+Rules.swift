internal import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  /// A selector and what to do with what it matches.
  public struct Request: Sendable, Hashable {
    /// Whether the tensors train or freeze.
    public let kind: Rule.Kind
    /// Which. A negated selector does the opposite.
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

  /// A mask from rules in order; the last that matches a tensor, or a row, wins.
  ///
  /// What no rule matches is frozen when the first rule trains, and trains when the first one freezes.
  /// Integers and Booleans (`position_ids`) have no gradient and stay frozen; ``FreezeMask/warnings(in:siblings:)`` tells.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or nothing would train.
  public init(rules requests: [Request], in tree: ParameterTree) throws(SurgeryError) {
    try self.init(rules: requests, after: requests.first, in: tree)
  }

  /// A mask from rules as they are typed, in order; the last that matches a tensor, or a row, wins.
  ///
  /// What no rule matches is frozen as soon as one says what trains, wherever it stands, and trains
  /// when all rules freeze. (Of selectors with `!`, it is the other way round.)
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or nothing would train.
  public init(typed requests: [Request], in tree: ParameterTree) throws(SurgeryError) {
    let first = requests.first { $0.kind == .train } ?? requests.first
    try self.init(rules: requests, after: first, in: tree)
  }

  /// - Parameter first: the rule that tells what is with the tensors that no rule matches.
  private init(
    rules requests: [Request], after first: Request?, in tree: ParameterTree
  ) throws(SurgeryError) {
    guard let first else {
      throw SurgeryError("a mask needs a selector: what to train, or what to freeze")
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
    guard trains else {
      throw SurgeryError(
        integer.map {
          "nothing would train: \(quoted($0.key.string)) holds \($0.dtype), which has no gradient"
        } ?? "nothing would train: the rules freeze everything that they train")
    }
    self.init(
      states: states, rules: rules, layoutDigest: layoutSHA256(order.map { tensors[$0] }))
  }

  /// A mask that lets `training` train, but for `freezing`, and freezes everything else.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or nothing would train.
  public init(
    training: [Selector], freezing: [Selector] = [], in tree: ParameterTree
  ) throws(SurgeryError) {
    try self.init(rules: training.map { .train($0) } + freezing.map { .freeze($0) }, in: tree)
  }

  /// A mask that freezes `freezing` and lets everything else train.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or nothing would train.
  public init(freezing: [Selector], in tree: ParameterTree) throws(SurgeryError) {
    try self.init(rules: freezing.map { .freeze($0) }, in: tree)
  }

  /// A mask from the texts of selectors.
  ///
  /// - Throws: ``SurgeryError`` when one cannot be parsed or matches nothing, or nothing would train.
  public init(
    training: [String], freezing: [String] = [], in tree: ParameterTree
  ) throws(SurgeryError) {
    try self.init(
      training: try SelectorList(training).selectors,
      freezing: try SelectorList(freezing).selectors, in: tree)
  }

  /// A mask from the texts of selectors.
  ///
  /// - Throws: ``SurgeryError`` when one cannot be parsed or matches nothing, or nothing would train.
  public init(freezing: [String], in tree: ParameterTree) throws(SurgeryError) {
    try self.init(freezing: try SelectorList(freezing).selectors, in: tree)
  }
}

extension TensorInfo {
  /// Whether the elements can have a gradient.
  var canTrain: Bool { dtype.isFloatingPoint || dtype.isComplex }
}
