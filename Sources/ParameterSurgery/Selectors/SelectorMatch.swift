internal import CheckpointFiles

/// What one pattern matches in a tree.
struct SelectorMatch {
  /// Positions of the matched tensors, in the order of the file.
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
  func match(in tree: some SelectableTree) throws(SurgeryError) -> SelectorMatch {
    var matcher = Matcher(tree: tree, text: text)
    switch pattern {
    case .paths(let paths):
      for path in paths { try matcher.walk(path) }
    case .regex(let expression, let rows):
      var regex = expression.matcher()
      for entry in 0..<tree.positionCount {
        guard let info = tree.info(at: entry), regex.matches(info.key.string, .whole) else {
          continue
        }
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

private struct Matcher<Tree: SelectableTree> {
  let tree: Tree
  let text: String
  var isWhole: [Bool]
  var rows: [Int: RowSet] = [:]
  var absent: [SelectorMatch.Absence] = []

  init(tree: Tree, text: String) {
    self.tree = tree
    self.text = text
    self.isWhole = [Bool](repeating: false, count: tree.positionCount)
  }

  /// A node that the steps before `steps` reach. The steps ascend.
  private struct Place {
    var node: Int
    var steps: [Int]
  }

  /// Takes what lies below every node that the steps reach.
  ///
  /// Each node is visited once, with all steps that reach it: the time is at most the number of nodes times the number of
  /// steps, however many `**` there are. There is no recursion, because keys may be deep.
  mutating func walk(_ path: [Selector.Step]) throws(SurgeryError) {
    var stack = [Place(node: 0, steps: closure([0], path))]
    var indices = IndexSearch()
    while let place = stack.popLast() {
      if place.steps.last == path.count { takeAll(below: place.node) }
      // The indices that each step in brackets chooses among the children.
      var choices: [Int: Set<Int>] = [:]
      for step in place.steps where step < path.count {
        guard case .index(let expression, _) = path[step] else { continue }
        choices[step] = try choose(
          expression, at: place.node, isLast: step + 1 == path.count, step, &indices)
      }
      let entersAll = place.steps.contains { step in
        switch step < path.count ? path[step] : .literal("") {
        case .literal: false
        case .glob, .index: true
        // What is below is taken already when nothing follows.
        case .anyDepth: step + 1 < path.count
        }
      }
      if entersAll {
        for child in tree.children(of: place.node) {
          let next = closure(steps(from: place.steps, to: child, path, choices), path)
          if !next.isEmpty { stack.append(Place(node: child, steps: next)) }
        }
        continue
      }
      // Without `**` there is one step, or one and the end.
      for step in place.steps where step < path.count {
        if case .literal(let component) = path[step],
          let child = tree.child(of: place.node, named: component)
        {
          stack.append(Place(node: child, steps: closure([step + 1], path)))
        }
      }
    }
    absent += indices.absent
  }

  /// The steps that the child of a node must fit, when the node must fit `steps`. Ascending.
  private func steps(
    from steps: [Int], to child: Int, _ path: [Selector.Step], _ choices: [Int: Set<Int>]
  ) -> [Int] {
    let component = tree.component(of: child)
    var next: [Int] = []
    for step in steps where step < path.count {
      let target: Int
      switch path[step] {
      case .anyDepth: target = step + 1 < path.count ? step : -1
      case .literal(let name): target = name == component ? step + 1 : -1
      case .glob(let glob, _): target = glob.matches(component) ? step + 1 : -1
      case .index:
        let isChosen = component.indexValue.map { choices[step]?.contains($0) ?? false }
        target = isChosen == true ? step + 1 : -1
      }
      if target > next.last ?? -1 { next.append(target) }
    }
    return next
  }

  /// `steps` with those after a `**` among them, which may stand for no component.
  private func closure(_ steps: [Int], _ path: [Selector.Step]) -> [Int] {
    var result: [Int] = []
    for step in steps {
      var step = step
      if step > result.last ?? -1 { result.append(step) }
      while step < path.count, path[step] == .anyDepth {
        step += 1
        if step > result.last ?? -1 { result.append(step) }
      }
    }
    return result
  }

  /// Single indices in brackets: one that is listed needs to exist below one of the nodes only.
  private struct IndexSearch {
    var found: [Int: Set<Int>] = [:]
    var missing: [Int: [SelectorMatch.Absence]] = [:]

    var absent: [SelectorMatch.Absence] {
      missing.flatMap { step, absences in
        absences.filter { !(found[step]?.contains($0.index) ?? false) }
      }
    }
  }

  /// The indices among the children of `node` that brackets choose; on a tensor without such children, takes rows.
  private mutating func choose(
    _ expression: IndexExpression, at node: Int, isLast: Bool, _ step: Int,
    _ indices: inout IndexSearch
  ) throws(SurgeryError) -> Set<Int> {
    var existing: [Int] = []
    for child in tree.children(of: node) {
      if let index = tree.component(of: child).indexValue { existing.append(index) }
    }
    if existing.isEmpty {
      if isLast, let entry = tree.position(of: node) { try take(expression, of: entry, node: node) }
      return []
    }
    let choice = expression.choose(from: Set(existing).sorted())
    indices.found[step, default: []].formUnion(choice.present)
    for index in choice.absent {
      indices.missing[step, default: []].append(
        SelectorMatch.Absence(node: node, index: index, isRow: false))
    }
    return choice.values
  }

  /// Takes the tensors at and below a node whole.
  private mutating func takeAll(below node: Int) {
    var isWhole: [Bool] = []
    swap(&isWhole, &self.isWhole)
    tree.forEachPosition(below: node) { isWhole[$0] = true }
    swap(&isWhole, &self.isWhole)
  }

  mutating func take(_ expression: IndexExpression, of entry: Int, node: Int) throws(SurgeryError) {
    guard let count = tree.rowCount(at: entry) else { return }
    guard let (chosen, beyond) = expression.rows(of: count) else {
      throw .tooManyRowRanges(in: text, of: tree.info(at: entry)?.key)
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
      if chosen.count == tree.rowCount(at: entry) { isWhole[entry] = true }
      if isWhole[entry] { rows[entry] = nil }
    }
    for entry in isWhole.indices where isWhole[entry] { match.unfiltered.append(entry) }
    match.unfiltered += rows.keys
    tree.sort(&match.unfiltered)
    guard !filters.isEmpty else {
      match.entries = match.unfiltered
      match.rows = rows
      return match
    }
    match.entries = match.unfiltered.filter { entry in
      guard let info = tree.info(at: entry) else { return false }
      return filters.allSatisfy { $0.accepts(info) }
    }
    let accepted = rows.isEmpty ? [] : Set(match.entries)
    match.rows = rows.filter { accepted.contains($0.key) }
    return match
  }
}
