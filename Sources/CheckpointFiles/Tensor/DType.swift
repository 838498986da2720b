/// The element type of a tensor.
///
/// Case names are Swift's; ``name`` is the spelling of the safetensors format, which the tool prints.
/// The last group exists in PyTorch files only.
///
///     print(DType.bfloat16.name, DType.bfloat16.bitWidth)  // BF16 16
public enum DType: String, Sendable, Hashable, CaseIterable {
  case bool = "BOOL"
  case float4 = "F4"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case float8E8M0 = "F8_E8M0"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case complex64 = "C64"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  case complex32 = "C32"
  case complex128 = "C128"

  /// The name in safetensors' spelling, such as `BF16`.
  public var name: String { rawValue }

  /// Bits an element takes. Only `F4` and the `F6` types are not whole bytes.
  public var bitWidth: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ,
      .float8E5M2FNUZ:
      8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32, .complex32: 32
    case .complex64, .float64, .int64, .uint64: 64
    case .complex128: 128
    }
  }

  /// Bytes an element takes, or `nil` for the packed types below eight bits.
  public var byteWidth: Int? { bitWidth % 8 == 0 ? bitWidth / 8 : nil }

  /// Whether the elements are real floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float4, .float6E2M3, .float6E3M2, .float8E5M2, .float8E4M3, .float8E8M0,
      .float8E4M3FNUZ, .float8E5M2FNUZ, .float16, .bfloat16, .float32, .float64:
      true
    default: false
    }
  }

  /// Whether the elements are pairs of real and imaginary part.
  public var isComplex: Bool {
    switch self {
    case .complex32, .complex64, .complex128: true
    default: false
    }
  }
}

extension DType: CustomStringConvertible {
  /// The name in safetensors' spelling.
  public var description: String { rawValue }
}
