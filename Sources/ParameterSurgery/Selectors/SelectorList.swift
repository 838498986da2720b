internal import CheckpointFiles

/// Selectors as ordered rules: each adds tensors, or with `!` excludes them, and the last that matches a tensor
/// (or a row) decides. A list that begins with `!` begins with everything.
///
///     let list = try SelectorList(["encoder", "!encoder.layer[0]"])
///     print(try list.resolve(in: tree).keys)
public struct SelectorList: Sendable, Hashable {
  /// The rules, first to last.
  public let selectors: [Selector]

  /// A list of parsed selectors.
  public init(_ selectors: [Selector]) { self.selectors = selectors }

  /// Parses each text.
  ///
  /// - Throws: ``SurgeryError`` with the place of the mistake.
  public init(_ texts: [String]) throws(SurgeryError) {
    self.selectors = try texts.map { text throws(SurgeryError) in try Selector(text) }
  }

  /// Parses selectors with commas between them: `encoder,!encoder.layer[0]`.
  ///
  /// - Throws: ``SurgeryError`` with the place of the mistake.
  public init(_ text: String) throws(SurgeryError) {
    var parser = SelectorParser(text)
    selectors = try parser.list()
  }

  /// What the rules select. An empty list selects everything.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or when nothing is left at the end.
  public func resolve(in tree: ParameterTree) throws(SurgeryError) -> Selection {
    try resolve(inTree: tree)
  }

  /// The same in any tree.
  func resolve(inTree tree: some SelectableTree) throws(SurgeryError) -> Selection {
    var rules = RuleStates(tree: tree, startsFull: selectors.first?.isNegated ?? true)
    var explanations: [Selection.Explanation] = []
    for selector in selectors {
      let match = try selector.matchOrExplain(in: tree)
      let changed = rules.apply(match, adding: !selector.isNegated)
      explanations.append(
        Selection.Explanation(
          selector: selector.text, isNegated: selector.isNegated,
          keys: match.entries.compactMap { tree.info(at: $0)?.key }, changed: changed))
    }
    let items = rules.items
    guard !items.isEmpty || tree.positionCount == 0 else { throw .nothingLeft }
    return Selection(items: items, explanations: explanations)
  }
}

extension ParameterTree {
  /// What the selectors select, as ordered rules; see ``SelectorList``.
  ///
  /// - Throws: ``SurgeryError`` for a selector that cannot be parsed or matches nothing.
  public func select(_ selectors: String...) throws(SurgeryError) -> Selection {
    try SelectorList(selectors).resolve(in: self)
  }
}

/// For every tensor, whether all, some or none of its rows are in.
struct RuleStates<Tree: SelectableTree> {
  enum State {
    case none
    case whole
    case rows(RowSet)
  }

  let tree: Tree
  private(set) var states: [State]

  init(tree: Tree, startsFull: Bool) {
    self.tree = tree
    self.states = [State](repeating: startsFull ? .whole : .none, count: tree.positionCount)
  }

  /// Adds or excludes what a selector matched; returns the number of tensors that this changed.
  mutating func apply(_ match: SelectorMatch, adding: Bool) -> Int {
    var changed = 0
    for entry in match.entries {
      switch (states[entry], match.rows[entry]) {
      case (.whole, _) where adding: continue
      case (.none, _) where !adding: continue
      case (_, nil):
        states[entry] = adding ? .whole : .none
        changed += 1
      case (let state, let rows?):
        let count = tree.rowCount(at: entry) ?? 0
        let before: RowSet =
          switch state {
          case .none: RowSet([])
          case .whole: RowSet([0..<count])
          case .rows(let rows): rows
          }
        let after = adding ? before.union(rows) : before.subtracting(rows)
        if after == before { continue }
        changed += 1
        states[entry] = after.isEmpty ? .none : after.count == count ? .whole : .rows(after)
      }
    }
    return changed
  }

  /// What is in, in the order of the file.
  var items: [Selection.Item] {
    var chosen: [Int] = []
    for entry in states.indices { if case .none = states[entry] {} else { chosen.append(entry) } }
    tree.sort(&chosen)
    return chosen.compactMap { entry in
      guard let info = tree.info(at: entry) else { return nil }
      switch states[entry] {
      case .none: return nil
      case .whole: return Selection.Item(tensor: info, rows: nil, index: entry)
      case .rows(let rows): return Selection.Item(tensor: info, rows: rows, index: entry)
      }
    }
  }
}

/// The states of the tensors of a ``ParameterTree``.
typealias RuleState = RuleStates<ParameterTree>
