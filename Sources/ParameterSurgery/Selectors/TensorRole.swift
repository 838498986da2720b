internal import CheckpointFiles

/// What a tensor is for, by its key and shape alone. A tensor may have several roles: the bias
/// of a LayerNorm is a `bias` and a `norm`.
///
///     print(tree.entries.filter { TensorRole.bias.applies(to: $0) }.map(\.key))
public enum TensorRole: String, Sendable, Hashable, CaseIterable {
  /// Of a normalisation layer: the component before the last contains `norm`, or is `ln`, `bn` and a
  /// number or letter; also everything named `gamma` or `beta`.
  case norm
  /// Named `bias` or `beta`, or ending or starting with `bias` (`in_proj_bias`, `bias_ih_l0`).
  case bias
  /// Named `weight` or `gamma`, or ending or starting with `weight`. Embeddings and norms included.
  case weight
  /// The weight of an embedding: rank 2, below a component that contains `embed`, or below `wte`,
  /// `wpe`, `shared`.
  case embedding
  /// A weight of rank 2 or more that is neither of an embedding nor of a norm: a matrix product.
  case linear
  /// Below a component that contains `attention` or `attn`.
  case attention
  /// Saved and never trained: integers, Booleans, running statistics, position ids.
  case buffer

  /// Whether the tensor has the role.
  public func applies(to info: TensorInfo) -> Bool {
    let parts = info.key.lowercasedASCII.parts
    let last = parts.last ?? ""
    let owner = parts.dropLast().last ?? ""
    switch self {
    case .norm: return TensorRole.isNorm(last: last, owner: owner)
    case .bias: return TensorRole.isNamed(last, "bias") || last == "beta"
    case .weight: return TensorRole.isNamed(last, "weight") || last == "gamma"
    case .embedding: return TensorRole.isEmbedding(parts, info)
    case .linear:
      return info.shape.rank >= 2 && TensorRole.isNamed(last, "weight")
        && !TensorRole.isNorm(last: last, owner: owner) && !TensorRole.isEmbedding(parts, info)
    case .attention:
      return parts.dropLast().contains { $0.contains("attention") || $0.contains("attn") }
    case .buffer:
      return !(info.dtype.isFloatingPoint || info.dtype.isComplex)
        || TensorRole.isBuffer(last: last) || TensorRole.isCausalMask(info)
    }
  }

  /// Whether buffers have this name alone, and parameters never.
  static func isBuffer(last name: Key) -> Bool {
    [
      "running_mean", "running_var", "num_batches_tracked", "inv_freq", "masked_bias",
      "position_ids", "token_type_ids",
    ].contains(name)
  }

  /// The lower triangle that attention of GPT-2's kind keeps as `bias`.
  private static func isCausalMask(_ info: TensorInfo) -> Bool {
    let extents = info.shape.dimensions
    return info.key.parts.last == "bias" && extents.count == 4 && extents[0] == 1
      && extents[1] == 1 && extents[2] == extents[3] && extents[2] > 1
  }

  private static func isNamed(_ last: Key, _ word: String) -> Bool {
    last == Key(word) || last.ends(with: "_" + word) || last.begins(with: word + "_")
  }

  private static func isNorm(last: Key, owner: Key) -> Bool {
    if last == "gamma" || last == "beta" { return true }
    if owner.contains("norm") { return true }
    for short in ["ln", "bn"] where owner.begins(with: short) {
      let rest = owner.string.utf8.dropFirst(2)
      if rest.first == UInt8(ascii: "_") || rest.allSatisfy({ (48...57).contains($0) }) {
        return true
      }
    }
    return false
  }

  private static func isEmbedding(_ parts: [Key], _ info: TensorInfo) -> Bool {
    guard info.shape.rank == 2, let last = parts.last, isNamed(last, "weight") else { return false }
    let owner = parts.dropLast().last ?? ""
    if isNorm(last: last, owner: owner) { return false }
    return owner.contains("embed") || ["wte", "wpe", "shared"].contains(owner)
  }
}
