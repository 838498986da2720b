/// Interprets a pickle: builds values in an arena and executes nothing.
///
/// The stack and the memo are explicit, so the depth of a value costs memory alone; the work that a
/// byte of the pickle can cause is bounded.
struct PickleMachine {
  /// A class or function that the pickle names.
  struct GlobalUse: Sendable, Hashable {
    let global: PickleGlobal
    /// Where the naming opcode stands.
    let offset: Int
  }

  /// Something that an honest pickler does not write.
  struct Oddity: Sendable, Hashable {
    let offset: Int
    let text: String
  }

  var reader: ByteReader
  private let start: Int
  var nodes: [PickleNode] = []
  private var stack: [NodeID] = []
  private var marks: [Int] = []
  private var memo = PickleMemo()
  private var work = 0
  /// About what the values take in memory.
  private var memory = 0
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
  /// Where the opcode that is being executed stands.
  private(set) var offset = 0
  /// Watches what the pickle does, when it is audited.
  var audit: PickleAudit?
  /// The first thing that was refused here and that Python may accept: an audit goes on after it.
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
    nodes = PickleMachine.common
    self.storedByteCount = storedByteCount
  }

  /// The offset behind `STOP`.
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

  private mutating func push(_ node: PickleNode) throws(CheckpointError) {
    stack.append(try add(node))
  }

  private mutating func pop() throws(CheckpointError) -> NodeID {
    guard let last = stack.last, stack.count > (marks.last ?? 0) else {
      throw failure(.emptyStack)
    }
    stack.removeLast()
    return last
  }

  private var top: NodeID {
    get throws(CheckpointError) {
      guard let last = stack.last, stack.count > (marks.last ?? 0) else {
        throw failure(.emptyStack)
      }
      return last
    }
  }

  /// Takes everything above the last mark.
  private mutating func popToMark() throws(CheckpointError) -> [NodeID] {
    guard let mark = marks.popLast() else { throw failure(.noMark) }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  // MARK: Memo

  private mutating func remember(_ index: Int) throws(CheckpointError) {
    let value = try top
    // Every entry costs its pickler two bytes, so honest indices are small.
    let limit = reader.position - start
    guard index >= 0 else { throw failure(.memoOutOfRange(index)) }
    if index > limit { try refuse(failure(.memoOutOfRange(index))) }
    memo.set(value, at: index, isNear: index <= limit)
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw failure(.noMemo(index)) }
    stack.append(value)
  }

  // MARK: Opcodes

  private mutating func execute(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch (instruction.opcode, instruction.argument) {
    case (.proto, .integer(let version)):
      guard version <= 5 else { throw failure(.unknownProtocol(version)) }
      if offset != start { remark("PROTO in the middle of the pickle") }
    case (.frame, _): break
    case (.mark, _): marks.append(stack.count)
    case (.pop, _):
      if stack.count == (marks.last ?? -1) { marks.removeLast() } else { _ = try pop() }
    case (.popMark, _): _ = try popToMark()
    case (.dup, _): stack.append(try top)

    case (.none, _): try push(.none)
    case (.newTrue, _): try push(.bool(true))
    case (.newFalse, _): try push(.bool(false))
    case (.binInt, .integer(let value)), (.binInt1, .integer(let value)),
      (.binInt2, .integer(let value)):
      try push(.integer(value))
    case (.binFloat, .real(let value)): try push(.real(value))
    case (.long1, .bytes(let range)), (.long4, .bytes(let range)):
      try push(integer(Array(reader.bytes[range])))
    case (.int, .bytes(let range)), (.long, .bytes(let range)):
      let value = try textInteger(range, isLong: instruction.opcode == .long)
      if value == nil { try refuse(failure(.integerTooLong)) }
      try push(value ?? .integer(0))
    case (.float, .bytes(let range)):
      guard let value = reader.text(range).flatMap(Double.init) else {
        throw failure(.notANumber)
      }
      try push(.real(value))

    case (.binUnicode, .bytes(let range)), (.shortBinUnicode, .bytes(let range)),
      (.binUnicode8, .bytes(let range)):
      if reader.text(range) == nil { try refuse(failure(.notUTF8("a string"))) }
      try push(.string(String(decoding: reader.bytes[range], as: UTF8.self)))
    case (.unicode, .bytes(let range)):
      let (text, hasSurrogates) = try rawUnicode(range)
      if hasSurrogates { try refuse(failure(.loneSurrogate)) }
      try push(.string(text))
    case (.binString, .bytes(let range)), (.shortBinString, .bytes(let range)):
      // Python 2 had one type for text and bytes.
      try push(reader.text(range).map { .string($0) } ?? .bytes(Array(reader.bytes[range])))
    case (.string, .bytes(let range)): try push(try quotedString(range))
    case (.binBytes, .bytes(let range)), (.shortBinBytes, .bytes(let range)),
      (.binBytes8, .bytes(let range)):
      try push(.bytes(Array(reader.bytes[range])))
    case (.byteArray8, .bytes(let range)): try push(.byteArray(Array(reader.bytes[range])))

    case (.emptyTuple, _): try push(.tuple([]))
    case (.tuple, _): try push(.tuple(try popToMark()))
    case (.tuple1, _): try push(.tuple([try pop()]))
    case (.tuple2, _):
      let second = try pop()
      try push(.tuple([try pop(), second]))
    case (.tuple3, _):
      let third = try pop()
      let second = try pop()
      try push(.tuple([try pop(), second, third]))
    case (.emptyList, _): try push(.list([]))
    case (.list, _): try push(.list(try popToMark()))
    case (.append, _):
      let value = try pop()
      try append([value], to: try top)
    case (.appends, _):
      let values = try popToMark()
      try append(values, to: try top)
    case (.emptySet, _): try push(.set([]))
    case (.addItems, _):
      let values = try popToMark()
      try insert(values, into: try top)
    case (.frozenSet, _):
      let values = try popToMark()
      let function = try name("builtins", "frozenset")
      let arguments = try add(.tuple([try add(.list(values))]))
      stack.append(try result(of: function, arguments, isInstance: false))
    case (.emptyDict, _): try push(.dictionary(PickleDictionary(kind: .plain)))
    case (.dict, _):
      let items = try popToMark()
      let dictionary = try add(.dictionary(PickleDictionary(kind: .plain)))
      try setItems(items, of: dictionary)
      stack.append(dictionary)
    case (.setItem, _):
      let value = try pop()
      let key = try pop()
      try setItems([key, value], of: try top)
    case (.setItems, _):
      let items = try popToMark()
      try setItems(items, of: try top)

    case (.put, .bytes(let range)): try remember(try index(range))
    case (.binPut, .integer(let index)), (.longBinPut, .integer(let index)): try remember(index)
    case (.memoize, _):
      try remember(memo.count)
    case (.get, .bytes(let range)): try recall(try index(range))
    case (.binGet, .integer(let index)), (.longBinGet, .integer(let index)): try recall(index)

    case (.global, .lines(let module, let name)):
      guard let module = reader.text(module), let name = reader.text(name) else {
        throw failure(.notUTF8("a class name"))
      }
      stack.append(try self.name(module, name))
    case (.stackGlobal, _):
      let name = try pop()
      let module = try pop()
      guard case .string(let module) = node(module), case .string(let name) = node(name) else {
        throw failure(.classNameIsNoText)
      }
      stack.append(try self.name(module, name))
    case (.ext1, .integer(let code)), (.ext2, .integer(let code)), (.ext4, .integer(let code)):
      remark("a class by its number in the extension registry")
      stack.append(try name("copyreg", "extension \(code)"))
    case (.reduce, _):
      let arguments = try pop()
      stack.append(try result(of: try pop(), arguments, isInstance: false))
    case (.newObj, _):
      let arguments = try pop()
      stack.append(try result(of: try pop(), arguments, isInstance: true))
    case (.newObjEx, _):
      let keywords = try pop()
      let arguments = try pop()
      let function = try pop()
      let all = try add(.tuple([arguments, keywords]))
      stack.append(try keep(function, all, isInstance: true, isForeign: true))
    case (.obj, _):
      let values = try popToMark()
      guard let function = values.first else { throw failure(.objectWithoutClass) }
      let arguments = try add(.tuple(Array(values.dropFirst())))
      remark("the opcode OBJ")
      stack.append(try result(of: function, arguments, isInstance: false))
    case (.inst, .lines(let module, let name)):
      guard let module = reader.text(module), let name = reader.text(name) else {
        throw failure(.notUTF8("a class name"))
      }
      let arguments = try add(.tuple(try popToMark()))
      remark("the opcode INST")
      stack.append(try result(of: try self.name(module, name), arguments, isInstance: false))
    case (.build, _):
      let state = try pop()
      let target = try top
      do throws(CheckpointError) { try build(target, state) } catch { try refuse(error) }

    case (.binPersistentID, _): stack.append(try persistent(try pop()))
    case (.persistentID, _):
      throw failure(.textPersistentID)
    case (.nextBuffer, _), (.readonlyBuffer, _):
      throw failure(.outsideBuffer)
    default: throw failure(.misplacedOpcode("\(instruction.opcode)"))
    }
  }

  func node(_ id: NodeID) -> PickleNode { nodes[Int(id)] }

  /// What a call gives. A call that is refused stays a call when the pickle is audited.
  private mutating func result(
    of function: NodeID, _ arguments: NodeID, isInstance: Bool
  ) throws(CheckpointError) -> NodeID {
    do throws(CheckpointError) {
      return try call(function, arguments, isInstance: isInstance)
    } catch {
      try refuse(error)
      return try keep(function, arguments, isInstance: isInstance, isForeign: true)
    }
  }

  private mutating func name(_ module: String, _ name: String) throws(CheckpointError) -> NodeID {
    let global = PickleGlobal(module: module, name: name)
    globals.append(GlobalUse(global: global, offset: offset))
    return try add(.global(global))
  }
}
