import CheckpointFiles
import OrderedCollections
import Testing

@Suite struct QuantizedTensorTests {
  /// A checkpoint of tensors spelled `key DTYPE extent,extent`.
  static func checkpoint(_ tensors: [String]) throws -> Checkpoint {
    var checkpoint = Checkpoint(path: "q")
    for text in tensors {
      let parts = text.split(separator: " ").map(String.init)
      let dtype = try #require(DType(rawValue: parts[1]))
      let extents = parts.count > 2 ? parts[2].split(separator: ",").compactMap { Int($0) } : []
      let shape = try #require(Shape(extents))
      let count = try #require(Tensor.byteCount(dtype, shape))
      checkpoint.tensors[Key(parts[0])] = Tensor(
        dtype: dtype, shape: shape, bytes: [UInt8](repeating: 56, count: count))
    }
    return checkpoint
  }

  /// A layer of each scheme as its library stores it; the payload comes first, then its companions.
  static let schemes: [[String]] = [
    // DeepSeek, finegrained FP8 of transformers; its experts.
    ["l.weight F8_E4M3 2,2", "l.weight_scale_inv F32 1,1"],
    ["e.gate_up_proj F8_E4M3 2,2,2", "e.gate_up_proj_scale_inv F32 2,1,1"],
    ["l.weight F8_E4M3 2,2", "l.scale F8_E8M0 1,1"],
    // FBGEMM, compressed-tensors, Quark; ComfyUI, old and new; ModelOpt.
    ["l.weight F8_E4M3 2,2", "l.weight_scale F32 2,1"],
    ["l.weight I8 2,2", "l.weight_scale F32 2,1", "l.weight_zero_point I8 2,1"],
    ["l.weight F8_E4M3 2,2", "l.scale_weight F32"],
    ["l.weight F8_E4M3 2,2", "l.weight_scale F32", "l.comfy_quant U8 20"],
    ["l.weight U8 2,8", "l.weight_scale F8_E4M3 2,1", "l.weight_scale_2 F32"],
    ["l.weight U8 2,8", "l.weight_quantizer._scale F32 2,1"],
    // Packed integers of compressed-tensors, GPTQ, AWQ, HQQ, ExLlama.
    [
      "l.weight_packed I32 2,1", "l.weight_scale BF16 2,1", "l.weight_shape I64 2",
      "l.weight_g_idx I32 8",
    ],
    ["l.weight_packed U8 2,8", "l.weight_scale F8_E4M3 2,1", "l.weight_global_scale F32 1"],
    ["l.qweight I32 1,2", "l.qzeros I32 1,2", "l.scales F16 1,2", "l.g_idx I32 8"],
    ["l.qweight I32 8,2", "l.qzeros I32 1,2", "l.scales F16 1,2"],
    ["l.W_q U8 4,2", "l.scale F16 8,1", "l.zero F16 8,1"],
    ["l.q_weight I32 8,2", "l.q_scale I32 1,2", "l.q_scale_max F16 1", "l.q_groups I16 2"],
    // bitsandbytes, 4 and 8 bits.
    [
      "l.weight U8 8,1", "l.weight.absmax F32 2", "l.weight.quant_map F32 16",
      "l.weight.quant_state.bitsandbytes__nf4 U8 80",
    ],
    [
      "l.weight U8 8,1", "l.weight.absmax U8 2", "l.weight.nested_absmax F32 1",
      "l.weight.nested_quant_map F32 256", "l.weight.quant_map F32 16",
      "l.weight.quant_state.bitsandbytes__fp4 U8 80",
    ],
    ["l.weight I8 8,2", "l.SCB F32 8", "l.weight_format U8"],
    // MXFP4 of gpt-oss; quanto; torchao; EETQ; AQLM; MLX; BitNet.
    ["e.gate_up_proj_blocks U8 2,2,4", "e.gate_up_proj_scales U8 2,2"],
    ["l.weight._data I8 2,2", "l.weight._scale F32 2,1"],
    ["l._weight_qdata I8 2,2", "l._weight_scale F32 2,1"],
    ["l.weight I8 2,2", "l.weight_scales F16 2"],
    ["l.codes I16 2,2,1", "l.codebooks F16 1,4,1,2", "l.scales F16 2,1,1,1"],
    ["l.weight U32 2,2", "l.scales BF16 2,1", "l.biases BF16 2,1"],
    ["l.weight U8 2,2", "l.weight_scale BF16 1"],
    // Marlin; VPTQ; the names of ONNX.
    ["l.B I32 2,2", "l.s F16 1,2"], ["l.indices I16 1,2,2", "l.centroids.weight F16 1,8"],
    ["l.weight_quantized I8 2,2", "l.weight_scale F32 1", "l.weight_zero_point I8 1"],
    // A sparse tensor of compressed-tensors.
    ["l.weight.compressed BF16 4", "l.weight.bitmask U8 2,1", "l.weight.row_offsets I64 2"],
  ]

  @Test(arguments: schemes)
  func `a scheme's tensors are found, in any order`(_ tensors: [String]) throws {
    let keys = tensors.map { Key(String($0.prefix { $0 != " " })) }
    for order in [tensors, tensors.reversed()] {
      let found = try Self.checkpoint(order + ["n.weight F32 2,2"]).quantizedTensors
      #expect(found.map(\.payload) == [keys[0]])
      #expect(Set(found.first?.companions ?? []) == Set(keys.dropFirst()))
      #expect(found.first?.activationScales == [])
    }
  }

  @Test func `scales of activations are told apart`() throws {
    let found = try Self.checkpoint([
      "l.input_scale F32", "l.weight F8_E4M3 2,2", "l.weight_scale F32", "l.output_scale F32",
    ]).quantizedTensors
    #expect(found.first?.companions == ["l.weight_scale"])
    #expect(found.first?.activationScales == ["l.input_scale", "l.output_scale"])
  }

  @Test(arguments: [
    // Floats with a factor beside them, Swin v2, batch norm, fake quantisation, plain FP8, a layer norm.
    ["l.weight F32 2,2", "l.scale F32 2"], ["l.weight BF16 2,2", "l.weight_scale F32 2"],
    ["a.logit_scale F32 2,1,1", "a.relative_position_index I64 4,4"],
    ["b.weight F32 2", "b.num_batches_tracked I64"],
    [
      "f.scale F32 1", "f.zero_point I32 1", "f.fake_quant_enabled U8 1", "f.observer_enabled U8 1",
    ],
    ["l.weight F8_E4M3 2,2", "l.bias BF16 2"], ["position_ids I64 1,8", "embed.weight F32 8,2"],
    ["l.weight F8_E4M3 2,2", "l.input_scale F32"], ["qweight_scale F32 1", "a.b F32 1"],
  ])
  func `other tensors are none`(_ tensors: [String]) throws {
    #expect(try Self.checkpoint(tensors).quantizedTensors == [])
  }

  @Test(arguments: schemes)
  func `converting leaves them as they are`(_ tensors: [String]) throws {
    let source = try Self.checkpoint(tensors + ["n.weight F32 2,2"])
    let converted = try source.converted(to: .float16)
    #expect(converted["n.weight"]?.dtype == .float16)
    for key in source.keys where key != "n.weight" {
      #expect(converted[key]?.dtype == source[key]?.dtype)
      #expect(try converted[key]?.bytes() == source[key]?.bytes())
    }
  }

  @Test func `a checkpoint of quantised tensors alone is not converted`() throws {
    let checkpoint = try Self.checkpoint(["l.weight F8_E4M3 2,2", "l.weight_scale_inv F32 1,1"])
    #expect {
      _ = try checkpoint.converted(to: .bfloat16)
    } throws: {
      "\($0)"
        == "q: \"l.weight\" holds quantised numbers that mean something only together with \"l.weight_scale_inv\""
    }
  }

  @Test func `the marker of scaled FP8 stays with the tensors that it is about`() throws {
    let scaled = try Self.checkpoint([
      "l.weight F8_E4M3 2,2", "l.scale_weight F32", "scaled_fp8 F8_E4M3 2", "n.weight F32 2",
    ])
    #expect(try scaled.converted(to: .bfloat16)["scaled_fp8"]?.dtype == .float8E4M3)
  }
}
