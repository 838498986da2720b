import Testing

@testable import CheckpointFiles

@Suite struct DTypeNameTests {
  @Test(arguments: [
    ("BF16", DType.bfloat16), ("bf16", .bfloat16), ("bfloat16", .bfloat16),
    ("torch.bfloat16", .bfloat16), ("BFLOAT16", .bfloat16), ("half", .float16), ("fp16", .float16),
    ("float", .float32), ("np.float64", .float64), ("numpy.int8", .int8), ("<f4", .float32),
    ("|u1", .uint8), ("=i8", .int64), ("F4", .float4), ("f4", .float4), ("i8", .int8),
    ("long", .int64), ("F8_e4m3", .float8E4M3), ("torch.float8_e4m3fn", .float8E4M3),
    ("cfloat", .complex64), ("c128", .complex128), ("bool", .bool), ("single", .float32),
  ])
  func `a dtype has the names of three formats`(text: String, dtype: DType) {
    #expect(DType(named: text) == dtype)
  }

  @Test(arguments: [
    "", "f", "float 32", "torch.", "torch.F32", "float31", "<f5", "bf16 ", "F32\u{301}",
  ])
  func `other texts are no dtype`(_ text: String) {
    #expect(DType(named: text) == nil)
  }

  @Test(arguments: DType.allCases)
  func `every name leads back to its dtype`(_ dtype: DType) {
    #expect(DType(named: dtype.name) == dtype)
    if let name = dtype.torchName {
      #expect(DType(torchName: name) == dtype)
      #expect(DType(named: "torch." + name) == dtype)
    }
    if let name = dtype.storageClass { #expect(DType(storageClass: name) == dtype) }
  }

  @Test func `PyTorch's own names keep their case`() {
    #expect(DType(torchName: "Float32") == nil)
    #expect(DType(storageClass: "floatStorage") == nil)
    #expect(DType(tensorClass: "ComplexFloatTensor") == nil)
    #expect(DType(tensorClass: "HalfTensor") == .float16)
  }
}
