internal import CheckpointFiles

// From pieces of a pattern to the paths that it stands for.
extension SelectorParser {
  /// Every choice of alternatives in braces.
  func expand(_ elements: [Element]) throws(SurgeryError) -> [[Element]] {
    var paths: [[Element]] = [[]]
    /// Of all paths.
    var elementCount = 0
    func check(_ pathCount: Int) throws(SurgeryError) {
      guard pathCount <= SelectorParser.maximumPaths else {
        throw failure(.tooManyPatterns(SelectorParser.maximumPaths), at: 0)
      }
      guard elementCount <= SelectorParser.maximumElements else {
        throw failure(.patternsTooLong(pathCount), at: 0)
      }
    }
    for element in elements {
      guard case .alternatives(let alternatives) = element else {
        elementCount += paths.count
        try check(paths.count)
        for index in paths.indices { paths[index].append(element) }
        continue
      }
      var longer: [[Element]] = []
      let before = elementCount
      elementCount = 0
      for alternative in alternatives {
        for choice in try expand(alternative) {
          elementCount += before + paths.count * choice.count
          try check(longer.count + paths.count)
          longer.append(contentsOf: paths.map { $0 + choice })
        }
      }
      paths = longer
    }
    return paths
  }

  /// The steps of one choice of alternatives.
  func steps(_ elements: [Element]) throws(SurgeryError) -> [[Selector.Step]] {
    var steps: [Selector.Step] = []
    var component: [Element] = []
    var mayBeEmpty = false
    var afterBrackets = false
    var lastDot: Int?

    func close(at offset: Int, isEnd: Bool) throws(SurgeryError) {
      if afterBrackets, component.isEmpty { return }
      if component.isEmpty, !mayBeEmpty {
        if isEnd, let lastDot {
          throw failure(.trailingDot, at: lastDot)
        }
        throw failure(.emptyComponent, at: offset)
      }
      for step in try self.component(component) {
        // `**.**` matches what `**` matches.
        if step == .anyDepth, steps.last == .anyDepth { continue }
        steps.append(step)
      }
      component = []
      mayBeEmpty = false
    }

    for element in elements {
      switch element {
      case .dot(let offset):
        try close(at: offset, isEnd: false)
        afterBrackets = false
        lastDot = offset
      case .quotedDot:
        try close(at: 0, isEnd: false)
        afterBrackets = false
      case .quote:
        mayBeEmpty = true
      case .brackets(let expression, let spelling, let offset):
        if !component.isEmpty || mayBeEmpty || (steps.isEmpty == false && !afterBrackets) {
          try close(at: offset, isEnd: false)
        }
        steps.append(.index(expression, spelling: spelling))
        afterBrackets = true
      default:
        if afterBrackets {
          throw failure(.missingDot, at: bracketsEnd(steps.count))
        }
        component.append(element)
      }
    }
    try close(at: max(scalars.count - 1, 0), isEnd: true)
    return [steps]
  }

  /// Where to point for text after brackets: the first `]` that neither a dot, a bracket nor a
  /// filter follows.
  private func bracketsEnd(_ count: Int) -> Int {
    for place in scalars.indices.dropLast() where scalars[place] == "]" {
      if ![".", "[", ":", "]", ",", "}"].contains(scalars[place + 1]) { return place + 1 }
    }
    return 0
  }

  /// The step or steps of one component. `**x` means `**.*x`, and `x**` means `x*.**`.
  private func component(_ elements: [Element]) throws(SurgeryError) -> [Selector.Step] {
    if elements.count == 1, case .doubleStar = elements[0] { return [.anyDepth] }
    var atoms: [Glob.Atom] = []
    var spelling = ""
    var literal = true
    var before: [Selector.Step] = []
    var after: [Selector.Step] = []
    for (place, element) in elements.enumerated() {
      switch element {
      case .scalar(let scalar):
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
          atoms.append(.byte(byte))
        }
        spelling.unicodeScalars.append(scalar)
      case .one:
        atoms.append(.one)
        spelling += "?"
        literal = false
      case .doubleStar(let offset):
        if place == 0 {
          before = [.anyDepth]
        } else if place == elements.count - 1 {
          after = [.anyDepth]
        } else {
          throw failure(.starsInside, at: offset)
        }
        atoms.append(.any)
        spelling += "*"
        literal = false
      default:
        atoms.append(.any)
        spelling += "*"
        literal = false
      }
    }
    let step: Selector.Step =
      literal ? .literal(Key(spelling)) : .glob(Glob(atoms: atoms), spelling: spelling)
    return before + [step] + after
  }
}
