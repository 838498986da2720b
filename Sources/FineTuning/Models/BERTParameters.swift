package import CheckpointFiles

/// Where in the computation a parameter stands, from the input up. Backward passes stop at the
/// lowest one that trains, and everything below the lowest is the frozen prefix.
package enum Stage: Sendable, Hashable, Comparable {
  case embeddings
  /// An encoder layer, and the block in it.
  case layer(Int, Block)
  case pooler
  case head

  /// The blocks of an encoder layer, from its input up.
  package enum Block: Int, Sendable, Comparable {
    case selfAttention, attentionOutput, attentionNorm, intermediate, output, outputNorm

    /// Whether `a` stands below `b`.
    package static func < (a: Block, b: Block) -> Bool { a.rawValue < b.rawValue }
  }

  private var order: (Int, Int, Int) {
    switch self {
    case .embeddings: (0, 0, 0)
    case .layer(let index, let block): (1, index, block.rawValue)
    case .pooler: (2, 0, 0)
    case .head: (3, 0, 0)
    }
  }

  /// Whether `a` stands below `b`.
  package static func < (a: Stage, b: Stage) -> Bool { a.order < b.order }
}

/// One parameter of the model: its names, shape and place.
package struct ParameterDescription: Sendable, Hashable {
  /// Its name in the checkpoints of the model's family, without what they put before the encoder.
  package let name: String
  /// Its name in `BertModel`, by which the layers ask for it; `name` for a head's.
  package let role: String
  package let shape: [Int]
  package let stage: Stage

  package init(name: String, role: String? = nil, shape: [Int], stage: Stage) {
    self.name = name
    self.role = role ?? name
    self.shape = shape
    self.stage = stage
  }

  /// The old TensorFlow spelling under a LayerNorm: `gamma` for `weight`, `beta` for `bias`.
  package var oldName: String? {
    if name.hasSuffix("LayerNorm.weight") { return String(name.dropLast(6)) + "gamma" }
    if name.hasSuffix("LayerNorm.bias") { return String(name.dropLast(4)) + "beta" }
    return nil
  }
}

/// The parameters of an encoder, in the order of its state dict: the one table that the loader, the
/// masks, the writer and the documentation share.
package enum BERTParameters {
  package static func descriptions(_ configuration: BERTConfiguration) -> [ParameterDescription] {
    let c = configuration.hiddenSize
    let e = configuration.embeddingSize
    let f = configuration.intermediateSize
    let family = configuration.family
    func parameter(_ role: String, _ shape: [Int], _ stage: Stage) -> ParameterDescription {
      ParameterDescription(
        name: family.spelling(of: role), role: role, shape: shape, stage: stage)
    }
    func linear(
      _ name: String, _ output: Int, _ input: Int, _ stage: Stage
    ) -> [ParameterDescription] {
      [
        parameter(name + ".weight", [output, input], stage),
        parameter(name + ".bias", [output], stage),
      ]
    }
    func norm(_ name: String, _ width: Int, _ stage: Stage) -> [ParameterDescription] {
      [
        parameter(name + ".LayerNorm.weight", [width], stage),
        parameter(name + ".LayerNorm.bias", [width], stage),
      ]
    }
    func table(_ name: String, _ rows: Int) -> ParameterDescription {
      parameter("embeddings.\(name)_embeddings.weight", [rows, e], .embeddings)
    }
    var all = [
      table("word", configuration.vocabularySize),
      table("position", configuration.positionRows),
    ]
    if family.hasTokenTypes { all.append(table("token_type", configuration.typeVocabularySize)) }
    all += norm("embeddings", e, .embeddings)
    if e != c { all += linear("embeddings_project", c, e, .embeddings) }
    for index in 0..<configuration.layerCount {
      let layer = "encoder.layer.\(index)."
      for name in ["query", "key", "value"] {
        all += linear(layer + "attention.self.\(name)", c, c, .layer(index, .selfAttention))
      }
      all += linear(layer + "attention.output.dense", c, c, .layer(index, .attentionOutput))
      all += norm(layer + "attention.output", c, .layer(index, .attentionNorm))
      all += linear(layer + "intermediate.dense", f, c, .layer(index, .intermediate))
      all += linear(layer + "output.dense", c, f, .layer(index, .output))
      all += norm(layer + "output", c, .layer(index, .outputNorm))
    }
    if family.hasPooler { all += linear("pooler.dense", c, c, .pooler) }
    return all
  }

  /// What stands before `embeddings.word_embeddings.weight` in the checkpoint: `""`, `"bert."`, …
  package static func prefix(in checkpoint: Checkpoint) throws(FineTuningError) -> String {
    let anchor = "embeddings.word_embeddings.weight"
    let prefixes = checkpoint.keys.compactMap { key -> String? in
      guard key.string.hasSuffix(anchor) else { return nil }
      let prefix = String(key.string.dropLast(anchor.count))
      return prefix.isEmpty || prefix.hasSuffix(".") ? prefix : nil
    }
    guard let first = prefixes.first else {
      throw FineTuningError(
        "\(checkpoint.path): not an encoder's checkpoint: no key ends in \"\(anchor)\"")
    }
    guard prefixes.count == 1 else {
      throw FineTuningError(
        "\(checkpoint.path): \(prefixes.count) keys end in \"\(anchor)\" "
          + "(\(prefixes.prefix(3).map { quoted($0 + anchor) }.joined(separator: ", "))); "
          + "keep one model in the checkpoint")
    }
    return first
  }
}
