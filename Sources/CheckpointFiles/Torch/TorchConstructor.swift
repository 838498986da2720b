/// The classes and functions that a checkpoint may name. The list is the one of
/// `torch.load(weights_only=True)`; everything else is foreign: kept, listed, never called.
enum TorchConstructor: Sendable, Hashable {
  case orderedDictionary
  case counter
  case size
  case set
  case complex
  case byteArray
  case encode
  case rebuildTensor
  case rebuildTensorV2
  case rebuildTensorV3
  case rebuildParameter
  case rebuildParameterWithState
  case rebuildFromType
  case parameter
  /// A storage class; the dtype is `nil` for the untyped one and for quantised elements.
  case storage(DType?, width: Int)
  /// A dtype as a value.
  case dtype
  /// A class or function that makes a small value, which is kept as it is.
  case plain
  /// A class of tensors as PyTorch had them before 0.4, such as `torch.FloatTensor`.
  case legacyTensor(DType)
  /// A function that makes a tensor that Espalier cannot read.
  case unreadableTensor(String)

  /// - Parameters:
  ///   - module: a short name of ASCII characters, as all known ones are.
  ///   - name: the same; see ``PickleGlobal/isPlain``.
  init?(module: String, name: String) {
    let found: TorchConstructor? =
      switch module {
      case "collections": name == "OrderedDict" ? .orderedDictionary : Self.collections(name)
      case "torch._utils": Self.utilities[name]
      case "torch._tensor": name == "_rebuild_from_type_v2" ? .rebuildFromType : nil
      case "torch.nn.parameter": name == "Parameter" ? .parameter : nil
      case "torch.serialization": name == "_get_layout" ? .plain : nil
      case "_codecs": name == "encode" ? .encode : nil
      case "builtins", "__builtin__": Self.builtins[name]
      case "torch.storage": Self.storage(name)
      case "torch.cuda", "torch.sparse": Self.storage(name)
      case "torch": Self.torch(name)
      default: nil
      }
    guard let found else { return nil }
    self = found
  }

  /// What a call that was kept makes, when that is a tensor that Espalier cannot read.
  var unreadableTensor: String? {
    switch self {
    case .unreadableTensor(let what): what
    case .legacyTensor: "a tensor of the first versions, made of numbers"
    default: nil
    }
  }

  /// Whether it is a function that makes a tensor of a storage or of another tensor.
  var makesTensors: Bool {
    switch self {
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .parameter, .legacyTensor, .unreadableTensor:
      true
    default: false
    }
  }

  private static func collections(_ name: String) -> TorchConstructor? {
    name == "Counter" ? .counter : nil
  }

  private static let builtins: [String: TorchConstructor] = [
    "set": .set, "complex": .complex, "bytearray": .byteArray,
  ]

  private static let utilities: [String: TorchConstructor] = [
    "_rebuild_tensor": .rebuildTensor,
    "_rebuild_tensor_v2": .rebuildTensorV2,
    "_rebuild_tensor_v3": .rebuildTensorV3,
    "_rebuild_parameter": .rebuildParameter,
    "_rebuild_parameter_with_state": .rebuildParameterWithState,
    "_rebuild_sparse_tensor": .unreadableTensor("a sparse tensor"),
    "_rebuild_qtensor": .unreadableTensor("a quantised tensor"),
    "_rebuild_nested_tensor": .unreadableTensor("a nested tensor"),
    "_rebuild_meta_tensor_no_storage": .unreadableTensor("a meta tensor, without data"),
    "_rebuild_wrapper_subclass": .unreadableTensor("a tensor of a wrapper class"),
    "_rebuild_device_tensor_from_numpy": .unreadableTensor("a tensor stored as a numpy array"),
    "_rebuild_device_tensor_from_cpu_tensor": .unreadableTensor("a tensor of another device"),
    "_rebuild_sparse_csr_tensor": .unreadableTensor("a sparse tensor"),
  ]

  private static func torch(_ name: String) -> TorchConstructor? {
    switch name {
    case "Size": .size
    case "device": .plain
    case "Tensor": .legacyTensor(.float32)
    default:
      if DType(torchName: name) != nil || dtypesWithoutReading.contains(name) {
        .dtype
      } else if name.utf8.hasSuffix("Storage") {
        storage(name)
      } else if let dtype = DType(tensorClass: name) {
        .legacyTensor(dtype)
      } else {
        qschemes.contains(name) ? .plain : nil
      }
    }
  }

  private static let qschemes: Set<String> = [
    "per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric",
    "per_channel_affine_float_qparams",
  ]

  private static func storage(_ name: String) -> TorchConstructor? {
    if name == "UntypedStorage" || name == "_UntypedStorage" { return .storage(nil, width: 1) }
    if let dtype = DType(storageClass: name) { return .storage(dtype, width: dtype.bitWidth / 8) }
    switch name {
    case "QInt8Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage":
      return .storage(nil, width: 1)
    case "QInt32Storage": return .storage(nil, width: 4)
    default: return nil
    }
  }

  /// PyTorch's names of dtypes that Espalier does not have.
  private static let dtypesWithoutReading: Set<String> = [
    "quint8", "qint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8", "bits2x4",
    "bits4x2", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7", "int1", "int2",
    "int3", "int4", "int5", "int6", "int7",
  ]

  /// PyTorch's name of a dtype whose tensors `_rebuild_tensor_v3` makes; `nil` for those that a class of
  /// storages has, and those that PyTorch does not have.
  static func dtypeName(of dtype: DType) -> String? {
    dtype.storageClass == nil ? dtype.torchName : nil
  }
}
