// The names of dtypes in the formats and libraries that have them: one table.
extension DType {
  private struct Names {
    let dtype: DType
    /// PyTorch's names; the first is the one that PyTorch prints.
    let torch: [String]
    /// What numpy calls the type, in addition to PyTorch's names, and what users write.
    var others: [String] = []
    /// The descriptor of numpy without the byte order, such as `f4`.
    var numpy: String?
    /// What precedes `Storage` and `Tensor` in the names of PyTorch's classes.
    var classes: String?
    /// Whether tensors as PyTorch had them before 0.4 have a class.
    var hasTensorClass = true
  }

  private static let table: [Names] = [
    Names(
      dtype: .bool, torch: ["bool"], others: ["boolean", "bool_"], numpy: "b1", classes: "Bool"),
    Names(dtype: .uint8, torch: ["uint8"], others: ["ubyte"], numpy: "u1", classes: "Byte"),
    Names(dtype: .int8, torch: ["int8"], others: ["byte"], numpy: "i1", classes: "Char"),
    Names(dtype: .int16, torch: ["int16", "short"], numpy: "i2", classes: "Short"),
    Names(dtype: .int32, torch: ["int32", "int"], others: ["intc"], numpy: "i4", classes: "Int"),
    Names(
      dtype: .int64, torch: ["int64", "long"], others: ["longlong"], numpy: "i8", classes: "Long"),
    Names(dtype: .uint16, torch: ["uint16"], others: ["ushort"], numpy: "u2"),
    Names(dtype: .uint32, torch: ["uint32"], others: ["uintc"], numpy: "u4"),
    Names(dtype: .uint64, torch: ["uint64"], others: ["ulonglong"], numpy: "u8"),
    Names(
      dtype: .float16, torch: ["float16", "half"], others: ["fp16"], numpy: "f2", classes: "Half"),
    Names(dtype: .bfloat16, torch: ["bfloat16"], classes: "BFloat16"),
    Names(
      dtype: .float32, torch: ["float32", "float"], others: ["fp32", "single"], numpy: "f4",
      classes: "Float"),
    Names(
      dtype: .float64, torch: ["float64", "double"], others: ["fp64"], numpy: "f8",
      classes: "Double"),
    Names(dtype: .complex32, torch: ["complex32", "chalf"]),
    Names(
      dtype: .complex64, torch: ["complex64", "cfloat"], others: ["csingle"], numpy: "c8",
      classes: "ComplexFloat", hasTensorClass: false),
    Names(
      dtype: .complex128, torch: ["complex128", "cdouble"], numpy: "c16", classes: "ComplexDouble",
      hasTensorClass: false),
    Names(dtype: .float8E5M2, torch: ["float8_e5m2"]),
    Names(dtype: .float8E4M3, torch: ["float8_e4m3fn"]),
    Names(dtype: .float8E8M0, torch: ["float8_e8m0fnu"]),
    Names(dtype: .float8E4M3FNUZ, torch: ["float8_e4m3fnuz"]),
    Names(dtype: .float8E5M2FNUZ, torch: ["float8_e5m2fnuz"]),
    Names(dtype: .float4, torch: ["float4_e2m1fn_x2"]),
  ]

  private static func dictionary(_ names: (Names) -> [String]) -> [Key: DType] {
    Dictionary(
      table.flatMap { row in names(row).map { (Key($0), row.dtype) } },
      uniquingKeysWith: { first, _ in first })
  }

  private static let byTorchName = dictionary(\.torch)
  private static let byStorageClass = dictionary { $0.classes.map { [$0 + "Storage"] } ?? [] }
  private static let byTensorClass = dictionary {
    $0.hasTensorClass ? $0.classes.map { [$0 + "Tensor"] } ?? [] : []
  }
  private static let bySpelling = dictionary { row in
    row.torch + row.others + (row.numpy.map { numpy in ["<", "=", "|"].map { $0 + numpy } } ?? [])
  }
  private static let rows = Dictionary(uniqueKeysWithValues: table.map { ($0.dtype, $0) })

  /// The dtype that safetensors, PyTorch or numpy call `text`, in upper or lower case.
  ///
  ///     let half = DType(named: "torch.bfloat16")
  ///
  /// `torch.` and `numpy.` may precede the name. A descriptor of numpy needs its byte order (`<f4`): without
  /// one, `F4` and `I8` are names of safetensors. `float` is PyTorch's, of 32 bits.
  public init?(named text: String) {
    guard text.utf8.count <= 32 else { return nil }
    let bytes = text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    let name = ["torch.", "numpy.", "np."].first { bytes.hasPrefix($0) }
    let rest = String(decoding: bytes.dropFirst(name?.utf8.count ?? 0), as: UTF8.self)
    if name == nil,
      let dtype = DType.allCases.first(where: {
        bytes.hasEnding($0.name.lowercased()) && bytes.count == $0.name.utf8.count
      })
    {
      self = dtype
      return
    }
    guard let dtype = DType.bySpelling[Key(rest)] else { return nil }
    self = dtype
  }

  /// PyTorch's name, such as `bfloat16`; `nil` for the types that PyTorch does not have.
  public var torchName: String? { DType.rows[self]?.torch.first }

  /// The dtype that PyTorch calls `name`, such as `half`.
  init?(torchName name: String) {
    guard let dtype = DType.byTorchName[Key(name)] else { return nil }
    self = dtype
  }

  /// The dtype of the elements in PyTorch's class of storages `name`, such as `FloatStorage`.
  init?(storageClass name: String) {
    guard let dtype = DType.byStorageClass[Key(name)] else { return nil }
    self = dtype
  }

  /// The dtype of the class of tensors `name` of PyTorch before 0.4, such as `FloatTensor`.
  init?(tensorClass name: String) {
    guard let dtype = DType.byTensorClass[Key(name)] else { return nil }
    self = dtype
  }

  /// PyTorch's class of storages for the dtype, or `nil` for what goes through an untyped storage.
  var storageClass: String? { DType.rows[self]?.classes.map { $0 + "Storage" } }
}
