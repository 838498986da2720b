/// What the name of a tensor says about a quantised tensor that it belongs to.
///
/// The names are those of FP8 (DeepSeek, FBGEMM, ComfyUI, ModelOpt, Quark), compressed-tensors, GPTQ, AWQ, HQQ,
/// bitsandbytes, quanto, torchao, MXFP4 and NVFP4, EETQ, AQLM, QuIP#, HIGGS, ExLlama, MLX, BitNet, SVDQuant, Marlin,
/// VPTQ and ONNX.
struct QuantizationRole {
  /// The keys that the payload may have, the likeliest first.
  private(set) var payloads: [Key] = []
  /// Whether it is about what goes into the layer or comes out of it.
  private(set) var isActivation = false
  /// Whether it is about all tensors of the file.
  private(set) var isMarker = false
  /// Whether the payload may be of any dtype: the non-zero elements of a sparse tensor.
  private(set) var allowsFloats = false

  /// A suffix of the name of the payload, with nothing or one of ``payloadEndings`` in its place.
  private static let endings = [
    "_scale_inv", "_global_scale", "_per_tensor_scale", "_scale_and_zero", "_scale_2", "_scales",
    "_scale", "_scalar", "_zero_points", "_zero_point", "_zeros", "_offset", "_g_idx", "_shape",
  ]
  private static let payloadEndings = ["", "_packed", "_blocks", "_qdata", "_quantized"]

  /// Below the payload.
  private static let children = [
    ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
  ]

  /// Beside the payload, whose name is one of ``payloadNames``.
  private static let siblings: Set<Key> = [
    "scales", "scale", "zeros", "zero", "zero_point", "qzeros", "g_idx", "SCB", "weight_format",
    "scale_weight", "weight_scalar", "comfy_quant", "codebooks", "codebook", "codebook_id",
    "biases",
    "qbiases", "wscales", "wzeros", "wtscale", "wcscales", "SU", "SV", "suh", "svh", "q_scale",
    "q_scale_max", "q_groups", "q_group_map", "q_perm", "q_invperm", "tables", "tables2",
    "centroids",
    "absmax", "quant_map", "meta", "quant_scale", "s",
  ]
  private static let payloadNames = [
    "qweight", "weight", "W_q", "codes", "Qidxs", "trellis", "q_weight", "dqweight",
    "weight_packed",
    "B",
  ]

  /// About what goes in and comes out, wherever else they are scales of a payload.
  private static let activations: Set<Key> = [
    "input_scale", "input_zero_point", "input_global_scale", "input_scale_ub", "input_offset",
    "output_scale", "output_zero_point", "output_offset", "activation_scale", "act_scale",
    "act_scales", "scale_input", "scale_output", "k_scale", "v_scale", "q_scale", "k_cache_scale",
    "v_cache_scale", "prob_scale",
  ]

  /// The role of the tensor under `key`; `nil` for a name that is not about quantised numbers.
  init?(of key: Key) {
    let bytes = key.string.utf8
    let dot = bytes.lastIndex(of: UInt8(ascii: "."))
    let start = dot.map(bytes.index(after:)) ?? bytes.startIndex
    let (module, name) = (key.string[..<start], key.string[start...])
    if name.utf8.equals("scaled_fp8") {
      isMarker = true
      return
    }
    func beside(_ names: [String]) -> [Key] { names.map { Key(module + $0) } }
    func without(_ ending: String) -> String? {
      guard bytes.count > ending.utf8.count,
        bytes.suffix(ending.utf8.count).elementsEqual(ending.utf8)
      else { return nil }
      return String(key.string[..<bytes.index(bytes.endIndex, offsetBy: -ending.utf8.count)])
    }
    let sibling = Key(String(name))
    for ending in QuantizationRole.endings {
      guard let stem = without(ending), stem.utf8.count > module.utf8.count else { continue }
      payloads = QuantizationRole.payloadEndings.map { Key(stem + $0) }
      break
    }
    if QuantizationRole.siblings.contains(sibling) {
      payloads += beside(QuantizationRole.payloadNames)
    }
    for ending in QuantizationRole.children {
      if let stem = without(ending) { payloads.append(Key(stem)) }
    }
    if let stem = QuantizationRole.stem(beforeState: key) { payloads.append(Key(stem)) }
    for ending in ["centroids.weight", "res_centroids.weight", "outlier_centroids.weight"] {
      if let stem = without("." + ending) {
        payloads.append(Key(stem + "." + ending.dropLast("centroids.weight".count) + "indices"))
      }
    }
    for ending in ["._scale", "._shift", "._zeropoint"] {
      if let stem = without(ending) { payloads.append(Key(stem + "._data")) }
    }
    for ending in ["._scale", "._double_scale", ".scale", ".zero_point"] {
      if let stem = without("_quantizer" + ending) { payloads.append(Key(stem)) }
    }
    for ending in [".bitmask", ".row_offsets", ".shape"] {
      if let stem = without(ending) {
        payloads.append(Key(stem + ".compressed"))
        allowsFloats = true
      }
    }
    if QuantizationRole.activations.contains(sibling),
      !QuantizationRole.siblings.contains(sibling)
    {
      payloads = beside(QuantizationRole.payloadNames + ["weight._data", "_weight_qdata"])
      isActivation = true
    }
    if payloads.isEmpty { return nil }
  }

  /// What precedes `.quant_state.` in a key of bitsandbytes.
  private static func stem(beforeState key: Key) -> String? {
    let mark = Array(".quant_state.".utf8)
    let bytes = Array(key.string.utf8)
    guard bytes.count > mark.count else { return nil }
    for start in bytes.indices.dropLast(mark.count)
    where bytes[start] == mark[0] && bytes[start...].starts(with: mark) {
      return String(decoding: bytes[..<start], as: UTF8.self)
    }
    return nil
  }
}
