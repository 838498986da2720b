internal import CheckpointFiles
internal import OrderedCollections

// Layers of several kinds, which a configuration assigns to numbers.
extension CheckpointLint {
  /// Compares the tensors of each layer with the kind that the configuration states for it.
  mutating func checkKinds(_ node: NumberedLayers, _ section: ConfigurationSection) {
    checkFirstLayer(node, section)
    let kinds: [(word: String, isStated: (Int) -> Bool?, isFound: (Set<Key>) -> Bool)] = [
      ("attention", { LayerKinds.isAttention($0, section) }, { !LayerKinds.isRecurrent($0) }),
      ("experts", { LayerKinds.isSparse($0, section) }, LayerKinds.hasExperts),
    ]
    for kind in kinds {
      let found = node.layers.mapValues { names in
        kind.isFound(Set(names.keys.lazy.flatMap { $0.parts }))
      }
      // Where the keys of both kinds are the same, they do not show the kind.
      guard Set(found.values).count == 2 || found.count < 3 else { continue }
      for index in node.indices {
        guard let stated = kind.isStated(index), let isFound = found[index], stated != isFound,
          Set(found.values).count == 2
        else { continue }
        add(
          .configuration, Key("\(node.path.string).\(index)"),
          "is a layer \(isFound ? "with" : "without") \(kind.word), but config.json states one \(stated ? "with" : "without") it"
        )
        break
      }
    }
  }

  /// Families whose first layer has a tensor that all layers use, or lacks one that the others have; and a tensor that
  /// all layers have.
  private static let firstLayers: [Key: (ending: String, isThere: Bool, always: String)] = [
    "t5": ("relative_attention_bias.weight", true, "SelfAttention.v.weight"),
    "mt5": ("relative_attention_bias.weight", true, "SelfAttention.v.weight"),
    "longt5": ("relative_attention_bias.weight", true, "SelfAttention.v.weight"),
    "switch_transformers": ("relative_attention_bias.weight", true, "SelfAttention.v.weight"),
    "rwkv": ("pre_ln.weight", true, "ln1.weight"),
    "modernbert": ("attn_norm.weight", false, "attn.Wqkv.weight"),
  ]

  private mutating func checkFirstLayer(_ node: NumberedLayers, _ section: ConfigurationSection) {
    guard let type = section["model_type"]?.string,
      let rule = CheckpointLint.firstLayers[Key(type)],
      let first = node.layers[0]
    else { return }
    func has(_ ending: String) -> Bool { first.keys.contains { $0.ends(with: ending) } }
    guard has(rule.always), has(rule.ending) != rule.isThere else { return }
    add(
      .configuration, Key("\(node.path.string).0"),
      rule.isThere
        ? "has no \(rule.ending), which the first layer of a \(type) has"
        : "has \(rule.ending), which the first layer of a \(type) does not have")
  }
}

/// The kinds of layers that configurations state.
private enum LayerKinds {
  private static let recurrent: Set<Key> = [
    "mamba", "mamba2", "linear_attention", "recurrent", "conv", "m",
  ]
  private static let attention: Set<Key> = [
    "attention", "full_attention", "sliding_attention", "chunked_attention", "*",
  ]

  private static func isAttention(_ kind: String?) -> Bool? {
    guard let kind = kind.map({ Key($0) }) else { return nil }
    return attention.contains(kind) ? true : recurrent.contains(kind) ? false : nil
  }

  /// Whether layer `index` is one with attention; `nil` when that is not stated.
  static func isAttention(_ index: Int, _ section: ConfigurationSection) -> Bool? {
    for name in ["layer_types", "layers_block_type"] {
      if let list = section[name]?.array {
        return index < list.count ? isAttention(list[index].string) : nil
      }
    }
    if let pattern = section["block_types"]?.array, !pattern.isEmpty {
      return isAttention(pattern[index % pattern.count].string)
    }
    if let list = section["attn_layer_indices"]?.array { return list.contains(.integer(index)) }
    if let period = section.count("attn_layer_period"),
      let offset = section["attn_layer_offset"]?.integer
    {
      return index % period == offset
    }
    return nil
  }

  /// Whether layer `index` is one with experts; `nil` when that is not stated.
  static func isSparse(_ index: Int, _ section: ConfigurationSection) -> Bool? {
    if let list = section["mlp_layer_types"]?.array {
      return index < list.count ? list[index].string.map { $0.isSame(as: "sparse") } : nil
    }
    switch section["model_type"]?.string.map({ Key($0) }) {
    case "deepseek_v2", "deepseek_v3", "glm4_moe":
      return section["first_k_dense_replace"]?.integer.map { index >= $0 }
    case "qwen2_moe", "qwen3_moe", "qwen3_next":
      guard let step = section.count("decoder_sparse_step") else { return nil }
      let isDense = section["mlp_only_layers"]?.array?.contains(.integer(index)) ?? false
      return !isDense && (index + 1) % step == 0
    case "jamba":
      guard let period = section.count("expert_layer_period"),
        let offset = section["expert_layer_offset"]?.integer
      else { return nil }
      return index % period == offset
    default: return nil
    }
  }

  /// Whether the keys of a layer, in components, are those of one without attention.
  static func isRecurrent(_ names: Set<Key>) -> Bool {
    let words: [Key] = ["mamba", "linear_attn", "rg_lru", "conv"]
    return words.contains(where: names.contains) && !names.contains("self_attn")
  }

  static func hasExperts(_ names: Set<Key>) -> Bool {
    names.contains("experts") || names.contains("block_sparse_moe")
  }
}
