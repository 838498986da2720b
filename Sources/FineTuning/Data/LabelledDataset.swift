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

/// How to read a data file.
public struct DataOptions: Sendable, Hashable {
  /// The layout of a file.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// Fields between tabs; no quotes, so that a text may hold them.
    case tsv
    /// RFC 4180: fields between commas, quoted when they hold commas, quotes or line ends.
    case csv
    /// One JSON object a line.
    case jsonl
  }

  /// Whether the first row names the columns.
  public enum Header: String, Sendable, Hashable, CaseIterable {
    /// It does when it holds every name that is asked for. When none is asked for, it does when a cell is
    /// a usual name of a text (`text`, `sentence`, `sentence1`, `review`, `content`, `comment`, `tweet`,
    /// `body`, `document`, `utterance`; capitals do not count) or, of several, `label`, and no cell is
    /// empty or a number.
    case auto
    /// It does.
    case yes
    /// It is data; columns are numbers.
    case no
  }

  /// The layout; `nil` goes by the file's ending: `.csv`, `.jsonl`, `.json` and `.ndjson`, and tabs
  /// for every other.
  public var format: Format?
  /// Whether there is a header.
  public var header: Header
  /// The column of the text: a name, or a number that counts from 1.
  public var textColumn: String?
  /// The column of the second text.
  public var pairColumn: String?
  /// The column of the label.
  public var labelColumn: String?
  /// Whether rows need a label. Without, a column of labels is read when there is one.
  public var needsLabels: Bool
  /// The labels of a model. Without ``needsLabels``, a file of two columns without a header is read as text
  /// and label when the second holds one of these; otherwise nobody knows, and it is an error.
  public var knownLabels: [String]
  /// What stands in the column of the label: a name, a number, or names between commas or in a JSON
  /// array.
  public var task: PredictionTask

  /// The layout by the ending, the header found out, and the usual columns: those called `text` (or
  /// `sentence`, `review` and others, see ``Header/auto``; `sentence1` and `sentence2`) and `label`; of two
  /// columns without a header the first is the text and the second the label. More columns of which none
  /// is known or named are an error.
  public init(
    format: Format? = nil, header: Header = .auto, textColumn: String? = nil,
    pairColumn: String? = nil, labelColumn: String? = nil, needsLabels: Bool = true,
    knownLabels: [String] = [],
    task: PredictionTask = .classification
  ) {
    self.knownLabels = knownLabels
    self.format = format
    self.header = header
    self.textColumn = textColumn
    self.pairColumn = pairColumn
    self.labelColumn = labelColumn
    self.needsLabels = needsLabels
    self.task = task
  }
}
