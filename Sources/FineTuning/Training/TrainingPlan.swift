/// What a run is going to do, known before its first step.
public struct TrainingPlan: Sendable {
  /// A tensor that trains.
  public struct TrainedTensor: Sendable, Hashable {
    /// The name in the trained model.
    public let name: String
    /// Its extents.
    public let shape: [Int]
    /// The ranges of rows that train; empty when it trains whole.
    public let rows: [Range<Int>]
    /// Elements that train.
    public let count: Int
    /// The highest learning rate.
    public let learningRate: Double
  }

  /// What changes from an epoch on.
  public struct Phase: Sendable, Hashable {
    /// The epoch, from 1.
    public let firstEpoch: Int
    /// What is unfrozen then.
    public let selectors: [String]
    /// The tensors of which more trains then, with all their rows that train.
    public let tensors: [TrainedTensor]
    /// Elements that train then and did not before.
    public let addedCount: Int
    /// Elements that train then.
    public let trainedCount: Int
    /// Where the backward pass ends then.
    public let backwardStop: String
    /// What the frozen prefix computes then; `nil` when nothing is kept.
    public let cached: CachedFeatures?
    /// Bytes of features kept then.
    public let cacheBytes: Int
    /// Whether the features of the epochs before serve on.
    public let keepsCache: Bool
    /// Seconds expected for an epoch, without computing the frozen prefix again.
    public let expectedEpoch: Double
  }

  /// What the frozen prefix of a model computes once, to be kept from epoch to epoch.
  public enum CachedFeatures: Sendable, Hashable {
    /// The embeddings of every token.
    case embeddings
    /// The input of a layer, for every token.
    case layerInput(Int)
    /// The input of the feed-forward part of a layer, for every token.
    case feedForwardInput(Int)
    /// The last hidden states of every token.
    case hiddenStates
    /// One pooled vector for each example.
    case pooledVectors
  }

  /// A label, with the examples that have it.
  public struct LabelCount: Sendable, Hashable {
    /// The label.
    public let name: String
    /// Examples to train that have it.
    public let training: Int
    /// Examples to evaluate that have it.
    public let evaluation: Int
  }

  /// Rows of the word embeddings that train and belong to no token of the training texts.
  public struct UntouchedRows: Sendable, Hashable {
    /// The name of the word embeddings in the trained model.
    public let name: String
    /// The number of rows that train.
    public let trained: Int
    /// How many of them no training text touches: they receive no gradient.
    public let untouched: Int
    /// Whether weight decay changes them anyway.
    public let decays: Bool
  }

  /// Where texts and labels of the training data are read from; `nil` when there is no file.
  public let columns: DataColumns?
  /// The labels in the order of the logits; none for numbers.
  public let labels: [LabelCount]
  /// The least and the greatest number of the training data; `nil` for labels.
  public let values: ClosedRange<Double>?
  /// How hidden states become one vector.
  public let pooling: Pooling
  /// What trains at first, in the order of the state dict.
  public let tensors: [TrainedTensor]
  /// Elements of all parameters.
  public let parameterCount: Int
  /// Elements that train.
  public var trainedCount: Int { tensors.reduce(0) { $0 + $1.count } }
  /// The lowest tensor that trains: the backward pass ends there.
  public let backwardStop: String
  /// What the frozen prefix computes; `nil` when nothing is frozen at the bottom.
  public let cached: CachedFeatures?
  /// Bytes of features kept between epochs.
  public let cacheBytes: Int
  /// Whether the features lie in a temporary file.
  public let cacheSpills: Bool
  /// The folder that keeps the features for later runs.
  public let cacheFolder: String?
  /// Whether the features lie there already, from an earlier run.
  public let cacheIsStored: Bool
  /// Whether dropout acts in the frozen prefix.
  public let trunkDropout: Bool
  /// Training examples and their tokens.
  public let examples: Int
  /// Tokens of the training examples.
  public let tokens: Int
  /// Evaluation examples.
  public let evaluationExamples: Int
  /// The longest sequence, in tokens.
  public let maximumLength: Int
  /// Training examples that are longer and are cut.
  public let cutExamples: Int
  /// Evaluation examples that are longer and are cut.
  public let cutEvaluationExamples: Int
  /// Updates in the whole run.
  public let steps: Int
  /// The highest learning rate of any update: below the one asked for when the warm-up does not end.
  public let learningRate: Double
  /// Bytes expected at the peak.
  public let expectedMemory: Int
  /// Rows of the word embeddings that train without a gradient; `nil` when there are none.
  public let untouchedRows: UntouchedRows?
  /// Seconds expected for the first epoch.
  public let expectedFirstEpoch: Double
  /// Seconds expected for each later epoch.
  public let expectedLaterEpoch: Double
  /// What is unfrozen later, in the order of the epochs.
  public let phases: [Phase]
  /// What the user should know before the first step: unreachable tensors, dropped keys, hold-outs.
  public let notes: [TrainingNote]
}
