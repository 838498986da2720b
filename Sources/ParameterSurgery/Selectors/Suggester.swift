internal import CheckpointFiles

/// Finds the nodes nearest to a path that leads nowhere.
struct Suggester {
  let tree: ParameterTree
  let path: [Selector.Step]

  /// A route down the tree with what was changed on it.
  private struct Route {
    var node: Int
    var cost: Int
    var spelling: String
  }

  /// Routes kept at each step.
  private static let width = 64

  /// The nearest paths that do lead to tensors, as one would type them; none when nothing is near.
  func nearest() -> [String] {
    if path.contains(.anyDepth) { return nearestByReplacing() }
    var routes: [Route] = [Route(node: 0, cost: 0, spelling: "")]
    // `bert.` forgotten: start at any node whose child has the first name.
    if case .literal(let first) = path.first {
      for node in tree.records.indices.dropFirst() where tree.child(of: node, named: first) != nil {
        let depth = tree.path(of: node).components.count
        routes.append(Route(node: node, cost: 2 + depth, spelling: spelling(of: node)))
        if routes.count > Suggester.width { break }
      }
    }
    for (position, step) in path.enumerated() {
      // `model.` too much: forget the first components.
      if position > 0, path[..<position].allSatisfy(\.isLiteral) {
        routes.append(Route(node: 0, cost: 3 * position, spelling: ""))
      }
      var next: [Route] = []
      for route in routes {
        next.append(contentsOf: follow(route, step, isLast: position == path.count - 1))
      }
      next.sort { ($0.cost, Key($0.spelling)) < ($1.cost, Key($1.spelling)) }
      routes = Array(next.prefix(Suggester.width))
    }
    guard let best = routes.first?.cost, best > 0 else { return [] }
    var seen: Set<Key> = []
    return routes.filter { $0.cost == best && seen.insert(Key($0.spelling)).inserted }.prefix(3)
      .map(\.spelling)
  }

  private func follow(_ route: Route, _ step: Selector.Step, isLast: Bool) -> [Route] {
    switch step {
    case .literal(let name):
      if let child = tree.child(of: route.node, named: name) {
        return [advance(route, to: child, cost: 0)]
      }
      if let index = name.indexValue, let child = nearestIndex(index, below: route.node) {
        return [advance(route, to: child, cost: 2)]
      }
      return tree.children(of: route.node).compactMap { child in
        distance(name, tree.records[child].component).map { advance(route, to: child, cost: $0) }
      }
    case .glob(let glob, _):
      var routes: [Route] = []
      for child in tree.children(of: route.node) where glob.matches(tree.records[child].component) {
        routes.append(advance(route, to: child, cost: 0))
      }
      return routes
    case .index(let expression, let spelling):
      let children = Array(tree.children(of: route.node)).filter { tree.records[$0].index != nil }
      if children.isEmpty {
        guard isLast, tree.records[route.node].entry != nil else { return [] }
        return [
          Route(node: route.node, cost: route.cost, spelling: route.spelling + "[\(spelling)]")
        ]
      }
      let choice = expression.choose(
        from: Set(children.compactMap { tree.records[$0].index }).sorted())
      if choice.absent.isEmpty, !choice.values.isEmpty {
        // Which of them does not matter; the brackets stay as they are typed.
        return children.filter { choice.values.contains(tree.records[$0].index ?? -1) }.map {
          Route(node: $0, cost: route.cost, spelling: route.spelling + "[\(spelling)]")
        }
      }
      guard let index = choice.absent.first, expression.items.count == 1,
        let child = nearestIndex(max(index, 0), below: route.node)
      else { return [] }
      return [advance(route, to: child, cost: 2)]
    case .anyDepth: return []
    }
  }

  private func advance(_ route: Route, to child: Int, cost: Int) -> Route {
    let component = selectorLiteral(tree.records[child].component.string[...])
    return Route(
      node: child, cost: route.cost + cost,
      spelling: route.spelling.isEmpty ? component : route.spelling + "." + component)
  }

  private func spelling(of node: Int) -> String {
    tree.path(of: node).components.map(selectorLiteral).joined(separator: ".")
  }

  /// The child whose index is nearest; of two, the higher.
  private func nearestIndex(_ index: Int, below node: Int) -> Int? {
    var best: (child: Int, distance: UInt, index: Int)?
    for child in tree.children(of: node) {
      guard let other = tree.records[child].index else { continue }
      let distance = UInt(other > index ? other - index : index - other)
      if let best, (distance, -other) >= (best.distance, -best.index) { continue }
      best = (child, distance, other)
    }
    return best?.child
  }

  /// How far a component is from what was typed; `nil` when it is not near.
  private func distance(_ typed: Key, _ component: Key) -> Int? {
    if Suggester.twins[typed] == component { return 1 }
    if typed.lowercasedASCII == component.lowercasedASCII { return 1 }
    let limit = min(3, typed.string.unicodeScalars.count / 3)
    let distance = editDistance(typed.string, component.string, limit: limit)
    return distance <= limit ? distance : nil
  }

  /// Two spellings of one thing.
  private static let twins: [Key: Key] = [
    "weight": "gamma", "bias": "beta", "gamma": "weight", "beta": "bias",
  ]

  // MARK: - Patterns with `**`

  /// For patterns that begin anywhere: replaces one name by one that the tree has.
  private func nearestByReplacing() -> [String] {
    var best: (cost: Int, spellings: [String]) = (.max, [])
    let names = Set(tree.records.dropFirst().map(\.component))
    for (position, step) in path.enumerated() {
      guard case .literal(let typed) = step else { continue }
      let near = names.compactMap { name in distance(typed, name).map { ($0, name) } }
        .filter { $0.1 != typed }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
      for (cost, name) in near.prefix(8) where cost <= best.cost {
        var changed = path
        changed[position] = .literal(name)
        let selector = Selector(
          text: "", isNegated: false, pattern: .paths([changed]), filters: [])
        guard let match = try? selector.match(in: tree), !match.entries.isEmpty else { continue }
        let spelling = changed.spelling
        best = cost < best.cost ? (cost, [spelling]) : (cost, best.spellings + [spelling])
      }
    }
    return Array(best.spellings.prefix(3))
  }

  /// The path with `**` for each `*` that is a whole component, when that leads to tensors: a user who writes `*.weight`
  /// often means any depth.
  func deeper() -> String? {
    let changed = path.map { step -> Selector.Step in
      if case .glob(_, "*") = step { .anyDepth } else { step }
    }
    guard changed != path,
      let match = try? Selector(
        text: "", isNegated: false, pattern: .paths([changed]), filters: []
      ).match(in: tree), !match.entries.isEmpty
    else { return nil }
    return changed.spelling
  }

  // MARK: - What is there

  /// The node up to which the path leads, when the step after it leads nowhere.
  var firstDeadEnd: Int? {
    if path.contains(.anyDepth) { return nil }
    var nodes = [0]
    for (position, step) in path.enumerated() {
      let isLast = position == path.count - 1
      let next = nodes.flatMap { node in
        follow(Route(node: node, cost: 0, spelling: ""), step, isLast: isLast).filter {
          $0.cost == 0
        }
        .map(\.node)
      }
      if next.isEmpty { return nodes.count == 1 ? nodes[0] : nil }
      nodes = next
    }
    return nil
  }

  /// `linear` has [0] and [2]. Names are listed only when `always`, for there can be many.
  func whatIsThere(always: Bool) -> String? {
    guard let node = firstDeadEnd else { return nil }
    let name = node == 0 ? "the root" : ticked(tree.path(of: node).string)
    let indices = Set(tree.children(of: node).compactMap { tree.records[$0].index }).sorted()
    if !indices.isEmpty { return "\(name) has \(listed(indices: indices))" }
    guard always else { return nil }
    let names = tree.children(of: node).map { ticked(tree.records[$0].component.string) }
    if names.isEmpty { return "\(name) is a tensor" }
    return "\(name) has \(listed(names))"
  }
}

extension Selector.Step {
  var isLiteral: Bool { if case .literal = self { true } else { false } }
}

extension [Selector.Step] {
  /// The steps as one would type them.
  var spelling: String {
    var text = ""
    for step in self {
      let part: String
      switch step {
      case .literal(let name): part = name.string
      case .glob(_, let spelling): part = spelling
      case .anyDepth: part = "**"
      case .index(_, let spelling):
        text += "[\(spelling)]"
        continue
      }
      text += text.isEmpty ? part : "." + part
    }
    return text
  }
}
