package import CheckpointFiles
internal import ParameterSurgery

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
  package var oldName: String? { EncoderKeys.legacy(Key(name))?.string }
}

/// The parameters of an encoder with their shapes, in the order of its state dict. Their names are those of the
/// family's table, `EncoderKeys`.
package enum BERTParameters {
  package static func descriptions(_ configuration: BERTConfiguration) -> [ParameterDescription] {
    let c = configuration.hiddenSize
    let e = configuration.embeddingSize
    let f = configuration.intermediateSize
    let family = configuration.family
    /// A tensor of a module: none when the family does not have the module. Layers ask for it by its name in BERT.
    func parameter(
      _ module: EncoderKeys.Module, _ tensor: String, layer: Int, _ shape: [Int], _ stage: Stage
    ) -> [ParameterDescription] {
      guard let name = family.keys.path(module, layer: layer) else { return [] }
      let role = EncoderKeys.bert.path(module, layer: layer) ?? name
      return [
        ParameterDescription(
          name: "\(name).\(tensor)", role: "\(role).\(tensor)", shape: shape, stage: stage)
      ]
    }
    func linear(
      _ module: EncoderKeys.Module, layer: Int = 0, _ output: Int, _ input: Int, _ stage: Stage
    ) -> [ParameterDescription] {
      parameter(module, "weight", layer: layer, [output, input], stage)
        + parameter(module, "bias", layer: layer, [output], stage)
    }
    func norm(
      _ module: EncoderKeys.Module, layer: Int = 0, _ width: Int, _ stage: Stage
    ) -> [ParameterDescription] {
      parameter(module, "weight", layer: layer, [width], stage)
        + parameter(module, "bias", layer: layer, [width], stage)
    }
    func table(_ module: EncoderKeys.Module, _ rows: Int) -> [ParameterDescription] {
      parameter(module, "weight", layer: 0, [rows, e], .embeddings)
    }
    var all =
      table(.wordEmbeddings, configuration.vocabularySize)
      + table(.positionEmbeddings, configuration.positionRows)
      + table(.tokenTypeEmbeddings, configuration.typeVocabularySize)
      + norm(.embeddingsNorm, e, .embeddings)
    if e != c { all += linear(.embeddingsProjection, c, e, .embeddings) }
    for index in 0..<configuration.layerCount {
      for module in [EncoderKeys.Module.query, .key, .value] {
        all += linear(module, layer: index, c, c, .layer(index, .selfAttention))
      }
      all += linear(.attentionOutput, layer: index, c, c, .layer(index, .attentionOutput))
      all += norm(.attentionNorm, layer: index, c, .layer(index, .attentionNorm))
      all += linear(.intermediate, layer: index, f, c, .layer(index, .intermediate))
      all += linear(.output, layer: index, c, f, .layer(index, .output))
      all += norm(.outputNorm, layer: index, c, .layer(index, .outputNorm))
    }
    return all + linear(.pooler, c, c, .pooler)
  }

  /// What stands before `embeddings.word_embeddings.weight` in the checkpoint: `""`, `"bert."`, …
  package static func prefix(in checkpoint: Checkpoint) throws(FineTuningError) -> String {
    let anchors = EncoderKeys.anchors
    let prefixes = checkpoint.keys.compactMap { key -> String? in
      let bytes = key.string.utf8
      for anchor in anchors.map(\.string.utf8)
      where bytes.suffix(anchor.count).elementsEqual(anchor) {
        let prefix = String(decoding: bytes.dropLast(anchor.count), as: UTF8.self)
        if prefix.isEmpty || prefix.utf8.last == UInt8(ascii: ".") { return prefix }
      }
      return nil
    }
    guard let first = prefixes.first else {
      throw .noEncoder(in: checkpoint.path, anchor: anchors[0])
    }
    guard prefixes.count == 1 else {
      throw .severalEncoders(prefixes, in: checkpoint.path, anchor: anchors[0])
    }
    return first
  }
}
