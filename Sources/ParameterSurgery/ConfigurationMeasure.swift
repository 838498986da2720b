internal import CheckpointFiles
internal import OrderedCollections

/// What a checkpoint says of its configuration.
struct ConfigurationMeasure {
  /// The most layers under one node called so.
  private(set) var layers: Int?
  /// Rows of embeddings, under the names that configurations use.
  private(set) var rows: [String: Int] = [:]
  /// The one dtype of all floating-point tensors, as torch calls it.
  private(set) var dtype: String?
  private(set) var isBERT = false
  private(set) var isDistilBERT = false

  private static let stacks: Set<Substring> = ["layer", "layers", "h", "block", "blocks"]
  private static let embeddings: [(ending: String, name: String)] = [
    ("word_embeddings.weight", "vocab_size"), ("embed_tokens.weight", "vocab_size"),
    ("wte.weight", "vocab_size"), ("shared.weight", "vocab_size"),
    ("position_embeddings.weight", "max_position_embeddings"), ("wpe.weight", "n_positions"),
    ("token_type_embeddings.weight", "type_vocab_size"),
  ]

  init(_ checkpoint: Checkpoint) {
    var indices: [Key: Set<Int>] = [:]
    var dtypes: Set<DType> = []
    for (key, tensor) in checkpoint.tensors {
      let parts = key.components
      if let place = parts.firstIndex(where: { Key(String($0)).indexValue != nil }), place > 0,
        ConfigurationMeasure.stacks.contains(parts[place - 1]),
        let index = Key(String(parts[place])).indexValue
      {
        indices[Key(parts[..<place].joined(separator: ".")), default: []].insert(index)
        isBERT = isBERT || parts[..<place].joined(separator: ".").hasSuffix("encoder.layer")
        isDistilBERT = isDistilBERT || parts.starts(with: ["distilbert", "transformer", "layer"])
      }
      if let (_, name) = ConfigurationMeasure.embeddings.first(where: {
        key.string.hasSuffix($0.ending)
      }),
        tensor.shape.rank == 2
      {
        rows[name] = tensor.shape[0]
      }
      if tensor.dtype.isFloatingPoint { dtypes.insert(tensor.dtype) }
    }
    layers = indices.values.map(\.count).max()
    dtype = dtypes.count == 1 ? dtypes.first?.torchName : nil
  }
}

extension DType {
  /// What configurations call it.
  fileprivate var torchName: String? {
    switch self {
    case .float64: "float64"
    case .float32: "float32"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    default: nil
    }
  }
}
