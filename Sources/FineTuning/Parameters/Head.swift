package import CheckpointFiles

/// How a sequence's hidden states become one vector.
public enum Pooling: String, Sendable, Hashable, CaseIterable {
  /// The mean over the sequence's own tokens, `[CLS]` and `[SEP]` included.
  case mean
  /// The mean over all positions of the padded sequence, as `torch.mean(h, 1)` computes it.
  case meanAll = "mean-all"
  /// The hidden state of the first token.
  case cls
  /// tanh of a dense layer over the first token: BERT's own pooler.
  case pooler
}

/// The layers on top of the pooled vector.
public enum Head: Sendable, Hashable {
  /// Linear, tanh, linear: `linear.0.*` and `linear.2.*`, `width` wide between them.
  case mlp(width: Int)
  /// One linear layer: `linear.weight`, `linear.bias`.
  case linear
  /// The head of the family's own class, such as `BertForSequenceClassification`: `classifier.*`, and
  /// in DistilBERT `pre_classifier.*`.
  case classifier

  /// The head that a checkpoint carries, with the number of its labels; `nil` when it has none.
  ///
  /// - Throws: `FineTuningError` when it has parts of a head that do not fit together.
  package static func found(
    in checkpoint: Checkpoint
  ) throws(FineTuningError) -> (head: Head, labels: Int)? {
    func shape(_ name: String) -> [Int]? { checkpoint[Key(name)]?.shape.dimensions }
    func checked(_ head: Head, labels: Int) throws(FineTuningError) -> (head: Head, labels: Int) {
      guard labels > 0, head != .mlp(width: 0) else {
        throw .headWithoutOutputs(head, labels: labels, in: checkpoint.path)
      }
      return (head, labels)
    }
    if let first = shape("linear.0.weight") {
      guard let last = shape("linear.2.weight"), first.count == 2, last.count == 2,
        last[1] == first[0]
      else {
        throw .brokenHead(first, shape("linear.2.weight"), in: checkpoint.path)
      }
      return try checked(.mlp(width: first[0]), labels: last[0])
    }
    for (name, head) in [
      ("linear", Head.linear), ("classifier", .classifier),
      ("classifier.out_proj", .classifier),
    ] {
      if let weight = shape(name + ".weight"), weight.count == 2 {
        return try checked(head, labels: weight[0])
      }
    }
    return nil
  }

  /// The parameters of the head over pooled vectors `hidden` wide.
  package func descriptions(
    hidden: Int, labels: Int, family: ModelFamily = .bert
  ) -> [ParameterDescription] {
    func linear(_ name: String, _ output: Int, _ input: Int) -> [ParameterDescription] {
      [
        ParameterDescription(name: name + ".weight", shape: [output, input], stage: .head),
        ParameterDescription(name: name + ".bias", shape: [output], stage: .head),
      ]
    }
    return switch self {
    case .mlp(let width): linear("linear.0", width, hidden) + linear("linear.2", labels, width)
    case .linear: linear("linear", labels, hidden)
    case .classifier:
      (family.ownHead.dense.map { linear($0, hidden, hidden) } ?? [])
        + linear(family.ownHead.output, labels, hidden)
    }
  }
}

extension Head: CustomStringConvertible {
  /// The spelling of the command line: `mlp:128`, `linear`, `classifier`.
  public var description: String {
    switch self {
    case .mlp(let width): "mlp:\(width)"
    case .linear: "linear"
    case .classifier: "classifier"
    }
  }
}

/// What stands between two layers of a head.
enum HeadActivation: Sendable, Hashable {
  case tanh, relu, gelu
}
