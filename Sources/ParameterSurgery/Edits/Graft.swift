public import CheckpointFiles
internal import OrderedCollections

/// A freshly initialised head for an encoder.
///
///     let model = try base.grafting(Graft(head: .mlp(width: 128), labels: 2, prefix: "bert."))
///
/// The keys are those of a PyTorch class with `self.bert` and
/// `self.linear = nn.Sequential(nn.Linear(H, 128), nn.Tanh(), nn.Linear(128, labels))`, or
/// `self.linear = nn.Linear(H, labels)`; the values are drawn as `nn.Linear` draws them, uniform in
/// ±1/√fan-in for weight and bias, and depend on the seed and the key alone. ``Head/classifier(_:)`` has
/// the names of a class of transformers instead.
public struct Graft: Sendable, Hashable {
  /// The layers of a head.
  public enum Head: Sendable, Hashable {
    /// One linear layer: `linear.weight`, `linear.bias`.
    case linear
    /// Linear, tanh, linear: `linear.0.weight`, `linear.0.bias`, `linear.2.weight`, `linear.2.bias`.
    case mlp(width: Int)
    /// The head of a family's own class for sequence classification.
    case classifier(Layers)

    /// A head spelled `linear` or `mlp:128`.
    ///
    /// - Throws: ``SurgeryError`` for any other text.
    public init(_ text: String) throws(SurgeryError) {
      if text.isSame(as: "linear") {
        self = .linear
      } else if text.begins(with: "mlp:"),
        let width = Int(String(text.unicodeScalars.dropFirst(4))),
        width > 0, width <= Graft.maximumExtent
      {
        self = .mlp(width: width)
      } else {
        throw .unknownHead(text)
      }
    }
  }

  /// The layers of a family's own head, by their names.
  public struct Layers: Sendable, Hashable {
    /// A dense layer before the output, as wide as the encoder; `nil` when there is none.
    public var dense: String?
    /// The output.
    public var output: String
    /// A dense layer that pools, which is added when the checkpoint does not have it.
    public var pooler: String?
    /// The standard deviation of the normal distribution that weights are drawn from. Biases are zero.
    public var deviation: Double

    /// Layers with these names.
    public init(dense: String? = nil, output: String, pooler: String? = nil, deviation: Double) {
      self.dense = dense
      self.output = output
      self.pooler = pooler
      self.deviation = deviation
    }
  }

  /// The most labels, and the widest layer.
  package static let maximumExtent = 1 << 20

  /// The layers to add.
  public var head: Head
  /// The number of classes.
  public var labels: Int
  /// The prefix of the keys of the encoder, such as `bert.`; keys that begin with it are not changed.
  public var prefix: String
  /// The seed of the initial values.
  public var seed: UInt64
  /// The width of the encoder; with `nil` it is found in the checkpoint.
  public var hiddenSize: Int?

  /// A head for a number of labels.
  public init(
    head: Head, labels: Int, prefix: String = "", seed: UInt64 = 0, hiddenSize: Int? = nil
  ) {
    self.head = head
    self.labels = labels
    self.prefix = prefix
    self.seed = seed
    self.hiddenSize = hiddenSize
  }

  fileprivate func applied(to checkpoint: Checkpoint) throws(SurgeryError) -> Checkpoint {
    guard (1...Graft.maximumExtent).contains(labels) else {
      throw .labelCount(labels, limit: Graft.maximumExtent)
    }
    var result = try prefixed(checkpoint)
    let hidden: Int
    if let hiddenSize, hiddenSize > 0, hiddenSize <= Graft.maximumExtent {
      hidden = hiddenSize
    } else {
      hidden = try Graft.hiddenSize(of: checkpoint)
    }
    let layers: [(name: String, inputs: Int, outputs: Int)] =
      switch head {
      case .linear: [("linear", hidden, labels)]
      case .mlp(let width): [("linear.0", hidden, width), ("linear.2", width, labels)]
      case .classifier(let layers):
        ([layers.pooler.flatMap { result[Key($0 + ".weight")] == nil ? $0 : nil }, layers.dense]
          .compactMap { $0 }.map { ($0, hidden, hidden) }) + [(layers.output, hidden, labels)]
      }
    // Not only the same keys: of two heads, a loader could take either.
    let roots = Set((["linear"] + head.names).map { Key(String(Key($0).components[0])) })
    if let taken = result.tensors.keys.first(where: { key in
      roots.contains(Key(String(key.components[0])))
    }) {
      throw .hasHead(taken, checkpoint.path)
    }
    for layer in layers {
      let parts = [
        (Key(layer.name + ".weight"), [layer.outputs, layer.inputs]),
        (Key(layer.name + ".bias"), [layer.outputs]),
      ]
      for (key, extents) in parts {
        guard let shape = Shape(extents), shape.count <= 1 << 32 else {
          throw .headTooLarge(key, extents)
        }
        var generator = SplitMix64(seed: seed, stream: key.string)
        let values: [Float]
        if case .classifier(let layers) = head {
          let isBias = extents.count == 1
          values = (0..<shape.count).map { _ in
            isBias ? 0 : Float(generator.normal() * layers.deviation)
          }
        } else {
          let bound = 1 / Float(layer.inputs).squareRoot()
          values = (0..<shape.count).map { _ in generator.uniform(bound) }
        }
        result.tensors[key] = Tensor(values, shape: shape)
      }
    }
    return result
  }

  /// The checkpoint with the prefix added to the keys of the encoder.
  private func prefixed(_ checkpoint: Checkpoint) throws(SurgeryError) -> Checkpoint {
    if prefix.isEmpty { return checkpoint }
    var result = checkpoint
    result.tensors = [:]
    result.tensors.reserveCapacity(checkpoint.tensors.count + 4)
    var found = false
    for (key, tensor) in checkpoint.tensors {
      var name = key
      if key.string.utf8.starts(with: prefix.utf8) {
        found = true
      } else if EncoderKeys.allRoots.contains(Key(String(key.components[0]))) {
        found = true
        name = Key(prefix + key.string)
      }
      guard result.tensors.updateValue(tensor, forKey: name) == nil else {
        throw .oneName(name, withPrefixIn: checkpoint.path)
      }
    }
    guard found else { throw .nothingToPrefix(prefix, checkpoint.path) }
    return result
  }

  /// The width of the output of the encoder: that of the norm of the last layer, otherwise of the word embeddings.
  ///
  /// - Throws: ``SurgeryError`` when the checkpoint has neither.
  public static func hiddenSize(of checkpoint: Checkpoint) throws(SurgeryError) -> Int {
    var best: (layer: Int, size: Int)?
    var embedding: Int?
    let words = Key(String(Key(EncoderKeys.bert.path(.wordEmbeddings) ?? "").last))
    for (key, tensor) in checkpoint.tensors {
      let parts = key.parts
      let owner = parts.dropLast().last ?? ""
      if owner == words, tensor.shape.rank == 2 { embedding = tensor.shape[1] }
      // `layer.11.output.LayerNorm.weight`; DistilBERT: `layer.5.output_layer_norm.weight`.
      guard tensor.shape.rank == 1, EncoderKeys.norms.contains(owner),
        let place = parts.firstIndex(of: "layer"), place + 1 < parts.count,
        let layer = parts[place + 1].indexValue
      else { continue }
      if layer >= best?.layer ?? -1 { best = (layer, tensor.shape[0]) }
    }
    guard let size = best?.size ?? embedding, size > 0, size <= maximumExtent else {
      throw .unknownWidth(checkpoint.path)
    }
    return size
  }
}

extension Graft.Head {
  /// The names of the layers, without a pooler, which belongs to the encoder.
  fileprivate var names: [String] {
    switch self {
    case .linear: ["linear"]
    case .mlp: ["linear.0", "linear.2"]
    case .classifier(let layers): [layers.dense, layers.output].compactMap { $0 }
    }
  }
}

extension Checkpoint {
  /// The checkpoint with a head added after everything else. Other tensors keep their values, their order and their
  /// ties.
  ///
  /// - Throws: ``SurgeryError`` when a key exists already, or the width of the encoder cannot be found.
  public func grafting(_ graft: Graft) throws(SurgeryError) -> Checkpoint {
    try graft.applied(to: self)
  }
}
