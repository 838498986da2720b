public import ArgumentParser
public import FineTuning

/// How data files are read, for `train`, `evaluate` and `predict`.
struct DataArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The layout of the data: tsv, csv or jsonl. Without, the file's ending decides.",
      valueName: "format"))
  var dataFormat: DataOptions.Format?

  @Option(
    help: ArgumentHelp(
      """
      The separator of cells: one character such as ';', or tab. Default: a comma for csv, a tab for tsv.
      """, valueName: "character"))
  var separator: DataOptions.Separator?

  @Option(
    help: ArgumentHelp(
      """
      Whether quotes delimit cells: yes, as pandas reads them; no, they are text; or auto: yes, but \
      in tab-separated files only where a whole cell is quoted.
      """, valueName: "when"))
  var quotes: DataOptions.Quotes = .auto

  @Option(
    help: ArgumentHelp(
      """
      Whether the first row names the columns: auto, yes or no. Auto takes it for names when it \
      holds those asked for, or else a usual one: text, sentence, review, content, comment and others.
      """, valueName: "when"))
  var header: DataOptions.Header = .auto

  @Option(
    help: ArgumentHelp(
      "The column of the text: a name, or a number from 1.", valueName: "column"))
  var textColumn: String?

  @Option(
    help: ArgumentHelp("The column of the second text of a pair.", valueName: "column"))
  var textPairColumn: String?

  @Option(help: ArgumentHelp("The column of the label.", valueName: "column"))
  var labelColumn: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      """
      For several labels a text: the columns of 0 and 1, one for each label, in the order of the labels; \
      names or numbers, as separate arguments or separated by commas.
      """, valueName: "column"))
  var labelColumns: [String] = []

  /// The columns of 0 and 1, one by one.
  private var markColumns: [String] {
    labelColumns.flatMap { $0.split(separator: ",").map(String.init) }
  }

  func validate() throws {
    if labelColumn != nil, !labelColumns.isEmpty {
      throw ValidationError(
        "--label-column is one column of labels, --label-columns a column of 0 and 1 for each: give one of them"
      )
    }
    if separator != nil, dataFormat == .jsonl {
      throw ValidationError("--separator is for tsv and csv: leave it out with --data-format jsonl")
    }
    let columns = [textColumn, textPairColumn, labelColumn].compactMap(\.self) + markColumns
    if let twice = columns.first(where: { column in columns.count { $0 == column } > 1 }) {
      throw ValidationError(
        "text, second text and label are different columns: '\(twice)' is named twice")
    }
  }

  /// The columns that are named.
  var named: ColumnNames? {
    let names = ColumnNames(
      text: textColumn, pair: textPairColumn, label: labelColumn, labels: markColumns)
    return names.isEmpty ? nil : names
  }

  /// The rows of a file, by the columns that are named here, else by those that a model was trained with where the file
  /// has them.
  func read(
    _ path: String, labels: Bool, settings: ClassifierSettings
  ) throws -> LabelledDataset {
    func plain(_ arguments: DataArguments) throws -> LabelledDataset {
      try arguments.read(path, labels: labels, known: settings.labels, task: settings.task)
    }
    guard named == nil, header != .no, let remembered = settings.columns else {
      return try plain(self)
    }
    // Texts to predict may have no label.
    let candidates = labels ? [remembered] : [remembered, remembered.withoutLabels]
    for names in candidates where !names.isEmpty {
      var arguments = self
      (arguments.textColumn, arguments.textPairColumn) = (names.text, names.pair)
      (arguments.labelColumn, arguments.labelColumns) = (names.label, names.labels)
      do { return try plain(arguments) } catch let error as FineTuningError {
        guard error.kind == .columns else { throw error }
      }
    }
    let data = try plain(self)
    StandardError.note(
      "\(path): does not have the columns that the model was trained with (\(remembered))"
        + (data.columns.map { "; read: \($0)" } ?? ""))
    return data
  }

  /// The rows of a file.
  func read(
    _ path: String, labels: Bool = true, known: [String] = [],
    task: PredictionTask = .classification, isTaskChosen: Bool = true
  ) throws -> LabelledDataset {
    try LabelledDataset(
      contentsOf: path,
      options: DataOptions(
        format: dataFormat, separator: separator, quotes: quotes, header: header,
        textColumn: textColumn, pairColumn: textPairColumn, labelColumn: labelColumn,
        labelColumns: markColumns, needsLabels: labels, knownLabels: known, task: task,
        isTaskChosen: isTaskChosen))
  }
}

extension DataOptions.Quotes: ExpressibleByArgument {}
extension DataOptions.Separator: ExpressibleByArgument {
  /// One character, `\t` or `tab`.
  public init?(argument: String) { self.init(argument) }
}
extension DataOptions.Format: ExpressibleByArgument {}
extension DataOptions.Header: ExpressibleByArgument {}
extension PredictionTask: ExpressibleByArgument {}
extension TrainingRun.Saves: ExpressibleByArgument {}
extension TrainingRun.KeptEpochs: ExpressibleByArgument, CustomStringConvertible {
  /// `all`, or a number.
  public init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let count = Int(argument), count >= 1 {
      self = .newest(count)
    } else {
      return nil
    }
  }

  /// As it is typed.
  public var description: String {
    switch self {
    case .all: "all"
    case .newest(let count): "\(count)"
    }
  }
}
extension Pooling: ExpressibleByArgument {}
extension TrainingOptions.Precision: ExpressibleByArgument {}
extension TrainingOptions.DecayRule: ExpressibleByArgument {}
extension TrainingOptions.Criterion: ExpressibleByArgument {}
extension LearningRateSchedule.Decay: ExpressibleByArgument {}

extension Head: ExpressibleByArgument {
  /// `mlp:128`, `linear` or `classifier`.
  public init?(argument: String) {
    if argument == "linear" {
      self = .linear
    } else if argument == "classifier" {
      self = .classifier
    } else if argument.hasPrefix("mlp:"), let width = Int(argument.dropFirst(4)), width > 0,
      width <= 1 << 20
    {
      self = .mlp(width: width)
    } else {
      return nil
    }
  }
}

extension Warmup: ExpressibleByArgument {
  /// As it is typed.
  public var defaultValueDescription: String {
    switch self {
    case .steps(let count): "\(count)"
    case .ratio(let share): "\(share)"
    }
  }

  /// A share below 1 such as `0.1`, or a number of updates such as `100`.
  public init?(argument: String) {
    if let steps = Int(argument), steps >= 0 {
      self = .steps(steps)
    } else if let share = Double(argument), share >= 0, share < 1 {
      self = .ratio(share)
    } else {
      return nil
    }
  }
}

/// A learning rate such as `1e-3`, or `SELECTOR=RATE`.
struct RateArgument: ExpressibleByArgument {
  /// What it holds for; `nil` for everything.
  let selector: String?
  let rate: Double

  init?(argument: String) {
    if let rate = Double(argument) {
      (selector, self.rate) = (nil, rate)
    } else if let sign = argument.lastIndex(of: "="), sign > argument.startIndex,
      let rate = Double(argument[argument.index(after: sign)...])
    {
      (selector, self.rate) = (String(argument[..<sign]), rate)
    } else {
      return nil
    }
  }
}

/// An epoch and a selector, such as `2:bert.encoder.layer[-1]`.
struct UnfreezeArgument: ExpressibleByArgument {
  let epoch: Int
  let selector: String

  init?(argument: String) {
    guard let colon = argument.firstIndex(of: ":"), let epoch = Int(argument[..<colon]) else {
      return nil
    }
    let selector = String(argument[argument.index(after: colon)...])
    guard !selector.isEmpty else { return nil }
    (self.epoch, self.selector) = (epoch, selector)
  }
}

/// A number of bytes such as `2GB`, `500MB` or `1048576`. Powers of ten, as disks and the hub count.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  var defaultValueDescription: String {
    bytes % 1_000_000_000 == 0 ? "\(bytes / 1_000_000_000)GB" : "\(bytes)"
  }

  init?(argument: String) {
    let units: [(String, Double)] = [("GB", 1e9), ("MB", 1e6), ("KB", 1e3), ("B", 1), ("", 1)]
    let upper = argument.uppercased()
    for (unit, scale) in units where upper.hasSuffix(unit) {
      guard let number = Double(upper.dropLast(unit.count)), number >= 0, number * scale < 1e15
      else { return nil }
      bytes = Int(number * scale)
      return
    }
    return nil
  }

  init(bytes: Int) { self.bytes = bytes }
}
