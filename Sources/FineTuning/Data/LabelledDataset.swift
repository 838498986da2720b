/// Texts with their labels, in the order of the file.
public struct LabelledDataset: Sendable, Hashable {
  /// One row.
  public struct Example: Sendable, Hashable {
    /// The text.
    public var text: String
    /// The second text of a pair.
    public var pair: String?
    /// What is right for the text; `nil` in a file without labels.
    public var target: Target?

    /// The place of the one label in ``LabelledDataset/labels``; `nil` when there is none, or another
    /// kind of target.
    public var label: Int? { if case .label(let label) = target { label } else { nil } }

    /// A row with one label or none.
    public init(text: String, pair: String? = nil, label: Int?) {
      self.init(text: text, pair: pair, target: label.map { .label($0) })
    }

    /// A row.
    public init(text: String, pair: String? = nil, target: Target?) {
      self.text = text
      self.pair = pair
      self.target = target
    }
  }

  /// The rows.
  public var examples: [Example]
  /// What the labels are called, in the order of their numbers; none for numbers.
  public var labels: [String]
  /// What the targets are.
  public var task: PredictionTask
  /// The file that the rows were read from; `nil` when there is none.
  public internal(set) var path: String?
  /// Where the texts and the labels were read from; `nil` when there is no file.
  public internal(set) var columns: DataColumns?
  /// What the user should know of the file or of its labels, a sentence each.
  public internal(set) var notes: [String] = []
  /// Whether the labels are places in lists of 0 and 1, so that the file has no names for them.
  var hasPositions = false
  /// The line of the first row of each label, when there is a file.
  var firstLines: [Int] = []

  /// Rows with the names of their labels.
  public init(examples: [Example], labels: [String], task: PredictionTask = .classification) {
    self.examples = examples
    self.labels = labels
    self.task = task
  }

  /// The number of rows.
  public var count: Int { examples.count }

  /// Whether rows have two texts.
  public var isPaired: Bool { examples.first?.pair != nil }

  /// How many rows have each label.
  public var labelCounts: [Int] {
    var counts = [Int](repeating: 0, count: labels.count)
    for example in examples {
      switch example.target {
      case .label(let label): counts[label] += 1
      case .labels(let labels): for label in labels { counts[label] += 1 }
      case .value, nil: break
      }
    }
    return counts
  }

  /// The rows at these places, in the order given.
  public func selecting(_ indices: some Sequence<Int>) -> LabelledDataset {
    var part = self
    part.examples = indices.map { examples[$0] }
    return part
  }
}
