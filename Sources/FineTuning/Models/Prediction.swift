internal import RealModule

/// The label of one text, with its probability.
public struct Prediction: Sendable, Hashable {
  /// The most probable label.
  public let label: String
  /// Its place among the labels.
  public let index: Int
  /// The softmax of the logits.
  public let probabilities: [Double]
  /// What the model gave.
  public let logits: [Float]

  /// The probability of the label.
  public var probability: Double { probabilities[index] }

  /// The prediction of a row of logits, one a label. Of equal logits the first wins.
  public init(logits: [Float], labels: [String]) {
    precondition(logits.count == labels.count && !labels.isEmpty, "one logit a label")
    let largest = logits.max() ?? 0
    let weights = logits.map { Double.exp(Double($0 - largest)) }
    let sum = weights.reduce(0, +)
    probabilities = weights.map { $0 / sum }
    index = logits.firstIndex(of: largest) ?? 0
    label = labels[index]
    self.logits = logits
  }
}

/// The labels of one text, of which there may be any number.
public struct MultiLabelPrediction: Sendable, Hashable {
  /// The labels with a probability above one half.
  public let labels: [String]
  /// Their places.
  public let indices: [Int]
  /// The sigmoid of each logit.
  public let probabilities: [Double]
  /// What the model gave.
  public let logits: [Float]

  /// The prediction of a row of logits, one a label.
  public init(logits: [Float], labels: [String]) {
    precondition(logits.count == labels.count, "one logit a label")
    indices = logits.indices.filter { logits[$0] > 0 }
    self.labels = indices.map { labels[$0] }
    probabilities = logits.map { sigmoid(Double($0)) }
    self.logits = logits
  }
}
