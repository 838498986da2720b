internal import CheckpointFiles

// Rules that are carried out on the tree: most are about whole components, so that the nodes which match are renamed and
// no key below them is looked at.

/// A component of a ``KeyRewrite``'s pattern.
private enum RewriteStep {
  case literal(Key)
  /// A wildcard or a capture that is the whole component.
  case whole(mayBeEmpty: Bool)
  /// Any number of components.
  case anyDepth
  case expression(KeyExpression.Matcher)

  init?(_ pieces: [KeyTemplate.Piece]) {
    switch pieces.first {
    case nil: self = .literal("")
    case .text(let text) where pieces.count == 1: self = .literal(text)
    case .any where pieces.count == 1: self = .whole(mayBeEmpty: true)
    case .capture where pieces.count == 1: self = .whole(mayBeEmpty: false)
    default:
      guard let expression = try? KeyExpression(KeyTemplate.expression(of: pieces), .read) else {
        return nil
      }
      self = .expression(expression.matcher(keepsGroups: true))
    }
  }

  /// The groups of a match with `component`; `nil` when it does not match.
  mutating func match(_ component: Key) -> [String]? {
    switch self {
    case .literal(let name): return name == component ? [] : nil
    case .whole(let mayBeEmpty):
      return mayBeEmpty || !component.string.isEmpty ? [component.string] : nil
    case .anyDepth: return nil
    case .expression(var matcher):
      guard let groups = matcher.groups(of: component.string, .whole) else { return nil }
      return groups.dropFirst().map { $0.map { String(component.string[$0]) } ?? "" }
    }
  }
}

extension KeyTemplate {
  /// The pieces of each component, and whether `**` follows the last; `nil` when the template is not made of whole
  /// components.
  fileprivate var components: (parts: [[Piece]], hasTail: Bool)? {
    var parts: [[Piece]] = []
    var current: [Piece] = []
    // Whether a component has begun, which may be empty.
    var isOpen = false
    for (place, piece) in pieces.enumerated() {
      switch piece {
      case .text(let text):
        let lines = text.components
        for (index, line) in lines.enumerated() {
          if index > 0 {
            parts.append(current)
            current = []
          }
          if !line.isEmpty { current.append(.text(Key(String(line)))) }
          isOpen = true
        }
      case .anyDepth:
        guard current.isEmpty else { return nil }
        if place == pieces.count - 1 { return (parts, true) }
        parts.append([.anyDepth])
        isOpen = false
      default:
        current.append(piece)
        isOpen = true
      }
    }
    if isOpen || parts.isEmpty { parts.append(current) }
    return (parts, false)
  }
}

/// What a rule does to the nodes of a tree.
enum RewriteMoves {
  /// Each node gets this last component.
  case relabelled([Int32], as: Key)
  /// Each node moves; nodes below others come first.
  case moved([NodeRenaming])
}

extension KeyRewrite {
  /// What the rule does to the nodes of `tensors`; `nil` when it must look at whole keys.
  func moves(in tensors: PlanTensors) -> RewriteMoves? {
    guard let source, let pattern, tensors.depthBound <= PlanTensors.deepestMove,
      let (parts, hasTail) = source.components, parts.count(where: { $0 == [.anyDepth] }) < 2
    else { return nil }
    var steps: [RewriteStep] = []
    for part in parts {
      if part == [.anyDepth] {
        steps.append(.anyDepth)
      } else {
        guard let step = RewriteStep(part) else { return nil }
        steps.append(step)
      }
    }
    // What follows a trailing `**` is what is below the node, on both sides.
    var pieces = target.pieces[...]
    if hasTail {
      guard pattern.pieces.last == .anyDepth else { return nil }
      pieces = pieces.dropLast()
    }
    if !hasTail, let last = pattern.components?.parts, last.count == parts.count, !parts.isEmpty,
      last.dropLast() == parts.dropLast(), let name = KeyRewrite.label(last.last ?? [])
    {
      var walk = RewriteWalk(tensors, steps, keepsGroups: false)
      walk.run()
      if !walk.isNested { return .relabelled(walk.found.map(\.node), as: name) }
    }
    var walk = RewriteWalk(tensors, steps, keepsGroups: true)
    walk.run()
    var moves: [NodeRenaming] = []
    for match in walk.found {
      var path = KeyTemplate.fill(pieces, with: [""] + match.groups)
      if hasTail, !path.isEmpty {
        guard path.utf8.last == UInt8(ascii: ".") else { return nil }
        path.unicodeScalars.removeLast()
        // An empty component and no component are not the same.
        guard !path.isEmpty else { return nil }
      }
      moves.append(NodeRenaming(node: match.node, path: path, isBelowOnly: hasTail))
    }
    // The walk finds a node before those below it.
    return .moved(moves.reversed())
  }

  /// The text of a component without wildcards.
  private static func label(_ pieces: [KeyTemplate.Piece]) -> Key? {
    guard pieces.count == 1, case .text(let text) = pieces[0] else { return nil }
    return text
  }
}

/// Finds the nodes that the steps of a rule lead to.
private struct RewriteWalk {
  struct Match {
    let node: Int32
    let groups: [String]
  }

  private struct Place {
    let node: Int32
    let step: Int
    let groups: [String]
  }

  private let tensors: PlanTensors
  private var steps: [RewriteStep]
  /// The numbers of the names of steps that are literal; -1 where no node has the name.
  private let names: [Int32?]
  /// For other steps, which names match: 0 is not known yet.
  private var isMatch: [[Int8]]
  private let keepsGroups: Bool
  private(set) var found: [Match] = []
  /// Whether a node was found below another.
  private(set) var isNested = false

  init(_ tensors: PlanTensors, _ steps: [RewriteStep], keepsGroups: Bool) {
    (self.tensors, self.steps, self.keepsGroups) = (tensors, steps, keepsGroups)
    names = steps.map { step in
      if case .literal(let name) = step {
        tensors.componentNames.number(of: name) ?? -1
      } else {
        nil
      }
    }
    isMatch = steps.map { _ in [] }
  }

  mutating func run() {
    if !keepsGroups, steps.first?.isAnyDepth == true { return runUpwards() }
    var ahead = 0
    while ahead < steps.count, !steps[ahead].isAnyDepth { ahead += 1 }
    let starts = follow([Place(node: 0, step: 0, groups: [])], until: ahead)
    guard ahead < steps.count else {
      found = starts.map { Match(node: $0.node, groups: $0.groups) }
      return
    }
    for start in starts {
      // Each node below, with the path that leads to it.
      var pending = [(node: start.node, path: "")]
      while let (node, path) = pending.popLast() {
        let groups = keepsGroups ? start.groups + [path] : []
        let place = Place(node: node, step: ahead + 1, groups: groups)
        for match in follow([place], until: steps.count) {
          found.append(Match(node: match.node, groups: match.groups))
        }
        for child in tensors.children(of: Int(node)) {
          let name = keepsGroups ? path + tensors.component(of: child).string + "." : ""
          pending.append((Int32(child), name))
        }
      }
    }
    isNested = hasNestedMatches
    guard keepsGroups else { return }
    // Nodes before those below them: by the number of components.
    let depths = found.map { depth(of: $0.node) }
    found = found.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }.map { found[$0] }
  }

  /// The same for steps that begin with `**`: each node is compared with the last step, its parent with the one before.
  private mutating func runUpwards() {
    let nodes = tensors.nodes
    isMatch = steps.map { _ in [Int8](repeating: 0, count: tensors.componentNames.components.count)
    }
    let last = names.last.flatMap(\.self)
    // A node with a parent is in the tree.
    for node in nodes.indices.dropFirst() where nodes[node].parent >= 0 {
      if let last, nodes[node].name != last { continue }
      if matchesUpwards(Int32(node), nodes) { found.append(Match(node: Int32(node), groups: [])) }
    }
    isNested = hasNestedMatches
  }

  private mutating func matchesUpwards(_ node: Int32, _ nodes: [PlanTensors.Node]) -> Bool {
    var node = node
    for step in steps.indices.dropFirst().reversed() {
      guard node > 0 else { return false }
      let own = nodes[Int(node)].name
      if let name = names[step] {
        guard name == own else { return false }
      } else {
        guard matches(own, step) else { return false }
      }
      node = nodes[Int(node)].parent
    }
    return true
  }

  /// Whether a step matches a name; each is matched once.
  private mutating func matches(_ name: Int32, _ step: Int) -> Bool {
    if isMatch[step][Int(name)] == 0 {
      let isFit = steps[step].match(tensors.componentNames[name]) != nil
      isMatch[step][Int(name)] = isFit ? 1 : -1
    }
    return isMatch[step][Int(name)] > 0
  }

  private var hasNestedMatches: Bool {
    // Nothing is below a leaf.
    guard found.contains(where: { tensors.nodes[Int($0.node)].firstChild >= 0 }) else {
      return false
    }
    var isFound = [Bool](repeating: false, count: tensors.nodes.count)
    for match in found { isFound[Int(match.node)] = true }
    return found.contains { match in
      var node = tensors.nodes[Int(match.node)].parent
      while node >= 0 {
        if isFound[Int(node)] { return true }
        node = tensors.nodes[Int(node)].parent
      }
      return false
    }
  }

  private func depth(of node: Int32) -> Int {
    var depth = 0
    var node = tensors.nodes[Int(node)].parent
    while node >= 0 {
      depth += 1
      node = tensors.nodes[Int(node)].parent
    }
    return depth
  }

  /// The places that the steps up to `end`, none of which is `**`, lead to.
  private mutating func follow(_ places: [Place], until end: Int) -> [Place] {
    var places = places
    while let first = places.first, first.step < end {
      var next: [Place] = []
      for place in places {
        if let name = names[place.step] {
          guard let child = tensors.child(named: name, of: place.node) else { continue }
          next.append(Place(node: child, step: place.step + 1, groups: place.groups))
          continue
        }
        for child in tensors.children(of: Int(place.node)) {
          guard let groups = steps[place.step].match(tensors.component(of: child)) else {
            continue
          }
          next.append(
            Place(
              node: Int32(child), step: place.step + 1,
              groups: keepsGroups ? place.groups + groups : []))
        }
      }
      places = next
    }
    return places
  }
}

extension RewriteStep {
  fileprivate var isAnyDepth: Bool { if case .anyDepth = self { true } else { false } }
}
