/// Which storages a PyTorch file gets, and where each tensor is in them.
///
/// Tensors that overlap stay tied: the bytes that they cover together become one storage. All others
/// get a storage of their own, row-major, without what is between them.
struct TorchStoragePlan {
  /// The bytes of one storage.
  enum Source {
    /// A range of a storage that tensors share.
    case range(TensorStorage, Range<Int>)
    /// The elements of a tensor, row-major.
    case tensor(Tensor)
  }

  /// A storage that will be written.
  struct Storage {
    let source: Source
    let dtype: DType
    let byteCount: Int
  }

  /// A tensor in its storage.
  struct View {
    /// `nil` until the tensor is first written; numbers follow that order.
    var number: Int?
    fileprivate let storage: Int
    /// In elements of the dtype, or bytes for packed types.
    let offset: Int
    let strides: [Int]
  }

  private var storages: [Storage] = []
  private var numbers: [Int: Int] = [:]
  private var views: [Key: View] = [:]
  /// The storages by their number.
  private(set) var order: [Storage] = []

  /// Plans the storages of `tensors`.
  ///
  /// - Parameter preservesStrides: whether a view that is not row-major keeps its strides.
  init(_ tensors: some Sequence<(key: Key, value: Tensor)>, preservesStrides: Bool) {
    var groups: [ObjectIdentifier: [(key: Key, tensor: Tensor)]] = [:]
    var order: [ObjectIdentifier] = []
    for (key, tensor) in tensors {
      let id = ObjectIdentifier(tensor.storage)
      if groups[id] == nil { order.append(id) }
      groups[id, default: []].append((key, tensor))
    }
    for id in order {
      let group = groups[id] ?? []
      // A tensor without elements overlaps none, and is in whatever storage the others get.
      let sorted = group.filter { $0.tensor.shape.count > 0 }
        .sorted { $0.tensor.byteSpan.lowerBound < $1.tensor.byteSpan.lowerBound }
      let first = storages.count
      var component: [(key: Key, tensor: Tensor)] = []
      var end = 0
      for member in sorted {
        if !component.isEmpty, member.tensor.byteSpan.lowerBound >= end {
          add(component, preservesStrides)
          component = []
        }
        end =
          component.isEmpty
          ? member.tensor.byteSpan.upperBound
          : max(end, member.tensor.byteSpan.upperBound)
        component.append(member)
      }
      if !component.isEmpty { add(component, preservesStrides) }
      for (key, tensor) in group where tensor.shape.count == 0 {
        addEmpty(key, tensor, from: first)
      }
    }
  }

  /// Adds a tensor without elements: to the first of the storages from `first` on that has its dtype,
  /// so that it stays a view of what the others are, or to one of its own.
  private mutating func addEmpty(_ key: Key, _ tensor: Tensor, from first: Int) {
    guard let place = storages[first...].firstIndex(where: { $0.dtype == tensor.dtype }) else {
      return addAlone(key, tensor)
    }
    views[key] = View(
      storage: place, offset: 0,
      strides: TorchStoragePlan.torchShape(tensor.dtype, tensor.shape).rowMajorStrides)
  }

  /// Adds tensors that overlap.
  private mutating func add(
    _ members: [(key: Key, tensor: Tensor)], _ preservesStrides: Bool
  ) {
    let first = members[0].tensor
    let start = first.byteSpan.lowerBound
    let width = first.dtype.byteWidth ?? 1
    // PyTorch has one dtype for a storage, and offsets in whole elements.
    let isOne = members.allSatisfy {
      $0.tensor.dtype == first.dtype && ($0.tensor.byteOffset - start) % width == 0
    }
    guard isOne, members.count > 1 || first.isContiguous || preservesStrides else {
      for (key, tensor) in members { addAlone(key, tensor) }
      return
    }
    let end = members.reduce(start) { max($0, $1.tensor.byteSpan.upperBound) }
    storages.append(
      Storage(
        source: .range(first.storage, start..<end), dtype: first.dtype, byteCount: end - start))
    for (key, tensor) in members {
      views[key] = View(
        storage: storages.count - 1, offset: (tensor.byteOffset - start) / width,
        strides: TorchStoragePlan.torchStrides(tensor))
    }
  }

  private mutating func addAlone(_ key: Key, _ tensor: Tensor) {
    storages.append(
      Storage(source: .tensor(tensor), dtype: tensor.dtype, byteCount: tensor.byteCount))
    views[key] = View(
      storage: storages.count - 1, offset: 0,
      strides: TorchStoragePlan.torchShape(tensor.dtype, tensor.shape).rowMajorStrides)
  }

  /// The view of `key`, and its storage, which gets the next number when it is new.
  mutating func place(_ key: Key) -> (view: View, storage: Storage)? {
    guard var view = views[key] else { return nil }
    let storage = storages[view.storage]
    if let number = numbers[view.storage] {
      view.number = number
    } else {
      view.number = order.count
      numbers[view.storage] = order.count
      order.append(storage)
    }
    return (view, storage)
  }

  /// The shape as PyTorch counts: of F4, pairs.
  static func torchShape(_ dtype: DType, _ shape: Shape) -> Shape {
    guard dtype == .float4, let last = shape.dimensions.last else { return shape }
    return Shape(shape.dimensions.dropLast() + [last / 2]) ?? shape
  }

  private static func torchStrides(_ tensor: Tensor) -> [Int] {
    tensor.dtype == .float4
      ? torchShape(tensor.dtype, tensor.shape).rowMajorStrides : tensor.strides
  }
}
