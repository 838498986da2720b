internal import CheckpointFiles
internal import OrderedCollections

/// Layers that were cut, repeated or put in another order, and what the other members of a configuration say
/// of them.
struct LayerChange {
  /// The number of layers before.
  let before: Int
  /// The former number of each layer, in the new order.
  let sources: [Int]

  var after: Int { sources.count }
  var isIdentity: Bool { sources == Array(0..<before) }

  /// What happens to a member.
  enum Outcome: Equatable {
    case unchanged
    case changed(JSONValue)
    /// The new layers cannot be described by the member.
    case contradicted
  }

  // MARK: - Kinds of members

  /// Lists with an entry for each layer.
  static let lists: Set<Key> = [
    "layer_types", "mlp_layer_types", "layers_block_type", "attention_window", "no_rope_layers",
    "attention_layers", "activation_sparsity_pattern", "indexer_types", "layer_rope_theta",
    "sliding_windows", "sliding_window_layers", "num_query_heads", "num_kv_heads",
    "ffn_multipliers",
    "block_configs", "intermediate_size", "num_attention_heads", "num_key_value_heads",
    "swiglu_limits",
    "swiglu_limits_shared", "moe_layer_freq", "hybrid_override_pattern", "rope_scaling_layers",
    "num_experts", "num_local_experts", "ffn_dim", "head_dim", "block_multiple_of",
  ]
  /// Lists whose length must be the number of layers, or transformers refuses the configuration.
  static let demandedLists = [
    "layer_types", "mlp_layer_types", "layers_block_type", "attention_window", "no_rope_layers",
    "attention_layers", "indexer_types",
  ]
  /// Lists of numbers of layers.
  static let indexLists: Set<Key> = [
    "mlp_only_layers", "cross_attention_layers", "attn_layer_indices", "hybrid_layer_ids",
    "full_attn_idxs", "fullatt_block_indexes", "global_attn_indexes", "moe_layers",
    "window_block_indices", "residual_block_indices", "ple_layer_ids", "full_attention_layers",
    "global_attention_layers", "mamba_layers", "attention_layers_idx",
  ]
  /// Lists of numbers of layers whose outputs another part reads, so that none may be lost or duplicated.
  static let readLists: Set<Key> = [
    "deepstack_visual_indexes", "intermediate_layers_indices", "target_layer_ids",
    "backbone_out_indices", "aux_hidden_state_layers",
  ]
  /// How many layers at the beginning are of another kind.
  private static let prefixes: Set<Key> = [
    "first_k_dense_replace", "max_window_layers", "num_dense_layers", "n_dense_layers",
    "num_hash_layers",
  ]
  /// How many layers at the end are of another kind.
  private static let suffixes: Set<Key> = ["num_kv_shared_layers"]
  /// Members that state how often a kind of layer recurs, and the list that overrides them.
  private static let periods: [Key: String?] = [
    "attn_layer_period": "layers_block_type", "expert_layer_period": nil,
    "global_attn_every_n_layers": "layer_types", "sliding_window_pattern": "layer_types",
    "_sliding_window_pattern": "layer_types", "full_attention_interval": "layer_types",
    "no_rope_layer_interval": "no_rope_layers", "interleave_moe_layer_step": "moe_layers",
    "decoder_sparse_step": nil, "encoder_sparse_step": nil, "moe_layer_freq": nil,
    "moe_layer_interval": nil, "layer_group_size": nil, "cross_attention_interval": nil,
    "hybrid_attention_period": nil,
  ]
  /// Members that make the computation of a layer depend on its number.
  private static let numbered: Set<Key> = ["scale_attn_by_inverse_layer_idx"]

  // MARK: - Outcomes

  /// What happens to the member `name` of `section`; `.unchanged` for a member that does not depend on layers.
  func outcome(_ name: Key, _ value: JSONValue, in section: ConfigurationSection) -> Outcome {
    if LayerChange.lists.contains(name), let list = LayerChange.entries(value) {
      return list.count == before ? change(value, to: permuted(value, list)) : .unchanged
    }
    if LayerChange.indexLists.contains(name) { return change(value, to: mapped(value)) }
    if LayerChange.readLists.contains(name) { return read(value) }
    if let count = value.integer, count >= 0 {
      if LayerChange.prefixes.contains(name) { return boundary(count) { $0 < count } }
      if LayerChange.suffixes.contains(name) {
        guard count <= before else { return .unchanged }
        let first = before - count
        let shared = sources.count { $0 >= first }
        let isSuffix = sources.suffix(shared).allSatisfy { $0 >= first }
        return count == 0 ? .unchanged : isSuffix ? number(count, shared) : .contradicted
      }
      if let list = LayerChange.periods[name] {
        if let list, let value = section[list], value != .null { return .unchanged }
        return count < 2 || sources.enumerated().allSatisfy { ($1 - $0) % count == 0 }
          ? .unchanged : .contradicted
      }
    }
    if LayerChange.numbered.contains(name), value.bool == true {
      return sources.enumerated().allSatisfy { $0 == $1 } ? .unchanged : .contradicted
    }
    switch name {
    case "block_types":
      // A pattern that is repeated.
      let period = value.array?.count ?? 0
      return period < 2 || sources.enumerated().allSatisfy { ($1 - $0) % period == 0 }
        ? .unchanged : .contradicted
    case "attention_types":
      guard let all = LayerChange.expanded(value), all.count == before else { return .unchanged }
      return change(
        value, to: .array([.array([.array(sources.map { all[$0] }), .integer(1)])]))
    case "num_sparse_encoder_layers", "num_sparse_decoder_layers":
      return value.integer.flatMap { (0...before).contains($0) ? sparse($0) : nil } ?? .unchanged
    default: return .unchanged
    }
  }

  private func change(_ value: JSONValue, to new: JSONValue) -> Outcome {
    value == new ? .unchanged : .changed(new)
  }

  private func number(_ old: Int, _ new: Int) -> Outcome {
    old == new ? .unchanged : .changed(.integer(new))
  }

  /// The entries of a list, or the characters of a text with one for each layer.
  private static func entries(_ value: JSONValue) -> [JSONValue]? {
    value.array ?? value.string.map { $0.map { .string(String($0)) } }
  }

  private func permuted(_ value: JSONValue, _ entries: [JSONValue]) -> JSONValue {
    let chosen = sources.map { entries[$0] }
    guard value.array == nil else { return .array(chosen) }
    return .string(chosen.compactMap(\.string).joined())
  }

  private func mapped(_ value: JSONValue) -> JSONValue {
    guard let list = value.array else { return value }
    let old = Set(list.compactMap(\.integer))
    guard old.count == list.count else { return value }
    return .array(sources.indices.filter { old.contains(sources[$0]) }.map { .integer($0) })
  }

  /// Numbers of layers that are read one by one, in their order.
  private func read(_ value: JSONValue) -> Outcome {
    guard let list = value.array?.map(\.integer), !list.isEmpty else { return .unchanged }
    var result: [JSONValue] = []
    for index in list {
      guard let index else { return .unchanged }
      let places = sources.indices.filter { sources[$0] == index }
      guard places.count == 1 else { return .contradicted }
      result.append(.integer(places[0]))
    }
    return change(value, to: .array(result))
  }

  private func boundary(_ count: Int, _ isFirst: (Int) -> Bool) -> Outcome {
    let firsts = sources.count(where: isFirst)
    guard sources.prefix(firsts).allSatisfy(isFirst) else { return .contradicted }
    // Every layer was of this kind and still is: a number beyond the count of layers stays.
    if firsts == after, count >= after { return .unchanged }
    return number(count, firsts)
  }

  /// `[[["global", "local"], 12]]` with an entry for each layer.
  private static func expanded(_ value: JSONValue) -> [JSONValue]? {
    var all: [JSONValue] = []
    for item in value.array ?? [] {
      guard let pair = item.array, pair.count == 2, let kinds = pair[0].array,
        let times = pair[1].integer, (0...1 << 12).contains(times), kinds.count <= 1 << 12
      else { return nil }
      for _ in 0..<times {
        all += kinds
        if all.count > 1 << 16 { return nil }
      }
    }
    return all
  }

  /// The number of sparse layers, which are spread evenly.
  private func sparse(_ count: Int) -> Outcome {
    func isSparse(_ layer: Int, _ step: Int) -> Bool {
      step == 1 || step > 1 && layer % step == 1
    }
    func step(_ layers: Int, _ count: Int) -> Int { count > 0 ? layers / count : 0 }
    let old = step(before, count)
    let new = sources.count { isSparse($0, old) }
    let fits = sources.enumerated().allSatisfy {
      isSparse($0, step(after, new)) == isSparse($1, old)
    }
    return fits ? number(count, new) : .contradicted
  }
}
