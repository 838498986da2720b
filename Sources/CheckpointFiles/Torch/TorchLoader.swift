internal import OrderedCollections

/// Makes tensors of what a pickle describes.
struct TorchLoader {
  let file: InputFile
  let structure: TorchStructure
  /// The storages of the structure, in its order; `nil` for those whose class is unknown.
  let storages: [TensorStorage?]

  /// The checkpoint that the pickle describes.
  func checkpoint(format: Checkpoint.Format) throws(CheckpointError) -> Checkpoint {
    var checkpoint = Checkpoint(path: file.path, format: format)
    checkpoint.inputs = [file]
    checkpoint.structures = [structure]
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    tensors.reserveCapacity(structure.tensors.count)
    var unsupported: [Checkpoint.UnsupportedEntry] = []
    var indices: [Key: Int] = [:]
    try structure.forEachEntry(.tensors) { entry throws(CheckpointError) in
      switch entry {
      case .value: break
      case .unreadable(let key, let reason):
        unsupported.append(.init(key: key, reason: reason))
      case .tensor(let key, let index):
        if let other = indices.updateValue(index, forKey: key) {
          guard other == index else {
            throw .joinedKeys.located(key: key)
          }
          break
        }
        do throws(CheckpointError) {
          switch try tensor(structure.tensors[index]) {
          case .tensor(let tensor): tensors[key] = tensor
          case .unreadable(let reason): unsupported.append(.init(key: key, reason: reason))
          }
        } catch { throw error.located(key: key) }
      }
    }
    checkpoint.tensors = tensors
    checkpoint.unsupported = unsupported
    return checkpoint
  }

  private enum Result {
    case tensor(Tensor)
    case unreadable(String)
  }

  /// Checks a tensor against its storage.
  private func tensor(_ reference: TorchTensorReference) throws(CheckpointError) -> Result {
    guard let place = reference.storage else {
      guard let dtype = reference.dtype, let shape = Shape(reference.size) else {
        return .unreadable("a tensor without a storage")
      }
      return .tensor(Tensor(dtype: dtype, shape: shape, storage: TensorStorage([])))
    }
    let source = structure.storages[place]
    // A part of another storage is a range of that one.
    guard let storage = storages[source.view?.storage ?? place] else {
      return .unreadable("the elements are of the unknown class \(source.className)")
    }
    var dtype = source.dtype ?? reference.dtype
    if let name = reference.dtypeName {
      guard let named = DType(torchName: name) else {
        return .unreadable("elements of the dtype \(name)")
      }
      // A typed storage says the dtype too; an untyped one is bytes.
      guard source.dtype == nil || source.dtype == named else {
        throw .contradictingDType(named, source.className)
      }
      dtype = named
    }
    guard let dtype else { return .unreadable("elements of a \(source.className)") }
    let whole = storage.byteCount / max(1, source.width ?? 1)
    let start = source.view?.offset ?? 0
    return try view(
      reference, dtype, storage,
      within: start * (source.width ?? 1)..<(start + min(source.count, whole)) * (source.width ?? 1)
    )
  }

  private func view(
    _ reference: TorchTensorReference, _ dtype: DType, _ storage: TensorStorage,
    within range: Range<Int>
  ) throws(CheckpointError) -> Result {
    // Of F4, PyTorch counts pairs: bytes.
    let width = dtype.byteWidth ?? 1
    guard let shape = Shape(reference.size) else {
      throw .uncountableShape
    }
    let (byteCount, tooLarge) = shape.count.multipliedReportingOverflow(by: width)
    guard !tooLarge else {
      throw .uncountableTensor
    }
    if shape.count > 0 {
      let available = range.count / width
      var last = reference.offset
      for (extent, stride) in zip(reference.size, reference.stride) {
        let (step, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        let (sum, overflowToo) = last.addingReportingOverflow(step)
        guard !overflow, !overflowToo else {
          throw .uncountableStrides
        }
        last = sum
      }
      guard last < available else {
        throw .outsideStorage(ofElements: available, last: last)
      }
    }
    // A view may repeat its elements (stride 0); a file of a few bytes must not ask for terabytes.
    guard byteCount <= 1 << 28 || byteCount / 16 <= storage.byteCount else {
      return .unreadable(
        "a view that repeats \(storage.byteCount) bytes to \(byteCount)")
    }
    let offset = shape.count > 0 ? range.lowerBound + reference.offset * width : 0
    var strides: [Int]? = reference.stride
    if shape.count <= 1 || reference.stride == shape.rowMajorStrides { strides = nil }
    var tensor = Tensor(
      dtype: dtype, shape: shape, storage: storage, byteOffset: offset, strides: strides)
    if tensor.isContiguous, strides != nil {
      tensor = Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: offset)
    }
    if dtype == .float4 {
      guard tensor.isContiguous, let last = reference.size.last,
        let logical = Shape(reference.size.dropLast() + [last.multipliedReportingOverflow(by: 2).0])
      else { return .unreadable("a strided tensor of packed F4 pairs") }
      tensor = Tensor(dtype: dtype, shape: logical, storage: storage, byteOffset: offset)
    }
    if reference.isConjugate || reference.isNegative {
      return .tensor(
        tensor.flippingSigns(
          conjugate: reference.isConjugate, negative: reference.isNegative))
    }
    return .tensor(tensor)
  }
}
