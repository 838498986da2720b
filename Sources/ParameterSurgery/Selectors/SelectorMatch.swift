internal import CheckpointFiles

/// What one pattern matches in a tree.
struct SelectorMatch {
  /// Positions of the matched tensors in the tree's entries, ascending.
  var entries: [Int] = []
  /// For tensors of which only rows are matched, which.
  var rows: [Int: RowSet] = [:]
  /// The tensors that the pattern found before the filters.
  var unfiltered: [Int] = []
  /// Single indices in brackets that exist nowhere, with the node they were looked for at.
  var absent: [Absence] = []

  struct Absence {
    var node: Int
    var index: Int
    var isRow: Bool
  }
}

extension Selector {
  /// Matches, without complaint when that is nothing.
  ///
  /// - Throws: ``SurgeryError`` when rows would fall into too many pieces.
  func match(in tree: ParameterTree) throws(SurgeryError) -> SelectorMatch {
    var matcher = Matcher(tree: tree, text: text)
    switch pattern {
    case .paths(let paths):
      for path in paths { try matcher.walk(path) }
    case .regex(let expression, let rows):
      var regex = expression.matcher()
      for (entry, info) in tree.entries.enumerated() {
        guard regex.matches(info.key.string, .whole) else { continue }
        if let rows {
          try matcher.take(rows, of: entry, node: 0)
        } else {
          matcher.isWhole[entry] = true
        }
      }
    }
    return matcher.finish(filters)
  }
}

private struct Matcher {
  let tree: ParameterTree
  let text: String
  var isWhole: [Bool]
  var rows: [Int: RowSet] = [:]
  var absent: [SelectorMatch.Absence] = []

  init(tree: ParameterTree, text: String) {
    self.tree = tree
    self.text = text
    self.isWhole = [Bool](repeating: false, count: tree.entries.count)
  }

  /// A node and the step that its children must fit.
  private struct State: Hashable {
    var node: Int
    var step: Int
  }

  /// Takes what lies below every node that the steps reach. Without recursion: keys may be deep.
  mutating func walk(_ path: [Selector.Step]) throws(SurgeryError) {
    var stack = [State(node: 0, step: 0)]
    // With two `**` a node can be reached with the same step in several ways.
    let repeats = path.count { $0 == .anyDepth } > 1
    var visited: Set<State> = []
    // A listed index need exist under one of the nodes only.
    var found: [Int: Set<Int>] = [:]
    var missing: [Int: [SelectorMatch.Absence]] = [:]

    while let state = stack.popLast() {
      if repeats, !visited.insert(state).inserted { continue }
      guard state.step < path.count else {
        for position in tree.records[state.node].range { isWhole[tree.depthFirst[position]] = true }
        continue
      }
      let next = state.step + 1
      switch path[state.step] {
      case .literal(let component):
        if let child = tree.child(of: state.node, named: component) {
          stack.append(State(node: child, step: next))
        }
      case .glob(let glob, _):
        for child in tree.children(of: state.node)
        where glob.matches(tree.records[child].component) {
          stack.append(State(node: child, step: next))
        }
      case .anyDepth:
        stack.append(State(node: state.node, step: next))
        // What is below is taken already when nothing follows.
        if next == path.count { continue }
        for child in tree.children(of: state.node) {
          stack.append(State(node: child, step: state.step))
        }
      case .index(let expression, _):
        var existing: [Int] = []
        for child in tree.children(of: state.node) {
          if let index = tree.records[child].index { existing.append(index) }
        }
        if existing.isEmpty {
          if next == path.count, let entry = tree.records[state.node].entry {
            try take(expression, of: entry, node: state.node)
          }
          continue
        }
        existing = Array(Set(existing)).sorted()
        let choice = expression.choose(from: existing)
        found[state.step, default: []].formUnion(choice.present)
        for index in choice.absent {
          missing[state.step, default: []].append(
            SelectorMatch.Absence(node: state.node, index: index, isRow: false))
        }
        for child in tree.children(of: state.node) {
          if let index = tree.records[child].index, choice.values.contains(index) {
            stack.append(State(node: child, step: next))
          }
        }
      }
    }
    for (step, absences) in missing {
      for absence in absences where !(found[step]?.contains(absence.index) ?? false) {
        absent.append(absence)
      }
    }
  }

  mutating func take(_ expression: IndexExpression, of entry: Int, node: Int) throws(SurgeryError) {
    let info = tree.entries[entry]
    guard let count = info.rowCount else { return }
    guard let (chosen, beyond) = expression.rows(of: count) else {
      throw SurgeryError(
        .tooLarge, key: info.key, selector: text,
        "selector \(quoted(text)): the rows of \(quoted(info.key.string)) fall into more than "
          + "\(IndexExpression.maximumRanges) pieces")
    }
    for index in beyond {
      absent.append(SelectorMatch.Absence(node: node, index: index, isRow: true))
    }
    if chosen.isEmpty { return }
    rows[entry] = rows[entry]?.union(chosen) ?? chosen
  }

  consuming func finish(_ filters: [SelectorFilter]) -> SelectorMatch {
    var match = SelectorMatch()
    match.absent = absent
    for (entry, chosen) in rows {
      // All the rows are the whole tensor.
      if chosen.count == tree.entries[entry].rowCount { isWhole[entry] = true }
      if isWhole[entry] { rows[entry] = nil }
    }
    for entry in isWhole.indices where isWhole[entry] || rows[entry] != nil {
      match.unfiltered.append(entry)
      if filters.allSatisfy({ $0.accepts(tree.entries[entry]) }) { match.entries.append(entry) }
    }
    let accepted = filters.isEmpty || rows.isEmpty ? [] : Set(match.entries)
    match.rows = filters.isEmpty ? rows : rows.filter { accepted.contains($0.key) }
    return match
  }
}
