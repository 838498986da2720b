/// What a pickle does to a value after it was made. The meanings are those of
/// `torch.load(weights_only=True)`, and of the full loader where that one refuses; what neither accepts
/// is an error.
extension PickleMachine {
  /// `BUILD`: gives a value its attributes, or a tensor its elements.
  mutating func build(_ target: NodeID, _ state: NodeID) throws(CheckpointError) {
    switch node(target) {
    case .dictionary(var dictionary):
      guard dictionary.kind != .plain else {
        throw failure(.noAttributes("dict"))
      }
      guard case .dictionary = node(state) else {
        throw failure(.attributesAreNoDictionary(nodes.typeName(state)))
      }
      dictionary.state = try merged(dictionary.state, state)
      nodes[Int(target)] = .dictionary(dictionary)
    case .object(var object):
      guard object.isForeign else {
        throw failure(.noAttributes(nodes.typeName(target)))
      }
      object.state = try merged(object.state, state)
      nodes[Int(target)] = .object(object)
    case .tensor(let index): try build(tensor: index, state)
    case .set, .storage, .global:
      throw failure(.noAttributes(nodes.typeName(target)))
    default: throw failure(.noAttributes(nodes.typeName(target)))
    }
  }

  /// The attributes of both, of two with one name the later.
  private mutating func merged(
    _ old: NodeID?, _ new: NodeID
  ) throws(CheckpointError) -> NodeID {
    guard let old else { return new }
    guard case .dictionary(let first) = node(old), case .dictionary(let second) = node(new) else {
      throw failure(.attributesSetTwice)
    }
    try charge(first.items.count + second.items.count)
    let result = try add(.dictionary(PickleDictionary(kind: .plain)))
    try setItems(first.items + second.items, of: result)
    return result
  }

  // MARK: Tensors

  /// The state of a tensor: the arguments of `set_`, or what `__setstate__` took before PyTorch 0.4.
  private mutating func build(
    tensor index: Int, _ state: NodeID
  ) throws(CheckpointError) {
    let parts: [NodeID]
    switch node(state) {
    case .tuple(let elements), .list(let elements): parts = elements
    default: throw failure(.stateIsNoTuple(nodes.typeName(state)))
    }
    let source = parts.first.map { node($0) }
    switch (source, parts.count) {
    case (.storage(let storage)?, 4):
      guard let start = integer(parts[1]), let size = try integers(parts[2]),
        let stride = try integers(parts[3])
      else { throw impossibleState }
      try set(index, storage, start, size, stride)
    case (.storage(let storage)?, 3):
      guard let start = integer(parts[1]), let size = try integers(parts[2]) else {
        throw impossibleState
      }
      try set(index, storage, start, size, try rowMajorStrides(size))
    case (.storage(let storage)?, 1):
      try set(index, storage, 0, [try elementCount(of: storage)], [1])
    case (.tensor(let other)?, 1):
      let other = tensors[other]
      guard let storage = other.storage else { return try empty(index) }
      guard !other.isConjugate, !other.isNegative else { throw impossibleState }
      try set(index, storage, other.offset, other.size, other.stride)
    case (nil, 0): try empty(index)
    case (.bool(let requiresGrad)?, 3): tensors[index].requiresGrad = requiresGrad
    case (.tensor(let data)?, 5):
      // A Variable of the first versions: data, creator, hooks, requires_grad, volatile.
      guard case .bool(let requiresGrad) = node(parts[3]),
        dtype(of: tensors[data]) == dtype(of: tensors[index])
      else { throw impossibleState }
      try charge(tensors[data].size.count)
      var tensor = tensors[data]
      (tensor.isParameter, tensor.state) = (tensors[index].isParameter, tensors[index].state)
      tensor.requiresGrad = requiresGrad
      tensors[index] = tensor
    default: throw impossibleState
    }
  }

  private var impossibleState: CheckpointError {
    failure(.impossibleTensorState)
  }

  /// `tensor.set_(storage, offset, size, stride)`.
  private mutating func set(
    _ index: Int, _ storage: Int, _ start: Int, _ size: [Int], _ stride: [Int]
  ) throws(CheckpointError) {
    let old = tensors[index]
    guard start >= 0, size.count == stride.count, size.allSatisfy({ $0 >= 0 }),
      stride.allSatisfy({ $0 >= 0 })
    else { throw impossibleState }
    guard size.count <= Shape.maximumRank else { throw failure(.rankTooHigh(size.count)) }
    guard !old.requiresGrad, !old.isConjugate, !old.isNegative else {
      throw failure(.fixedStorage)
    }
    let source = storages[storage]
    // PyTorch takes an untyped storage for one of bytes here.
    let isUntyped = source.dtype == nil && source.className.utf8.hasSuffix("UntypedStorage")
    guard let dtype = dtype(of: old), dtype == (isUntyped ? .uint8 : source.dtype) else {
      throw failure(.wrongStorageClass(dtype(of: old), source.className))
    }
    if old.storage != nil { remark("the elements of a tensor are replaced after it was made") }
    var tensor = TorchTensorReference(
      storage: storage, offset: start, size: size, stride: stride, place: offset)
    (tensor.dtype, tensor.dtypeName) = (dtype, old.dtypeName)
    (tensor.isParameter, tensor.state) = (old.isParameter, old.state)
    tensors[index] = tensor
  }

  /// `tensor.set_()`: no elements.
  private mutating func empty(_ index: Int) throws(CheckpointError) {
    let old = tensors[index]
    guard !old.requiresGrad, let dtype = dtype(of: old) else { throw impossibleState }
    var tensor = emptyTensor(dtype)
    (tensor.isParameter, tensor.state) = (old.isParameter, old.state)
    tensors[index] = tensor
  }

  /// A tensor without elements or storage, as `torch.FloatTensor()` makes it.
  func emptyTensor(_ dtype: DType) -> TorchTensorReference {
    var tensor = TorchTensorReference(
      storage: nil, offset: 0, size: [0], stride: [1], place: offset)
    tensor.dtype = dtype
    return tensor
  }

  /// What `torch.FloatTensor(…)` and its kin make: a tensor without elements, a view of a whole storage, or
  /// the tensor that they get; `nil` for one that is made of numbers.
  mutating func legacyTensor(
    _ dtype: DType, _ values: [NodeID]
  ) throws(CheckpointError) -> NodeID? {
    var tensor: TorchTensorReference
    switch (values.first.map { node($0) }, values.count) {
    case (nil, 0): tensor = emptyTensor(dtype)
    case (.storage(let storage)?, 1) where storages[storage].dtype == dtype:
      tensor = TorchTensorReference(
        storage: storage, offset: 0, size: [storages[storage].count], stride: [1], place: offset)
    case (.tensor(let index)?, 1) where self.dtype(of: tensors[index]) == dtype:
      try charge(tensors[index].size.count)
      tensor = tensors[index]
      (tensor.requiresGrad, tensor.isParameter, tensor.state) = (false, false, nil)
    default: return nil
    }
    tensor.dtype = dtype
    tensors.append(tensor)
    return try add(.tensor(tensors.count - 1))
  }

  /// The dtype of a tensor's elements, if Espalier has it.
  private func dtype(of tensor: TorchTensorReference) -> DType? {
    tensor.dtype ?? tensor.dtypeName.flatMap { DType(torchName: $0) }
      ?? tensor.storage.flatMap { storages[$0].dtype }
  }

  private func elementCount(of storage: Int) throws(CheckpointError) -> Int {
    guard storages[storage].dtype != nil else { throw impossibleState }
    return storages[storage].count
  }

  private func rowMajorStrides(_ size: [Int]) throws(CheckpointError) -> [Int] {
    guard let shape = Shape(size) else { throw impossibleState }
    return shape.rowMajorStrides
  }
}
