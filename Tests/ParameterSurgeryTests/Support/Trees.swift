import CheckpointFiles
import ParameterSurgery

/// The story's tree: a small BERT of two layers with a head, in the order of a state_dict.
let storyTree = ParameterTree(storyTensors())

func storyTensors(layers: Int = 2, hidden: Int = 4) -> [TensorInfo] {
  func info(_ key: String, _ shape: Shape, _ dtype: DType = .float32) -> TensorInfo {
    TensorInfo(key: Key(key), dtype: dtype, shape: shape)
  }
  let h = hidden
  var tensors = [
    info("bert.embeddings.position_ids", [1, 8], .int64),
    info("bert.embeddings.word_embeddings.weight", [30, h]),
    info("bert.embeddings.position_embeddings.weight", [8, h]),
    info("bert.embeddings.LayerNorm.weight", [h]),
    info("bert.embeddings.LayerNorm.bias", [h]),
  ]
  for layer in 0..<layers {
    let base = "bert.encoder.layer.\(layer)."
    for name in ["query", "key", "value"] {
      tensors.append(info(base + "attention.self.\(name).weight", [h, h]))
      tensors.append(info(base + "attention.self.\(name).bias", [h]))
    }
    tensors.append(info(base + "output.dense.weight", [h, 4 * h]))
    tensors.append(info(base + "output.dense.bias", [h]))
    tensors.append(info(base + "output.LayerNorm.weight", [h]))
    tensors.append(info(base + "output.LayerNorm.bias", [h]))
  }
  return tensors + [
    info("bert.pooler.dense.weight", [h, h]),
    info("bert.pooler.dense.bias", [h]),
    info("linear.0.weight", [3, h]),
    info("linear.0.bias", [3]),
    info("linear.2.weight", [2, 3]),
    info("linear.2.bias", [2]),
  ]
}

/// A tree of F32 tensors of shape [4, 2] under the given keys.
func tree(_ keys: String...) -> ParameterTree {
  ParameterTree(keys.map { TensorInfo(key: Key($0), dtype: .float32, shape: [4, 2]) })
}

/// The keys that a selector selects, with rows as `key[0:2]`.
func selected(_ selectors: String..., from tree: ParameterTree = storyTree) throws -> [String] {
  try SelectorList(selectors).resolve(in: tree).items.map { item in
    guard let rows = item.rows else { return item.key.string }
    return item.key.string
      + rows.ranges.map { "[\($0.lowerBound):\($0.upperBound)]" }.joined()
  }
}

/// The message of the error that `body` throws; empty when it throws none.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}
