extension PickleMachine {
  /// The value of `function(*arguments)`. Known constructors give their value, all others an
  /// object that keeps the call.
  mutating func call(
    _ function: NodeID, _ arguments: NodeID, isInstance: Bool
  ) throws(CheckpointError) -> NodeID {
    guard case .global(let global) = node(function), let constructor = global.constructor,
      case .tuple(let values) = node(arguments)
    else { return try keep(function, arguments, isInstance: isInstance, isForeign: true) }
    if isInstance { try checkInstance(of: constructor, global, values) }
    switch constructor {
    case .orderedDictionary: return try dictionary(.ordered, values)
    case .counter: return try dictionary(.counter, values)
    case .set: return try set(values)
    case .complex:
      if values.count == 2, let real = self.real(values[0]),
        let imaginary = self.real(values[1])
      {
        return try add(.complex(real, imaginary))
      }
    case .encode:
      // bytes in protocol 2: a string, and the encoding that makes the bytes of it.
      if let bytes = try encoded(values, codec: "utf-8") { return try add(.bytes(bytes)) }
    case .byteArray:
      // A number as argument would ask for that much memory; it stays a call.
      if values.isEmpty { return try add(.byteArray([])) }
      if values.count == 1 {
        switch node(values[0]) {
        case .bytes(let bytes), .byteArray(let bytes):
          try charge(bytes.count)
          return try add(.byteArray(bytes))
        default: break
        }
      }
      if values.count > 1, let bytes = try encoded(values, codec: "") {
        return try add(.byteArray(bytes))
      }
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      // Outside of torch.save, a storage is what another call gives: an audit continues.
      if audit != nil, let first = values.first, case .object = node(first) { break }
      return try tensor(constructor, global, values)
    case .rebuildParameter, .rebuildParameterWithState, .parameter:
      if let parameter = try parameter(values, constructor) { return parameter }
    case .rebuildFromType:
      if let tensor = try fromType(values) { return tensor }
    case .legacyTensor(let dtype):
      if let tensor = try legacyTensor(dtype, values) { return tensor }
    case .size, .plain, .dtype, .storage, .unreadableTensor: break
    }
    return try keep(function, arguments, isInstance: isInstance, isForeign: false)
  }

  /// A call that is kept as it is.
  mutating func keep(
    _ function: NodeID, _ arguments: NodeID, isInstance: Bool, isForeign: Bool
  ) throws(CheckpointError) -> NodeID {
    try add(
      .object(
        PickleObject(
          function: function, arguments: arguments, isInstance: isInstance,
          isForeign: isForeign)))
  }

  /// `NEWOBJ` calls `__new__`, which passes over the arguments of classes that `__init__` fills.
  private func checkInstance(
    of constructor: TorchConstructor, _ global: PickleGlobal, _ values: [NodeID]
  ) throws(CheckpointError) {
    switch constructor {
    case .orderedDictionary, .counter, .set, .byteArray:
      guard values.isEmpty else {
        throw failure(.ignoredArguments(of: global.path))
      }
    case .encode, .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .rebuildFromType, .unreadableTensor:
      throw failure(.instanceOfFunction(global.path))
    default: break
    }
  }

  /// The bytes of a text, an encoding, and perhaps what to do about characters that it does not have;
  /// `nil` for other arguments and unknown encodings.
  private mutating func encoded(
    _ values: [NodeID], codec: String
  ) throws(CheckpointError) -> [UInt8]? {
    guard (1...3).contains(values.count), case .string(let text) = node(values[0]) else {
      return nil
    }
    guard values.count > 1 else { return try encoded(text, as: codec) }
    guard case .string(let codec) = node(values[1]) else { return nil }
    return try encoded(text, as: codec)
  }

  private mutating func set(_ values: [NodeID]) throws(CheckpointError) -> NodeID {
    guard let first = values.first else { return try add(.set([])) }
    switch node(first) {
    case .list(let elements), .tuple(let elements), .set(let elements):
      try charge(elements.count)
      try checkElements(elements)
      return try add(.set(elements))
    default: throw failure(.notElements("set", of: nodes.typeName(first)))
    }
  }

  /// A storage, from the tuple that describes it.
  mutating func persistent(_ id: NodeID) throws(CheckpointError) -> NodeID {
    guard case .tuple(let parts) = node(id), let kind = parts.first,
      case .string(let kind) = node(kind)
    else { throw failure(.foreignPersistentID) }
    // Very old files keep the source text of a module's class in addition.
    if kind.utf8.equals("module"), parts.count == 4 { return parts[1] }
    guard kind.utf8.equals("storage"), parts.count == 5 || parts.count == 6,
      let key = text(parts[2]), case .integer(let count) = node(parts[4]), count >= 0
    else { throw failure(.foreignPersistentID) }
    guard case .global(let global) = node(parts[1]) else {
      throw failure(.storageWithoutClass)
    }
    var root = TorchStorageReference(
      className: global.name, dtype: nil, width: nil, key: key, count: count, offset: offset)
    if case .storage(let dtype, let width)? = global.constructor {
      root.dtype = dtype
      root.width = width
    }
    let place = try register(root)
    guard parts.count == 6, case .tuple(let view) = node(parts[5]) else {
      return try add(.storage(place))
    }
    // In legacy streams a storage may be a part of another, which has the key of the tuple.
    guard view.count == 3, let viewKey = text(view[0]), let start = integer(view[1]),
      let length = integer(view[2]), start >= 0, length >= 0, start <= count,
      length <= count - start
    else { throw failure(.partOutsideStorage) }
    var part = root
    part.key = key + "/" + viewKey
    part.count = length
    part.view = (place, start)
    return try add(.storage(try register(part)))
  }

  /// The place of a storage in the list. The same key always means the same storage.
  private mutating func register(
    _ storage: TorchStorageReference
  ) throws(CheckpointError) -> Int {
    if let place = storagePlaces[Key(storage.key)] {
      let other = storages[place]
      guard utf8AreEqual(other.className, storage.className), other.count == storage.count,
        other.view?.offset == storage.view?.offset
      else {
        throw failure(.contradictingStorages(storage, other))
      }
      return place
    }
    storages.append(storage)
    storagePlaces[Key(storage.key)] = storages.count - 1
    return storages.count - 1
  }

  // MARK: Tensors

  private mutating func tensor(
    _ constructor: TorchConstructor, _ global: PickleGlobal, _ values: [NodeID]
  ) throws(CheckpointError) -> NodeID {
    guard values.count >= 4, case .storage(let storage) = node(values[0]),
      let start = integer(values[1]), start >= 0, let size = try integers(values[2]),
      let stride = try integers(values[3]), size.count == stride.count,
      size.allSatisfy({ $0 >= 0 }), stride.allSatisfy({ $0 >= 0 })
    else { throw failure(.invalidArguments(of: global.name)) }
    guard size.count <= Shape.maximumRank else { throw failure(.rankTooHigh(size.count)) }
    var tensor = TorchTensorReference(
      storage: storage, offset: start, size: size, stride: stride, place: offset)
    var metadata = 6
    if constructor != .rebuildTensor, values.count > 4, case .bool(true) = node(values[4]) {
      tensor.requiresGrad = true
    }
    if constructor == .rebuildTensorV3 {
      guard values.count > 6, case .global(let dtype) = node(values[6]),
        dtype.module.utf8.equals("torch")
      else { throw failure(.missingDType(in: global.name)) }
      tensor.dtypeName = dtype.name
      metadata = 7
    }
    if constructor != .rebuildTensor, values.count > metadata,
      case .dictionary(let bits) = node(values[metadata])
    {
      for index in Swift.stride(from: 0, to: bits.items.count, by: 2) {
        guard let name = text(bits.items[index]),
          case .bool(let value) = node(bits.items[index + 1])
        else { throw failure(.invalidBits(in: global.name)) }
        if name.utf8.equals("conj") { tensor.isConjugate = value }
        if name.utf8.equals("neg") { tensor.isNegative = value }
      }
    }
    tensors.append(tensor)
    return try add(.tensor(tensors.count - 1))
  }

  /// The tensor `id` again, wrapped: tensors are shared, so the wrapper is a tensor of its own.
  private mutating func rewrapped(
    _ id: NodeID, _ change: (inout TorchTensorReference) -> Void
  ) throws(CheckpointError) -> NodeID? {
    guard case .tensor(let index) = node(id) else { return nil }
    var tensor = tensors[index]
    try charge(tensor.size.count)
    change(&tensor)
    tensors.append(tensor)
    return try add(.tensor(tensors.count - 1))
  }

  private mutating func parameter(
    _ values: [NodeID], _ constructor: TorchConstructor
  ) throws(CheckpointError) -> NodeID? {
    // A parameter learns unless it says otherwise.
    var requiresGrad = true
    if values.count > 1, case .bool(let value) = node(values[1]) { requiresGrad = value }
    guard let data = values.first, data != PickleMachine.noneID else {
      var tensor = emptyTensor(.float32)
      (tensor.isParameter, tensor.requiresGrad) = (true, requiresGrad)
      tensors.append(tensor)
      return try add(.tensor(tensors.count - 1))
    }
    let state =
      constructor == .rebuildParameterWithState && values.count > 3 ? values[3] : nil
    return try rewrapped(data) { tensor in
      tensor.isParameter = true
      tensor.requiresGrad = requiresGrad
      // Attributes of the tensor are not the parameter's.
      tensor.state = state
    }
  }

  private mutating func fromType(_ values: [NodeID]) throws(CheckpointError) -> NodeID? {
    guard values.count == 4, case .global(let function) = node(values[0]),
      function.constructor?.makesTensors == true
    else { return nil }
    let made = try call(values[0], values[2], isInstance: false)
    var isParameter: Bool?
    if case .global(let type) = node(values[1]) {
      if type.constructor == .parameter { isParameter = true }
      if type.path.utf8.equals("torch.Tensor") { isParameter = false }
    }
    let state = values[3]
    return try rewrapped(made) { tensor in
      tensor.isParameter = isParameter ?? tensor.isParameter
      tensor.state = state
    } ?? made
  }

  // MARK: Small values

  private mutating func dictionary(
    _ kind: PickleDictionary.Kind, _ values: [NodeID]
  ) throws(CheckpointError) -> NodeID {
    let result = try add(.dictionary(PickleDictionary(kind: kind)))
    guard let source = values.first else { return result }
    switch (node(source), kind) {
    case (.dictionary(let dictionary), _):
      try charge(dictionary.items.count)
      try setItems(dictionary.items, of: result)
    case (.list(let pairs), .ordered), (.tuple(let pairs), .ordered):
      try charge(pairs.count)
      var items: [NodeID] = []
      for pair in pairs {
        let parts: [NodeID]
        switch node(pair) {
        case .list(let elements), .tuple(let elements): parts = elements
        default: parts = []
        }
        guard parts.count == 2 else { throw failure(.notPairs) }
        items.append(contentsOf: parts)
      }
      try setItems(items, of: result)
    default:
      throw failure(.notElements(nodes.typeName(result), of: nodes.typeName(source)))
    }
    return result
  }

  /// The elements of a list, tuple or set.
  func children(_ id: NodeID) -> [NodeID] {
    switch node(id) {
    case .list(let elements), .tuple(let elements), .set(let elements): elements
    default: []
    }
  }

  func text(_ id: NodeID) -> String? {
    switch node(id) {
    case .string(let text): text
    // Storage keys of Python 2 and numbers.
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    case .integer(let value): String(value)
    default: nil
    }
  }

  func integer(_ id: NodeID) -> Int? {
    if case .integer(let value) = node(id) { value } else { nil }
  }

  private func real(_ id: NodeID) -> Double? {
    switch node(id) {
    case .real(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  /// A size or stride: a tuple or list of integers, or `torch.Size` of one.
  mutating func integers(_ id: NodeID) throws(CheckpointError) -> [Int]? {
    var id = id
    if case .object(let object) = node(id), case .global(let global) = node(object.function),
      global.constructor == .size, let first = children(object.arguments).first
    {
      id = first
    }
    switch node(id) {
    case .tuple(let elements), .list(let elements):
      try charge(elements.count)
      var values: [Int] = []
      for element in elements {
        guard let value = integer(element) else { return nil }
        values.append(value)
      }
      return values
    default: return nil
    }
  }
}
