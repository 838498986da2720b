/// Watches a pickle machine: what is called, made and changed, with which arguments.
///
/// Names alone do not say what a pickle does: a value that is not a class may be called, a class may be
/// changed, and some names of the closed list are harmless in one use alone.
struct PickleAudit: Sendable {
  /// Something that the pickle does and that an honest pickler does not write.
  struct Remark: Sendable {
    let severity: ScanReport.Severity
    let text: String
    let offset: Int
  }

  /// A call of a name that is not part of every checkpoint.
  struct Call: Sendable {
    let path: Key
    let text: String
    let offset: Int
  }

  private(set) var remarks: [Remark] = []
  private(set) var calls: [Call] = []
  /// Calls of anything that a pickle names or makes.
  private(set) var callCount = 0
  /// Calls that were examined, by their function's place in the arena.
  private var approved: Set<NodeID> = []
  /// Files inside of strings that the pickle has loaded.
  private(set) var loaded: [[UInt8]] = []
  private var frameEnd: Int?
  private var oddCount = 0
  private static let maximumCount = 1000

  private mutating func remark(
    _ severity: ScanReport.Severity, _ text: String, _ instruction: Int
  ) {
    // What is odd must not take the room of what is dangerous.
    if severity < .danger { oddCount += 1 }
    guard severity == .danger ? remarks.count < PickleAudit.maximumCount : oddCount <= 10 else {
      return
    }
    remarks.append(Remark(severity: severity, text: text, offset: instruction))
  }

  // MARK: Instructions

  /// Looks at an instruction before it is executed.
  ///
  /// - Parameters:
  ///   - end: the offset after the instruction.
  ///   - mark: the place of the last mark in the stack.
  mutating func observe(
    _ instruction: PickleInstruction, end: Int, stack: [NodeID], mark: Int?, nodes: [PickleNode]
  ) {
    followFrames(instruction, end)
    func value(_ depth: Int) -> NodeID? { stack.count >= depth ? stack[stack.count - depth] : nil }
    func aboveMark() -> NodeID? {
      mark.flatMap { $0 > 0 && $0 <= stack.count ? stack[$0 - 1] : nil }
    }
    let offset = instruction.offset
    switch instruction.opcode {
    case .reduce:
      if let function = value(2), let arguments = value(1) {
        call(function, arguments, offset, nodes)
      }
    case .obj:
      if let mark, stack.indices.contains(mark) {
        instance(stack[mark], isEmpty: stack.count == mark + 1, offset, nodes)
      }
    case .newObj:
      if let type = value(2) { instance(type, isEmpty: true, offset, nodes) }
    case .newObjEx:
      if let type = value(3) { instance(type, isEmpty: true, offset, nodes) }
    case .build:
      if let target = value(2), let state = value(1) { build(target, state, offset, nodes) }
    case .append:
      if let target = value(2) { extend(target, offset, nodes) }
    case .appends, .addItems:
      if let target = aboveMark() { extend(target, offset, nodes) }
    default: break
    }
  }

  /// Looks at what `INST` made.
  mutating func observeInstance(_ made: NodeID, offset: Int, nodes: [PickleNode]) {
    guard case .object(let object) = nodes[Int(made)] else { return }
    let isEmpty: Bool =
      if case .tuple(let elements) = nodes[Int(object.arguments)] {
        elements.isEmpty
      } else { false }
    instance(object.function, isEmpty: isEmpty, offset, nodes)
  }

  /// A frame covers whole instructions, up to the next frame or the end.
  private mutating func followFrames(_ instruction: PickleInstruction, _ end: Int) {
    if let limit = frameEnd {
      if instruction.offset >= limit {
        frameEnd = nil
      } else if end > limit || instruction.opcode == .frame
        || instruction.opcode == .stop && end != limit
      {
        remark(.warning, "a frame with a wrong length", instruction.offset)
        frameEnd = nil
      }
    }
    if instruction.opcode == .frame, case .integer(let count) = instruction.argument {
      let (limit, overflow) = end.addingReportingOverflow(count)
      frameEnd = overflow ? Int.max : limit
    }
  }

  // MARK: Calls

  private mutating func call(
    _ function: NodeID, _ arguments: NodeID, _ offset: Int, _ nodes: [PickleNode]
  ) {
    callCount += 1
    guard case .global(let global) = nodes[Int(function)] else {
      remark(
        .danger,
        "calls a value that is not a class or function: \(nodes.brief(function))\(nodes.brief(arguments))",
        offset)
      return
    }
    let risk = GlobalRisk.judge(global)
    let values: [NodeID] =
      if case .tuple(let elements) = nodes[Int(arguments)] { elements } else { [] }
    switch risk {
    case .part:
      // It calls its first argument.
      guard global.constructor == .rebuildFromType else { return }
      if let first = values.first, case .global(let function) = nodes[Int(first)] {
        return checkCalled(function, offset)
      }
      remark(.danger, "a tensor made by a value that is not a function", offset)
      return
    case .danger: break
    case .harmless(let use, _):
      switch use {
      case .script: return
      case .data where global.path.utf8.starts(with: "numpy.random._pickle.".utf8):
        // It calls the classes and functions among its arguments.
        for value in values {
          if case .global(let called) = nodes[Int(value)] { checkCalled(called, offset) }
        }
      case .data, .container, .enumeration: break
      case .instance:
        remark(.danger, "runs the initialiser of \(global.path)", offset)
      case .attribute where isMember(values, nodes),
        .typeOf where isNone(values, nodes):
        approved.insert(function)
      case .loader:
        if values.count == 1, case .bytes(let bytes) = nodes[Int(values[0])] {
          approved.insert(function)
          loaded.append(bytes)
        }
      case .reconstructor:
        approved.insert(function)
        if !isPlainBase(values, nodes) {
          remark(.danger, "an object made by the initialiser of another class", offset)
        }
      case .attribute, .typeOf:
        remark(
          .danger, "\(global.path)\(nodes.brief(arguments)), which reaches into a value", offset)
      }
    }
    keep(global, nodes.brief(arguments), offset)
  }

  /// Looks at a class or function that another function calls.
  private mutating func checkCalled(_ global: PickleGlobal, _ offset: Int) {
    if case .harmless(.instance, _) = GlobalRisk.judge(global) {
      remark(.danger, "runs the initialiser of \(global.path)", offset)
    }
  }

  private mutating func keep(_ global: PickleGlobal, _ arguments: String, _ offset: Int) {
    guard calls.count < PickleAudit.maximumCount else { return }
    calls.append(Call(path: Key(global.path), text: global.path + arguments, offset: offset))
  }

  /// A class and the name of a member, as Python 3.11 pickles enumerations and protocol 2 static methods.
  private func isMember(_ values: [NodeID], _ nodes: [PickleNode]) -> Bool {
    guard values.count == 2, case .global(let global) = nodes[Int(values[0])],
      case .string(let name) = nodes[Int(values[1])], let first = name.utf8.first
    else { return false }
    if HarmlessGlobals.members[Key(global.path)]?.contains(Key(name)) == true { return true }
    guard case .harmless(.enumeration, _) = GlobalRisk.judge(global) else { return false }
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    return capitals.contains(first)
      && name.utf8.allSatisfy { byte in
        capitals.contains(byte) || byte == UInt8(ascii: "_")
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      }
  }

  private func isNone(_ values: [NodeID], _ nodes: [PickleNode]) -> Bool {
    if values.count == 1, case .none = nodes[Int(values[0])] { true } else { false }
  }

  private func isPlainBase(_ values: [NodeID], _ nodes: [PickleNode]) -> Bool {
    guard values.count == 3, case .global = nodes[Int(values[0])],
      case .global(let base) = nodes[Int(values[1])]
    else { return false }
    return base.isPlain && ["builtins", "__builtin__"].contains(base.module)
      && ["object", "dict", "list", "tuple", "set", "int", "float", "str", "bytes"]
        .contains(base.name)
  }

  private mutating func instance(
    _ type: NodeID, isEmpty: Bool, _ offset: Int, _ nodes: [PickleNode]
  ) {
    callCount += 1
    guard case .global(let global) = nodes[Int(type)] else {
      remark(
        .danger, "makes an instance of a value that is not a class: \(nodes.brief(type))", offset)
      return
    }
    switch GlobalRisk.judge(global) {
    case .part: return
    case .harmless(let use, _):
      if case .instance = use, !isEmpty {
        remark(.danger, "runs the initialiser of \(global.path)", offset)
      } else if use.needsApproval {
        remark(.danger, "makes an instance of \(global.path)", offset)
      }
    // The name was reported; the call says with what.
    case .danger:
      keep(global, isEmpty ? " (an instance)" : " (an instance, with arguments)", offset)
    }
  }

  // MARK: Changes

  private mutating func build(
    _ target: NodeID, _ state: NodeID, _ offset: Int, _ nodes: [PickleNode]
  ) {
    switch nodes[Int(target)] {
    case .global(let global):
      callCount += 1
      remark(
        .danger, "changes \(global.path) for the whole program: \(nodes.brief(state))", offset)
    case .object(let object):
      if case .global(let global) = nodes[Int(object.function)],
        case .harmless(let use, _) = GlobalRisk.judge(global), use.needsApproval
      {
        remark(.danger, "changes what \(global.path) gives: \(nodes.brief(state))", offset)
      }
      checkAttributes(state, offset, nodes)
    case .dictionary, .set: checkAttributes(state, offset, nodes)
    default: break
    }
  }

  /// Attributes that Python itself calls or follows.
  private mutating func checkAttributes(_ state: NodeID, _ offset: Int, _ nodes: [PickleNode]) {
    var parts = [state]
    if case .tuple(let elements) = nodes[Int(state)] { parts += elements.prefix(2) }
    for part in parts {
      guard case .dictionary(let attributes) = nodes[Int(part)] else { continue }
      for index in stride(from: 0, to: attributes.items.count - 1, by: 2) {
        guard case .string(let name) = nodes[Int(attributes.items[index])],
          name.utf8.count > 4, name.utf8.starts(with: "__".utf8),
          name.utf8.suffix(2).elementsEqual("__".utf8), !PickleAudit.ordinary.contains(Key(name))
        else { continue }
        remark(.danger, "sets the special attribute \(quoted(name)) of an object", offset)
      }
    }
  }

  /// What typing and pydantic keep in an object.
  private static let ordinary: Set<Key> = [
    "__orig_class__", "__fields_set__", "__dict__", "__pydantic_extra__",
    "__pydantic_fields_set__", "__pydantic_private__", "__private_attribute_values__",
  ]

  private mutating func extend(_ target: NodeID, _ offset: Int, _ nodes: [PickleNode]) {
    guard case .object(let object) = nodes[Int(target)] else { return }
    if case .global(let global) = nodes[Int(object.function)] {
      switch GlobalRisk.judge(global) {
      case .harmless(.container, _), .harmless(.script, _), .danger: return
      // torch.jit writes lists of its own.
      case .harmless, .part: break
      }
    }
    remark(.danger, "calls a method of \(nodes.brief(target))", offset)
  }

  // MARK: Names that need approval

  /// The paths of names that are harmless in some uses, and that `nodes` hold in another.
  func unapproved(in nodes: [PickleNode], _ tensors: [TorchTensorReference]) -> Set<Key> {
    var places: [NodeID: Key] = [:]
    for (index, node) in nodes.enumerated() {
      guard case .global(let global) = node,
        case .harmless(let use, _) = GlobalRisk.judge(global), use.needsApproval
      else { continue }
      places[NodeID(index)] = Key(global.path)
    }
    guard !places.isEmpty else { return [] }
    var result: Set<Key> = []
    for (place, path) in places where !approved.contains(place) { result.insert(path) }
    for node in nodes {
      var function: NodeID?
      if case .object(let object) = node { function = object.function }
      TorchStructure.forEachReference(node, tensors) { child in
        if child != function, let path = places[child] { result.insert(path) }
      }
    }
    return result
  }
}
