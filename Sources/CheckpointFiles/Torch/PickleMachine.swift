/// Interprets a pickle: builds values in an arena and executes nothing.
///
/// The stack and the memo are explicit, so the depth of a value costs memory alone; the work that a
/// byte of the pickle can cause is bounded.
struct PickleMachine {
  /// A class or function that the pickle names.
  struct GlobalUse: Sendable, Hashable {
    let global: PickleGlobal
    /// The offset of the naming opcode.
    let offset: Int
  }

  /// Something that an honest pickler does not write.
  struct Oddity: Sendable, Hashable {
    let offset: Int
    let text: String
  }

  var reader: ByteReader
  let start: Int
  var nodes: [PickleNode] = []
  var stack: [NodeID] = []
  var marks: [Int] = []
  var memo = PickleMemo()
  private var work = 0
  /// About what the values take in memory.
  var memory = 0
  /// What values may take before the size of the file matters: a list of integers takes about eight
  /// bytes of memory for a byte of the pickle.
  private static let freeByteCount = 64 << 20

  private(set) var globals: [GlobalUse] = []
  private(set) var oddities: [Oddity] = []
  var storages: [TorchStorageReference] = []
  var storagePlaces: [Key: Int] = [:]
  var tensors: [TorchTensorReference] = []
  /// The keys of dictionaries that are neither strings nor integers, in words.
  var keyTexts: [NodeID: PickleKeyText] = [:]
  /// The offset of the opcode that is being executed.
  private(set) var offset = 0
  /// Watches what the pickle does, when it is audited.
  var audit: PickleAudit?
  /// The first thing that was refused here and that Python may accept: an audit continues after it.
  private(set) var refusal: CheckpointError?
  /// Whether the pickle was given up because it takes too much time or memory.
  private(set) var isExhausted = false

  /// The first values of the arena are those that are used over and over and never change: `None`,
  /// booleans, the empty tuple, small integers.
  static let noneID: NodeID = 0
  private static let common: [PickleNode] =
    [.none, .bool(false), .bool(true), .tuple([])] + (0...255).map { .integer($0) }

  /// What bounds the number of values: the bytes that the pickle takes in its file, or `nil` for a
  /// stream that does not say, of which it is what was read.
  private let storedByteCount: Int?

  /// A machine for the pickle at the position of `reader`.
  ///
  /// - Parameter storedByteCount: what the pickle takes in its file, deflated perhaps; `nil` when it
  ///   does not say. It bounds the memory that the values may take.
  init(_ reader: ByteReader, storedByteCount: Int?) {
    self.reader = reader
    start = reader.position
    // About a value for ten bytes, as PyTorch writes them.
    nodes.reserveCapacity(PickleMachine.common.count + min(reader.remaining / 10, 1 << 14))
    nodes += PickleMachine.common
    self.storedByteCount = storedByteCount
  }

  /// The offset after `STOP`.
  var end: Int { reader.position }

  /// Runs to `STOP`; the pickle's value.
  mutating func run() throws(CheckpointError) -> NodeID {
    while true {
      let instruction = try PickleInstruction(&reader)
      offset = instruction.offset
      audit?.observe(
        instruction, end: reader.position, stack: stack, mark: marks.last, nodes: nodes)
      if instruction.opcode == .stop { break }
      try execute(instruction)
      if instruction.opcode == .inst, let made = stack.last {
        audit?.observeInstance(made, offset: offset, nodes: nodes)
      }
    }
    let value = try pop()
    if !stack.isEmpty || !marks.isEmpty {
      remark("\(stack.count) values are left on the stack")
    }
    return value
  }

  /// `error` at the opcode that is being executed.
  func failure(_ error: CheckpointError) -> CheckpointError { error.located(offset: offset) }

  /// Throws `error`, unless the pickle is audited: Python may accept what is refused here, and run what
  /// follows.
  mutating func refuse(_ error: CheckpointError) throws(CheckpointError) {
    guard audit != nil, !isExhausted else { throw error }
    refusal = refusal ?? error
  }

  mutating func remark(_ text: String) {
    if oddities.count < 1000 { oddities.append(Oddity(offset: offset, text: text)) }
  }

  /// Accounts for work that is not bounded by the bytes read, such as copying a list.
  mutating func charge(_ amount: Int) throws(CheckpointError) {
    work += amount
    guard work / 64 <= reader.position - start + 1024 else {
      isExhausted = true
      throw failure(.tooMuchCopying)
    }
  }

  // MARK: Stack

  mutating func add(_ node: PickleNode) throws(CheckpointError) -> NodeID {
    switch node {
    case .none: return 0
    case .bool(let value): return value ? 2 : 1
    case .tuple(let elements) where elements.isEmpty: return 3
    case .integer(let value) where (0...255).contains(value): return NodeID(4 + value)
    default: break
    }
    memory += node.memoryByteCount
    let stored = storedByteCount ?? reader.position - start
    guard memory / 8 <= PickleMachine.freeByteCount / 8 + stored,
      nodes.count < Int(NodeID.max)
    else {
      isExhausted = true
      throw failure(.tooManyValues)
    }
    nodes.append(node)
    return NodeID(nodes.count - 1)
  }

  mutating func push(_ node: PickleNode) throws(CheckpointError) {
    stack.append(try add(node))
  }

  mutating func pop() throws(CheckpointError) -> NodeID {
    guard let last = stack.last, stack.count > (marks.last ?? 0) else {
      throw failure(.emptyStack)
    }
    stack.removeLast()
    return last
  }

  var top: NodeID {
    get throws(CheckpointError) {
      guard let last = stack.last, stack.count > (marks.last ?? 0) else {
        throw failure(.emptyStack)
      }
      return last
    }
  }

  /// Takes everything above the last mark.
  mutating func popToMark() throws(CheckpointError) -> [NodeID] {
    guard let mark = marks.popLast() else { throw failure(.noMark) }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  // MARK: Memo

  mutating func remember(_ index: Int) throws(CheckpointError) {
    let value = try top
    // Every entry costs its pickler two bytes, so honest indices are small.
    let limit = reader.position - start
    guard index >= 0 else { throw failure(.memoOutOfRange(index)) }
    if index > limit { try refuse(failure(.memoOutOfRange(index))) }
    memo.set(value, at: index, isNear: index <= limit)
  }

  mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw failure(.noMemo(index)) }
    stack.append(value)
  }

  func node(_ id: NodeID) -> PickleNode { nodes[Int(id)] }

  /// What a call gives. A call that is refused stays a call when the pickle is audited.
  mutating func result(
    of function: NodeID, _ arguments: NodeID, isInstance: Bool
  ) throws(CheckpointError) -> NodeID {
    do throws(CheckpointError) {
      return try call(function, arguments, isInstance: isInstance)
    } catch {
      try refuse(error)
      return try keep(function, arguments, isInstance: isInstance, isForeign: true)
    }
  }

  mutating func name(_ module: String, _ name: String) throws(CheckpointError) -> NodeID {
    let global = PickleGlobal(module: module, name: name)
    globals.append(GlobalUse(global: global, offset: offset))
    return try add(.global(global))
  }
}
