internal import CheckpointFiles

/// Selectors as ordered rules: each adds, or with `!` takes away, and the last that matches a tensor
/// (or a row) wins. A list that begins with `!` begins with everything.
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

  /// What the rules select. An empty list selects everything.
  ///
  /// - Throws: ``SurgeryError`` when a selector matches nothing, or when nothing is left at the end.
  public func resolve(in tree: ParameterTree) throws(SurgeryError) -> Selection {
    var rules = RuleState(tree: tree, startsFull: selectors.first?.isNegated ?? true)
    var explanations: [Selection.Explanation] = []
    for selector in selectors {
      let match = try selector.matchOrExplain(in: tree)
      let changed = rules.apply(match, adding: !selector.isNegated)
      explanations.append(
        Selection.Explanation(
          selector: selector.text, isNegated: selector.isNegated,
          keys: match.entries.map { tree.entries[$0].key }, changed: changed))
    }
    let items = rules.items
    guard !items.isEmpty || tree.entries.isEmpty else {
      throw SurgeryError("the selectors take away everything that they select")
    }
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
struct RuleState {
  enum State {
    case none
    case whole
    case rows(RowSet)
  }

  let tree: ParameterTree
  private(set) var states: [State]

  init(tree: ParameterTree, startsFull: Bool) {
    self.tree = tree
    self.states = [State](repeating: startsFull ? .whole : .none, count: tree.entries.count)
  }

  /// Adds or takes away what a selector matched; returns the number of tensors that this changed.
  mutating func apply(_ match: SelectorMatch, adding: Bool) -> Int {
    var changed = 0
    for entry in match.entries {
      let count = tree.entries[entry].rowCount ?? 0
      switch (states[entry], match.rows[entry]) {
      case (.whole, _) where adding: continue
      case (.none, _) where !adding: continue
      case (_, nil):
        states[entry] = adding ? .whole : .none
        changed += 1
      case (let state, let rows?):
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
    states.enumerated().compactMap { entry, state in
      switch state {
      case .none: nil
      case .whole: Selection.Item(tensor: tree.entries[entry], rows: nil, index: entry)
      case .rows(let rows): Selection.Item(tensor: tree.entries[entry], rows: rows, index: entry)
      }
    }
  }
}
