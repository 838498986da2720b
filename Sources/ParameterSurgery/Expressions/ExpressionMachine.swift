/// Follows all threads of a program at once, so that a match takes at most the length of the text times the length of
/// the program.
struct ExpressionMachine {
  /// Steps that wait for a scalar, in the order of preference, and what each remembers.
  private struct Threads {
    var steps: [Int] = []
    var slots: [Int] = []

    mutating func removeAll() {
      steps.removeAll(keepingCapacity: true)
      slots.removeAll(keepingCapacity: true)
    }
  }

  private enum Pending {
    case step(Int)
    /// Puts back a position when another thread was followed to its end.
    case restore(slot: Int, Int)
  }

  private let program: ExpressionProgram
  /// The positions that are kept for each thread.
  private let slotCount: Int
  private var scalars: [Unicode.Scalar] = []
  /// Memory for the threads at this position and at the next.
  private var lists = (Threads(), Threads())
  /// For each step, one more than the position at which it was last reached.
  private var reached: [Int]
  private var pending: [Pending] = []

  /// - Parameter keepsSlots: whether the positions of the match and its groups are wanted.
  init(_ program: ExpressionProgram, keepsSlots: Bool) {
    self.program = program
    slotCount = keepsSlots ? program.slotCount : 0
    reached = [Int](repeating: 0, count: program.steps.count)
  }

  /// The positions, in scalars, where the preferred match and its groups begin and end: -1 where a group took no
  /// part; empty when they are not kept. `nil` when nothing matches.
  mutating func match(_ text: String, _ extent: KeyExpression.Extent) -> [Int]? {
    scalars.removeAll(keepingCapacity: true)
    scalars.append(contentsOf: text.unicodeScalars)
    for index in reached.indices { reached[index] = 0 }
    var (present, coming) = lists
    lists = (Threads(), Threads())
    defer { lists = (present, coming) }
    present.removeAll()
    var found: [Int]?
    for position in 0...scalars.count {
      // A match that begins further left is preferred.
      if found == nil, position == 0 || extent == .anywhere {
        follow(0, remembering: [Int](repeating: -1, count: slotCount)[...], at: position, &present)
      }
      if present.steps.isEmpty, found != nil || extent != .anywhere { break }
      coming.removeAll()
      for thread in present.steps.indices {
        let slots = present.slots[thread * slotCount..<(thread + 1) * slotCount]
        if case .scalar(let expected) = program.steps[present.steps[thread]] {
          if position < scalars.count, expected.contains(scalars[position]) {
            follow(present.steps[thread] + 1, remembering: slots, at: position + 1, &coming)
          }
        } else if extent != .whole || position == scalars.count {
          // Threads of lower preference end here.
          found = Array(slots)
          break
        }
      }
      swap(&present, &coming)
    }
    return found
  }

  /// Adds to `threads` what waits for a scalar, or is the end, after `step`; depth first, so that what is preferred
  /// comes first, and each step once.
  private mutating func follow(
    _ step: Int, remembering slots: ArraySlice<Int>, at position: Int, _ threads: inout Threads
  ) {
    var slots = Array(slots)
    pending.append(.step(step))
    while let next = pending.popLast() {
      guard case .step(var step) = next else {
        if case .restore(let slot, let old) = next { slots[slot] = old }
        continue
      }
      while reached[step] <= position {
        reached[step] = position + 1
        switch program.steps[step] {
        case .jump(let target): step = target
        case .split(let first, let second):
          pending.append(.step(second))
          step = first
        case .place(let place):
          if holds(place, at: position) { step += 1 }
        case .save(let slot):
          if slot < slotCount {
            pending.append(.restore(slot: slot, slots[slot]))
            slots[slot] = position
          }
          step += 1
        case .scalar, .match:
          threads.steps.append(step)
          threads.slots += slots
        }
      }
    }
  }

  private func holds(_ place: ExpressionNode.Place, at position: Int) -> Bool {
    switch place {
    case .start: return position == 0
    case .end: return position == scalars.count
    case .endOfLine:
      return position == scalars.count || position == scalars.count - 1 && scalars[position] == "\n"
    case .wordBoundary, .noWordBoundary:
      let isBefore = position > 0 && scalars[position - 1].isWord
      let isAfter = position < scalars.count && scalars[position].isWord
      return (isBefore != isAfter) == (place == .wordBoundary)
    }
  }
}
