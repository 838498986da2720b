/// A place in the arena of a pickle's values.
typealias NodeID = Int32

/// A value of a pickle. Values refer to each other by their place in one arena, so that sharing and
/// cycles are what they were in Python, and nothing recurses on what a file says.
enum PickleNode: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer beyond `Int`, little-endian two's complement.
  case bigInteger([UInt8])
  case real(Double)
  indirect case complex(Double, Double)
  case string(String)
  case bytes([UInt8])
  case byteArray([UInt8])
  case tuple([NodeID])
  case list([NodeID])
  case set([NodeID])
  case dictionary(PickleDictionary)
  indirect case global(PickleGlobal)
  /// An entry of the machine's list of storages.
  case storage(Int)
  /// An entry of the machine's list of tensors.
  case tensor(Int)
  indirect case object(PickleObject)
}

extension PickleNode {
  // What is rare and large is indirect: its size would be that of every node, and there may be millions.

  /// About what the value takes in memory, in bytes: its place in the arena, and what it refers to.
  var memoryByteCount: Int {
    let place = MemoryLayout<PickleNode>.stride
    // The header of an object, and what the allocator adds.
    let object = 48
    switch self {
    case .none, .bool, .integer, .real, .storage: return place
    case .tensor: return place + MemoryLayout<TorchTensorReference>.stride + 2 * object
    case .bigInteger(let bytes), .bytes(let bytes), .byteArray(let bytes):
      return place + object + bytes.count
    case .string(let text): return text.utf8.count < 16 ? place : place + object + text.utf8.count
    case .tuple(let elements), .list(let elements), .set(let elements):
      return elements.isEmpty ? place : place + object + 4 * elements.count
    case .dictionary(let dictionary):
      return dictionary.items.isEmpty ? place : place + object + 4 * dictionary.items.count
    case .complex: return place + object
    case .global(let global):
      return place + 3 * object + MemoryLayout<PickleGlobal>.stride
        + global.module.utf8.count + global.name.utf8.count
    case .object: return place + object + MemoryLayout<PickleObject>.stride
    }
  }
}

/// A `dict`, or one of its kin.
struct PickleDictionary: Sendable {
  enum Kind: Sendable { case plain, ordered, counter }
  /// Key, value, key, value …
  var items: [NodeID] = []
  /// What `BUILD` gave it: attributes, such as the `_metadata` of a state dict.
  var state: NodeID?
  var kind: Kind

  init(kind: Kind) { self.kind = kind }
}

/// A class or function by name. It is never looked up.
struct PickleGlobal: Sendable, Hashable {
  let module: String
  let name: String
  /// Whether both names are short and ASCII, as all known ones are. Other names are not looked up:
  /// comparing long ones takes long.
  let isPlain: Bool
  /// What Espalier knows about it; `nil` for a foreign one. Looked up once: files call one function for
  /// each tensor.
  let constructor: TorchConstructor?

  init(module: String, name: String) {
    self.module = module
    self.name = name
    isPlain = [module, name].allSatisfy { $0.utf8.count <= 256 && $0.utf8.allSatisfy { $0 < 0x80 } }
    constructor = isPlain ? TorchConstructor(module: module, name: name) : nil
  }

  /// `module.name`.
  var path: String { module + "." + name }

  static func == (a: PickleGlobal, b: PickleGlobal) -> Bool {
    utf8AreEqual(a.module, b.module) && utf8AreEqual(a.name, b.name)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(Key(module))
    hasher.combine(Key(name))
  }
}

/// A call that is kept as it is.
struct PickleObject: Sendable {
  let function: NodeID
  let arguments: NodeID
  /// Made by `NEWOBJ`, which calls `__new__` alone.
  let isInstance: Bool
  /// Whether Espalier does not know the function.
  let isForeign: Bool
  /// What `BUILD` gave it.
  var state: NodeID?
  /// What `APPEND` gave it.
  var elements: [NodeID] = []
  /// What `SETITEM` gave it: key, value, key, value …
  var items: [NodeID] = []
}

/// A storage as a persistent id names it.
struct TorchStorageReference: Sendable {
  /// The class, such as `FloatStorage`.
  let className: String
  /// The element type; `nil` for untyped storages and types that Espalier does not have.
  var dtype: DType?
  /// Bytes of an element, if known.
  var width: Int?
  var key: String
  /// Elements, or bytes for untyped storages.
  var count: Int
  /// In legacy streams: part of another storage of the list, from an element on.
  var view: (storage: Int, offset: Int)?
  /// Where the pickle names it first.
  let offset: Int
}

/// A tensor as a rebuild function describes it.
struct TorchTensorReference: Sendable {
  /// The entry of the machine's list of storages; `nil` for a tensor that was made without one.
  let storage: Int?
  /// The first element, in elements.
  let offset: Int
  let size: [Int]
  let stride: [Int]
  var requiresGrad = false
  /// The dtype of a tensor whose storage does not decide it.
  var dtype: DType?
  /// The dtype that `_rebuild_tensor_v3` names, if it did.
  var dtypeName: String?
  var isConjugate = false
  var isNegative = false
  /// Whether it is wrapped as `torch.nn.Parameter`.
  var isParameter = false
  /// Attributes of the tensor object.
  var state: NodeID?
  /// Where in the pickle it is made.
  let place: Int
}
