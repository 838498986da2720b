/// The steps of an expression for a machine that follows all of them at once.
///
/// After Ken Thompson, "Regular expression search algorithm" (1968), with groups as Rob Pike's `sam` keeps them.
struct ExpressionProgram: Sendable {
  enum Step: Sendable {
    /// Takes one scalar.
    case scalar(ScalarClass)
    /// Continues where this place is.
    case place(ExpressionNode.Place)
    /// Continues at both, preferring the first.
    case split(Int, Int)
    case jump(Int)
    /// Remembers the position.
    case save(slot: Int)
    case match
  }

  private(set) var steps: [Step] = []
  /// Two positions for the whole, and two a group.
  let slotCount: Int

  /// The time that matching takes is at most this, times the length of the text.
  static let mostSteps = 4096

  /// - Throws: ``ExpressionParser/Refusal`` when there would be too many steps.
  init(_ node: ExpressionNode, groupCount: Int) throws(ExpressionParser.Refusal) {
    slotCount = 2 * (groupCount + 1)
    try add(.save(slot: 0))
    try compile(node)
    try add(.save(slot: 1))
    try add(.match)
  }

  private mutating func add(_ step: Step) throws(ExpressionParser.Refusal) {
    guard steps.count < ExpressionProgram.mostSteps else { throw ExpressionParser.Refusal() }
    steps.append(step)
  }

  /// As deep as the tree, which the parser bounds.
  private mutating func compile(_ node: ExpressionNode) throws(ExpressionParser.Refusal) {
    switch node {
    case .scalar(let scalarClass): try add(.scalar(scalarClass))
    case .place(let place): try add(.place(place))
    case .sequence(let parts): for part in parts { try compile(part) }
    case .choice(let branches): try compile(branches)
    case .group(let inner, let number):
      try add(.save(slot: 2 * number))
      try compile(inner)
      try add(.save(slot: 2 * number + 1))
    case .repeated(let inner, let least, let most, let isGreedy):
      for _ in 0..<least { try compile(inner) }
      guard let most else { return try compileLoop(inner, isGreedy) }
      var exits: [Int] = []
      for _ in least..<max(least, most) {
        exits.append(steps.count)
        try add(.match)
        try compile(inner)
      }
      for exit in exits { steps[exit] = fork(exit + 1, steps.count, isGreedy) }
    }
  }

  private mutating func compile(_ branches: [ExpressionNode]) throws(ExpressionParser.Refusal) {
    var ends: [Int] = []
    for (index, branch) in branches.enumerated() {
      guard index < branches.count - 1 else {
        try compile(branch)
        break
      }
      let start = steps.count
      try add(.match)
      try compile(branch)
      ends.append(steps.count)
      try add(.match)
      steps[start] = .split(start + 1, steps.count)
    }
    for end in ends { steps[end] = .jump(steps.count) }
  }

  private mutating func compileLoop(
    _ inner: ExpressionNode, _ isGreedy: Bool
  ) throws(ExpressionParser.Refusal) {
    let start = steps.count
    try add(.match)
    try compile(inner)
    try add(.jump(start))
    steps[start] = fork(start + 1, steps.count, isGreedy)
  }

  private func fork(_ into: Int, _ past: Int, _ isGreedy: Bool) -> Step {
    isGreedy ? .split(into, past) : .split(past, into)
  }
}
