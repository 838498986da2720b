internal import OrderedCollections

/// Writes an outline as a pickle.
///
/// What comes next is on an explicit stack, so the depth of a value costs memory alone.
struct PickleEmitter {
  private enum Task {
    case item(TorchOutline.Item)
    case node(NodeID)
    /// An entry's key.
    case name(String)
    case opcode(PickleOpcode)
    case tuple(Int)
    /// Makes the value on top of the stack the node's, for later references.
    case remember(NodeID)
    case rememberContainer(Int)
    case global(String, String)
    case newOrderedDictionary
    case finished(NodeID)
  }

  private var pickle = PickleBuilder()
  private var tasks: [Task] = []
  private var memo: [NodeID: Int] = [:]
  private var containerMemo: [Int: Int] = [:]
  /// Tuples and calls that are under way: one inside itself cannot be written.
  private var open: Set<NodeID> = []
  /// Where the value is that is being written.
  private var place: Key?
  private(set) var plan: TorchStoragePlan

  private let outline: TorchOutline
  private let structure: TorchStructure?
  private let tensors: OrderedDictionary<Key, Tensor>

  /// SETITEMS and APPENDS come in batches, as Python has it.
  private static let batch = 1000

  init(
    _ outline: TorchOutline, _ structure: TorchStructure?,
    _ tensors: OrderedDictionary<Key, Tensor>, plan: TorchStoragePlan
  ) {
    self.outline = outline
    self.structure = structure
    self.tensors = tensors
    self.plan = plan
  }

  /// The pickle. The storages that it names, in order, are in ``plan`` then.
  mutating func run() throws(CheckpointError) -> [UInt8] {
    tasks = [.opcode(.stop), .item(outline.root)]
    while let task = tasks.popLast() {
      do throws(CheckpointError) {
        try perform(task)
      } catch { throw error.located(key: place) }
    }
    return pickle.bytes
  }

  /// Schedules tasks that are to run in the given order.
  private mutating func schedule(_ next: [Task]) { tasks.append(contentsOf: next.reversed()) }

  private mutating func perform(_ task: Task) throws(CheckpointError) {
    switch task {
    case .item(let item): try emit(item)
    case .node(let id): try emit(id)
    case .name(let text): pickle.string(text)
    case .opcode(let opcode): pickle.append(opcode)
    case .tuple(let count): pickle.tuple(count)
    case .remember(let id): memo[id] = pickle.remember()
    case .rememberContainer(let place): containerMemo[place] = pickle.remember()
    case .global(let module, let name): try pickle.global(module, name)
    case .newOrderedDictionary: try pickle.emptyOrderedDictionary()
    case .finished(let id): open.remove(id)
    }
  }

  // MARK: Containers that hold tensors

  private mutating func emit(_ item: TorchOutline.Item) throws(CheckpointError) {
    switch item {
    case .nothing: pickle.append(.none)
    case .value(let id, let key):
      place = key
      try emit(id)
    case .tensor(let key, let reference):
      guard let tensor = tensors[key] else { return pickle.append(.none) }
      place = key
      try emit(key, tensor, reference)
    case .container(let place): emit(container: place)
    case .ancestor(let place):
      guard let index = containerMemo[place] else {
        throw .containsItself("tuple")
      }
      pickle.recall(index)
    }
  }

  private mutating func emit(container place: Int) {
    let container = outline.containers[place]
    var next: [Task] = []
    switch container.kind {
    case .list:
      next = [.opcode(.emptyList), .rememberContainer(place)]
      next += batches(container.entries.map { [.item($0.item)] }, .appends)
    case .tuple:
      if container.entries.count > 3 { next.append(.opcode(.mark)) }
      next += container.entries.map { .item($0.item) }
      next.append(.tuple(container.entries.count))
    case .set:
      next = [.global("__builtin__", "set"), .opcode(.emptyList)]
      next += batches(container.entries.map { [.item($0.item)] }, .appends)
      next += [.tuple(1), .opcode(.reduce)]
    case .dictionary(let kind):
      next = PickleEmitter.newDictionary(kind) + [.rememberContainer(place)]
      next += batches(
        container.entries.map { entry in
          [entry.node.map { .node($0) } ?? .name(entry.name ?? ""), .item(entry.item)]
        }, .setItems)
      if let state = container.state { next += [.node(state), .opcode(.build)] }
    }
    schedule(next)
  }

  private static func newDictionary(_ kind: PickleDictionary.Kind) -> [Task] {
    switch kind {
    case .plain: [.opcode(.emptyDict)]
    case .ordered: [.newOrderedDictionary]
    case .counter: [.global("collections", "Counter"), .opcode(.emptyTuple), .opcode(.reduce)]
    }
  }

  private func batches(_ entries: [[Task]], _ opcode: PickleOpcode) -> [Task] {
    var result: [Task] = []
    for start in stride(from: 0, to: entries.count, by: PickleEmitter.batch) {
      result.append(.opcode(.mark))
      for entry in entries[start..<min(start + PickleEmitter.batch, entries.count)] {
        result += entry
      }
      result.append(.opcode(opcode))
    }
    return result
  }

  // MARK: Other values

  private mutating func emit(_ id: NodeID) throws(CheckpointError) {
    if let index = memo[id] { return pickle.recall(index) }
    // What is left out of a list or tuple leaves `None`, so that the others keep their places.
    guard let structure, !structure.isLeftOut(id) else { return pickle.append(.none) }
    switch structure[id] {
    case .none: pickle.append(.none)
    case .bool(let value): pickle.bool(value)
    case .integer(let value): pickle.integer(value)
    case .bigInteger(let digits): pickle.bigInteger(digits)
    case .real(let value): pickle.real(value)
    case .complex(let real, let imaginary):
      try pickle.global("__builtin__", "complex")
      pickle.real(real)
      pickle.real(imaginary)
      pickle.tuple(2)
      pickle.append(.reduce)
    case .string(let text):
      pickle.string(text)
      memo[id] = pickle.remember()
    case .bytes(let raw):
      try pickle.encoded(raw, "_codecs", "encode", "latin1")
      memo[id] = pickle.remember()
    case .byteArray(let raw):
      try pickle.encoded(raw, "__builtin__", "bytearray", "latin-1")
      memo[id] = pickle.remember()
    case .global(let global):
      guard let (module, name) = global.writtenName else { return pickle.append(.none) }
      try pickle.global(module, name)
    case .list(let elements):
      schedule(
        [.opcode(.emptyList), .remember(id)] + batches(elements.map { [.node($0)] }, .appends))
    case .tuple(let elements):
      try begin(id)
      schedule(
        (elements.count > 3 ? [.opcode(.mark)] : []) + elements.map { .node($0) }
          + [.tuple(elements.count)] + (elements.isEmpty ? [] : [.remember(id)]) + [.finished(id)])
    case .set(let elements):
      try begin(id)
      schedule(
        [.global("__builtin__", "set"), .opcode(.emptyList)]
          + batches(elements.filter { !structure.isLeftOut($0) }.map { [.node($0)] }, .appends)
          + [.tuple(1), .opcode(.reduce), .remember(id), .finished(id)])
    case .dictionary(let dictionary):
      var next = PickleEmitter.newDictionary(dictionary.kind) + [.remember(id)]
      next += items(dictionary.items, structure)
      if let state = dictionary.state { next += [.node(state), .opcode(.build)] }
      schedule(next)
    case .object(let object): try emit(object, id, structure)
    case .tensor, .storage: pickle.append(.none)
    }
  }

  private mutating func begin(_ id: NodeID) throws(CheckpointError) {
    guard open.insert(id).inserted else {
      throw .containsItself("value")
    }
  }

  private mutating func emit(
    _ object: PickleObject, _ id: NodeID, _ structure: TorchStructure
  ) throws(CheckpointError) {
    try begin(id)
    schedule([
      .node(object.function), .node(object.arguments), .opcode(.reduce), .remember(id),
      .finished(id),
    ])
  }

  /// Keys and values, without those that are left out.
  private func items(_ items: [NodeID], _ structure: TorchStructure) -> [Task] {
    var entries: [[Task]] = []
    for index in stride(from: 0, to: items.count - 1, by: 2)
    where !structure.isLeftOut(items[index]) && !structure.isLeftOut(items[index + 1]) {
      entries.append([.node(items[index]), .node(items[index + 1])])
    }
    return batches(entries, .setItems)
  }

  // MARK: Tensors

  private mutating func emit(
    _ key: Key, _ tensor: Tensor, _ reference: TorchTensorReference?
  ) throws(CheckpointError) {
    guard let (view, storage) = plan.place(key), let number = view.number else {
      throw .noStorage
    }
    let isParameter = reference?.isParameter == true
    // PyTorch refuses gradients of integers, which a cast may have made of a parameter.
    let requiresGrad =
      reference?.requiresGrad == true && (tensor.dtype.isFloatingPoint || tensor.dtype.isComplex)
    var attributes = reference?.state
    if let state = attributes, structure?.areTensorAttributes(state) != true { attributes = nil }
    let state = isParameter ? nil : attributes
    if isParameter {
      try pickle.global(
        "torch._utils",
        attributes == nil ? "_rebuild_parameter" : "_rebuild_parameter_with_state")
      pickle.append(.mark)
    } else if state != nil {
      // func, type, args, state
      try pickle.global("torch._tensor", "_rebuild_from_type_v2")
      pickle.append(.mark)
    }
    let dtypeName = TorchConstructor.dtypeName(of: tensor.dtype)
    try pickle.global(
      "torch._utils", dtypeName == nil ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3")
    if state != nil { try pickle.global("torch", "Tensor") }
    pickle.append(.mark)
    try emit(storage, number, tensor.dtype)
    pickle.integer(view.offset)
    pickle.integers(TorchStoragePlan.torchShape(tensor.dtype, tensor.shape).dimensions)
    pickle.integers(view.strides)
    pickle.bool(!isParameter && requiresGrad)
    try pickle.emptyOrderedDictionary()
    if let dtypeName { try pickle.global("torch", dtypeName) }
    pickle.append(.tuple)
    if let state {
      schedule([.node(state), .opcode(.tuple), .opcode(.reduce)])
      return
    }
    pickle.append(.reduce)
    guard isParameter else { return }
    pickle.bool(requiresGrad)
    try pickle.emptyOrderedDictionary()
    if let state = attributes {
      schedule([.node(state), .opcode(.tuple), .opcode(.reduce)])
    } else {
      pickle.append(.tuple)
      pickle.append(.reduce)
    }
  }

  private mutating func emit(
    _ storage: TorchStoragePlan.Storage, _ number: Int, _ dtype: DType
  ) throws(CheckpointError) {
    pickle.append(.mark)
    pickle.word("storage")
    if let name = dtype.storageClass {
      try pickle.global("torch", name)
    } else if TorchConstructor.dtypeName(of: dtype) != nil {
      try pickle.global("torch.storage", "UntypedStorage")
    } else {
      throw .noTorchDType(dtype)
    }
    pickle.string(String(number))
    pickle.word("cpu")
    pickle.integer(
      dtype.storageClass == nil
        ? storage.byteCount : storage.byteCount / (dtype.byteWidth ?? 1))
    pickle.append(.tuple)
    pickle.append(.binPersistentID)
  }
}
