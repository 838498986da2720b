internal import CheckpointFiles

// From pieces of a pattern to the paths that it stands for.
extension SelectorParser {
  /// Every way through the braces.
  func expand(_ elements: [Element]) throws(SurgeryError) -> [[Element]] {
    var paths: [[Element]] = [[]]
    /// Of all paths.
    var elementCount = 0
    func check(_ pathCount: Int) throws(SurgeryError) {
      guard pathCount <= SelectorParser.maximumPaths else {
        throw failure(
          "the braces stand for more than \(SelectorParser.maximumPaths) patterns", at: 0)
      }
      guard elementCount <= SelectorParser.maximumElements else {
        throw failure(
          "the braces stand for \(pathCount) patterns, too many for ones as long as these", at: 0)
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
        for way in try expand(alternative) {
          elementCount += before + paths.count * way.count
          try check(longer.count + paths.count)
          longer.append(contentsOf: paths.map { $0 + way })
        }
      }
      paths = longer
    }
    return paths
  }

  /// The steps of one way through the braces.
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
          throw failure(
            "nothing follows the dot: a node already means everything below it", at: lastDot)
        }
        throw failure("a component is empty: quote a key that has such", at: offset)
      }
      try steps.append(contentsOf: self.component(component))
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
          throw failure("a dot is missing behind the brackets", at: bracketsEnd(steps.count))
        }
        component.append(element)
      }
    }
    try close(at: max(scalars.count - 1, 0), isEnd: true)
    return [steps]
  }

  /// Where to point for text behind brackets: the first `]` that neither a dot, a bracket nor a
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
          throw failure("`**` stands alone between dots: write a*.**.*b for a**b", at: offset)
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
