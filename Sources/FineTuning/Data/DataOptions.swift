internal import CheckpointFiles

/// How to read a data file.
public struct DataOptions: Sendable, Hashable {
  /// The layout of a file.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// Cells between tabs.
    case tsv
    /// RFC 4180: cells between commas, quoted when they hold commas, quotes or line ends.
    case csv
    /// One JSON object a line.
    case jsonl
  }

  /// Whether the first row names the columns.
  public enum Header: String, Sendable, Hashable, CaseIterable {
    /// It does when it holds every name that is asked for. When none is asked for, it does when a cell is
    /// a usual name of a text (`text`, `sentence`, `sentence1`, `review`, `content`, `comment`, `tweet`,
    /// `body`, `document`, `utterance`; capitals do not count) or, of several, `label`, no cell is a
    /// number, and none is empty but the first, as pandas writes an index, or the last ones.
    case auto
    /// It does.
    case yes
    /// It is data; columns are numbers.
    case no
  }

  /// Whether quotes delimit cells.
  public enum Quotes: String, Sendable, Hashable, CaseIterable {
    /// As `yes`, but between tabs only where a cell is a quoted one from its first to its last byte, and
    /// an error where lines can be read both ways.
    case auto
    /// As pandas and Python's csv read them: a quote at the start of a cell opens it, a quote inside an
    /// unquoted cell is text.
    case yes
    /// They are text.
    case no
  }

  /// The character between the cells of a row: one ASCII character.
  public struct Separator: Sendable, Hashable {
    let byte: UInt8

    /// The separator that `text` is: one ASCII character, `\t` or `tab`; `nil` for a quote, the end of a
    /// line and anything longer.
    public init?(_ text: String) {
      let text = text == "\\t" || text == "tab" ? "\t" : text
      guard text.utf8.count == 1, let byte = text.utf8.first, byte < 0x80,
        !"\"\r\n\0".utf8.contains(byte)
      else { return nil }
      self.byte = byte
    }

    /// The usual separator of a layout of cells.
    init(of format: Format) { byte = UInt8(ascii: format == .csv ? "," : "\t") }

    /// The separator as a user writes it.
    package var text: String {
      byte == UInt8(ascii: "\t") ? "tab" : String(decoding: [byte], as: UTF8.self)
    }
  }

  /// The layout; `nil` goes by the file's ending: `.csv`, `.jsonl`, `.json` and `.ndjson`, and tabs
  /// for every other.
  public var format: Format?
  /// The character between cells; `nil` goes by the layout.
  public var separator: Separator?
  /// Whether quotes delimit cells.
  public var quotes: Quotes
  /// Whether there is a header.
  public var header: Header
  /// The column of the text: a name, or a number that counts from 1.
  public var textColumn: String?
  /// The column of the second text.
  public var pairColumn: String?
  /// The column of the label.
  public var labelColumn: String?
  /// For several labels a text, the columns of 0 and 1, one a label, in the order of the labels. A label is
  /// called as its column.
  public var labelColumns: [String]
  /// Whether rows need a label. Without, a column of labels is read when there is one.
  public var needsLabels: Bool
  /// The labels of a model. Without ``needsLabels``, a file of two columns without a header is read as text
  /// and label when the second holds one of these; otherwise it is an error.
  public var knownLabels: [String]
  /// What the column of the label holds: a name, a number, or names between commas or in a JSON
  /// array, or 0 and 1 for each label.
  public var task: PredictionTask
  /// Whether the task was chosen by a user. Otherwise labels that are decimal numbers are an error, for they
  /// are probably numbers to predict.
  public var isTaskChosen: Bool

  /// The layout by the ending, the header found out, and the usual columns: those called `text` (or
  /// `sentence`, `review` and others, see ``Header/auto``; `sentence1` and `sentence2`) and `label`; of two
  /// columns without a header the first is the text and the second the label. More columns of which none
  /// is known or named are an error.
  public init(
    format: Format? = nil, separator: Separator? = nil, quotes: Quotes = .auto,
    header: Header = .auto, textColumn: String? = nil,
    pairColumn: String? = nil, labelColumn: String? = nil, labelColumns: [String] = [],
    needsLabels: Bool = true, knownLabels: [String] = [],
    task: PredictionTask = .classification, isTaskChosen: Bool = false
  ) {
    self.format = format
    self.separator = separator
    self.quotes = quotes
    self.header = header
    self.textColumn = textColumn
    self.pairColumn = pairColumn
    self.labelColumn = labelColumn
    self.labelColumns = labelColumns
    self.needsLabels = needsLabels
    self.knownLabels = knownLabels
    self.task = task
    self.isTaskChosen = isTaskChosen
  }
}

extension DataOptions.Format {
  /// The format that the ending of a file's name stands for.
  init(_ path: String) {
    let name = path.lowercased()
    if name.ends(with: ".csv") {
      self = .csv
    } else if [".jsonl", ".ndjson", ".json"].contains(where: name.hasSuffix) {
      self = .jsonl
    } else {
      self = .tsv
    }
  }
}

/// A column of a data file, as a message or a plan names it.
public enum DataColumn: Sendable, Hashable, CustomStringConvertible {
  /// A column that a header or the members of JSON objects name.
  case named(String)
  /// A column of a file without a header, from 1.
  case numbered(Int)

  /// The name in quotes, or `column 2`.
  public var description: String {
    switch self {
    case .named(let name): quoted(name)
    case .numbered(let number): "column \(number)"
    }
  }
}

/// Where a data file's texts and labels were read from.
public struct DataColumns: Sendable, Hashable, CustomStringConvertible {
  /// The text.
  public var text: DataColumn
  /// The second text of a pair.
  public var pair: DataColumn?
  /// The label, or one column for each label; none in a file without labels.
  public var labels: [DataColumn]

  /// Such as `text "review", label "stars"`.
  public var description: String {
    var parts = ["text \(text)"]
    if let pair { parts.append("second text \(pair)") }
    if labels.count == 1 { parts.append("label \(labels[0])") }
    if labels.count > 1 {
      let shown = labels.prefix(12).map(\.description).joined(separator: ", ")
      parts.append(
        "labels \(shown)\(labels.count > 12 ? " and \(labels.count - 12) more" : "")")
    }
    return parts.joined(separator: ", ")
  }
}

extension DataOptions {
  /// What a column of a data file holds.
  public enum ColumnRole: String, Sendable, Hashable, CaseIterable {
    /// The text.
    case text
    /// The second text of a pair.
    case pair
    /// The label.
    case label
    /// A 0 or 1 for one of several labels.
    case labels
  }
}
