package import CheckpointFiles

/// An encoder, a pooling and a head: what trains, evaluates and predicts.
///
/// The model is cut at the lowest stage that trains. What lies below is the *frozen prefix*: it runs
/// without dropout and without a tape, and its output for an example never changes, so it can be
/// computed once.
package final class Classifier {
  package let configuration: BERTConfiguration
  package let pooling: Pooling
  package let parameters: ParameterStore
  package let labelCount: Int
  package let cut: Cut
  let embeddings: Embeddings
  let layers: [EncoderLayer]
  let pooler: Pooler
  let head: ClassificationHead
  package let math: Kernels

  /// Where the frozen prefix ends.
  package enum Cut: Sendable, Hashable {
    /// Nothing is frozen at the bottom: the embeddings train.
    case start
    /// The prefix ends with the input of an encoder layer; its features are hidden states `[T, C]`.
    case layer(Int)
    /// The prefix ends in the middle of an encoder layer, with what its feed-forward reads `[T, C]`.
    case feedForward(Int)
    /// The prefix ends with the last hidden states, of which the pooler trains.
    case hidden
    /// The prefix ends with the pooled vectors `[S, C]`.
    case pooled

    /// The highest cut below which nothing trains.
    init(lowestTrained stage: Stage?) {
      switch stage {
      case .embeddings: self = .start
      case .layer(let index, let block):
        self = block < .intermediate ? .layer(index) : .feedForward(index)
      case .pooler: self = .hidden
      case .head, nil: self = .pooled
      }
    }

    /// Whether what stands at `stage` belongs to the prefix.
    func isAbove(_ stage: Stage) -> Bool {
      switch self {
      case .start: false
      case .layer(let index): stage < .layer(index, .selfAttention)
      case .feedForward(let index): stage < .layer(index, .intermediate)
      case .hidden: stage < .pooler
      case .pooled: stage < .head
      }
    }
  }

  package init(
    checkpoint: Checkpoint, configuration: BERTConfiguration, head: Head, labels: Int,
    pooling: Pooling, math: Kernels, trainable: (Key) -> TrainableRows
  ) throws {
    parameters = try ParameterStore(
      checkpoint: checkpoint, configuration: configuration, head: head, labels: labels,
      pooling: pooling, trainable: trainable)
    if pooling == .pooler, !parameters.hasPooler {
      throw FineTuningError.noPooler(checkpoint.path)
    }
    self.configuration = configuration
    self.pooling = pooling
    self.math = math
    labelCount = labels
    cut = Cut(lowestTrained: parameters.lowestTrainedStage)
    embeddings = Embeddings(configuration: configuration, parameters: parameters, math: math)
    layers = (0..<configuration.layerCount).map { [parameters] in
      EncoderLayer(
        index: $0, configuration: configuration, parameters: parameters, math: math)
    }
    pooler = Pooler(pooling: pooling, parameters: parameters, math: math)
    self.head = ClassificationHead(
      head: head, configuration: configuration, parameters: parameters, math: math)
  }

  // MARK: Frozen prefix

  /// The frozen prefix's output for a batch: `[T, C]`, or `[S, C]` when the cut is at the pooled
  /// vectors; `nil` when nothing is frozen at the bottom.
  ///
  /// - Parameter dropout: the streams of this step, for a trunk that runs as in training; its
  ///   features then differ from pass to pass and must not be kept.
  package func prefix(_ batch: PackedBatch, dropout: DropoutStreams? = nil) -> Matrix? {
    let layerCount: Int
    switch cut {
    case .start: return nil
    case .layer(let index), .feedForward(let index): layerCount = index
    case .hidden, .pooled: layerCount = layers.count
    }
    var hidden =
      embeddings.forward(
        batch, recording: false, dropout: dropout?.stream(configuration.hiddenDropout, site: 0),
        math: math
      ).output
    for layer in layers[..<layerCount] {
      hidden =
        layer.forward(
          hidden, sequences: batch.sequences, depth: nil,
          dropout: dropout.map { layerDropout($0, layer: layer.index) }, math: math
        ).output
    }
    if case .feedForward(let index) = cut {
      hidden = layers[index].attended(
        hidden, sequences: batch.sequences,
        dropout: dropout.map { layerDropout($0, layer: index) }, math: math)
    }
    guard cut == .pooled else { return hidden }
    return pooler.forward(hidden, sequences: batch.sequences, math: math).output
  }

  // MARK: Above the cut

  /// What a forward pass above the cut keeps for the backward pass.
  package struct Tape {
    let batch: PackedBatch
    var embeddings: Embeddings.Tape?
    var layers: [EncoderLayer.Tape?] = []
    var pooler: Pooler.Tape?
    var head: ClassificationHead.Tape?
  }

  /// The logits `[S, K]` of a batch.
  ///
  /// - Parameters:
  ///   - features: what `prefix(_:)` gave for the batch.
  ///   - dropout: the streams of this step; `nil` turns dropout off.
  package func forward(
    _ batch: PackedBatch, features: Matrix?, recording: Bool, dropout: DropoutStreams?
  ) -> (logits: Matrix, tape: Tape) {
    var tape = Tape(batch: batch)
    var hidden: Matrix
    var firstLayer = 0
    switch (cut, features) {
    case (.start, _):
      let (output, embeddingTape) = embeddings.forward(
        batch, recording: recording,
        dropout: dropout?.stream(configuration.hiddenDropout, site: 0), math: math)
      hidden = output
      tape.embeddings = embeddingTape
    case (.layer(let index), let features?), (.feedForward(let index), let features?):
      hidden = features
      firstLayer = index
    case (.hidden, let features?), (.pooled, let features?):
      hidden = features
      firstLayer = layers.count
    case (_, nil):
      preconditionFailure("a model with a frozen prefix takes its features")
    }
    for layer in layers[firstLayer...] {
      let (output, layerTape) = layer.forward(
        hidden, isAttended: cut == .feedForward(layer.index), sequences: batch.sequences,
        depth: recording ? depth(of: layer.index) : nil,
        dropout: dropout.map { layerDropout($0, layer: layer.index) }, math: math)
      hidden = output
      tape.layers.append(layerTape)
    }
    if cut != .pooled {
      let (output, poolerTape) = pooler.forward(hidden, sequences: batch.sequences, math: math)
      hidden = output
      tape.pooler = poolerTape
    }
    let (logits, headTape) = head.forward(
      hidden, dropout: dropout, math: math)
    tape.head = headTape
    return (logits, tape)
  }

  /// Adds to the gradients of everything that trains, from the logits down to the lowest trainable
  /// tensor and no further.
  package func backward(dLogits: Matrix, tape: Tape) {
    guard let headTape = tape.head else { return }
    let belowHead = parameters.trains(below: .head)
    guard
      let dPooled = head.backward(
        dLogits: dLogits, tape: headTape, needsInput: belowHead, math: math),
      let poolerTape = tape.pooler
    else { return }
    let sequences = tape.batch.sequences
    var gradient = pooler.backward(
      dout: dPooled, tape: poolerTape, sequences: sequences,
      needsInput: parameters.trains(below: .pooler), math: math)
    let firstLayer = layers.count - tape.layers.count
    for index in layers.indices.reversed() where index >= firstLayer {
      guard let dout = gradient, let layerTape = tape.layers[index - firstLayer] else { return }
      gradient = layers[index].backward(
        dout: dout, tape: layerTape, sequences: sequences,
        needsInput: parameters.trains(below: .layer(index, .selfAttention)), math: math)
    }
    if let gradient, let embeddingTape = tape.embeddings {
      embeddings.backward(dout: gradient, tape: embeddingTape, batch: tape.batch, math: math)
    }
  }

  /// The lowest block of a layer that the backward pass must reach; `nil` when it need not enter.
  private func depth(of layer: Int) -> Stage.Block? {
    guard let lowest = parameters.lowestTrainedStage else { return nil }
    if lowest < .layer(layer, .selfAttention) { return .selfAttention }
    if case .layer(layer, let block) = lowest { return block }
    return nil
  }

  private func layerDropout(
    _ streams: DropoutStreams, layer: Int
  ) -> EncoderLayer.LayerDropout {
    EncoderLayer.LayerDropout(
      attention: streams.stream(configuration.attentionDropout, site: 2 + 3 * layer),
      attentionOutput: streams.stream(configuration.hiddenDropout, site: 3 + 3 * layer),
      output: streams.stream(configuration.hiddenDropout, site: 4 + 3 * layer))
  }
}
