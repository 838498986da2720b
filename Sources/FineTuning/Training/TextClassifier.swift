internal import CheckpointFiles
internal import Synchronization

/// A trained classifier, for evaluation and prediction. Calls from several threads wait for each other: one
/// call uses all cores.
///
///     let classifier = try TextClassifier(ModelDirectory("tuned"))
///     let logits = try classifier.logits(of: dataset)
public final class TextClassifier: Sendable {
  /// How texts are read and what the logits mean.
  public let settings: ClassifierSettings
  private let model: Mutex<Classifier>
  private let tokenizer: any Tokenizer
  private let configuration: BERTConfiguration
  private let padding: (length: Int, token: Int32)?
  private let labels: HeadLabels

  /// What the user should know of the names of the labels, a sentence each.
  public var notes: [String] { labels.notes }

  /// Loads a classifier: a folder that a run wrote, or any encoder with a head.
  ///
  /// - Parameters:
  ///   - directory: the model.
  ///   - pooling: overrides the model's own.
  ///   - maximumLength: overrides the model's own.
  ///   - threads: `nil` takes one a physical core.
  /// - Throws: `FineTuningError` or `CheckpointError` that says what does not fit.
  public init(
    _ directory: ModelDirectory, pooling: Pooling? = nil, maximumLength: Int? = nil,
    threads: Int? = nil
  ) throws {
    guard let found = try Head.found(in: directory.checkpoint) else {
      throw FineTuningError.untrainedModel(directory.name)
    }
    tokenizer = try TokenizerFiles(directory: directory.folder).makeTokenizer()
    guard tokenizer.vocabularySize <= directory.configuration.vocabularySize else {
      throw FineTuningError.otherTokenizer(
        directory.folder, tokens: tokenizer.vocabularySize,
        rows: directory.configuration.vocabularySize)
    }
    var settings =
      try directory.settings
      ?? ClassifierSettings(
        pooling: found.head == .classifier
          ? directory.configuration.family.ownHead.pooling : directory.sentence?.pooling ?? .mean,
        labels: HeadLabels.defaults(found.labels),
        maximumLength: ClassifierSettings.usualMaximumLength(
          directory.configuration, tokenizer.modelMaximumLength, directory.sentence),
        task: try directory.task())
    if let pooling { settings.pooling = pooling }
    if let maximumLength {
      guard maximumLength >= 3, maximumLength <= directory.configuration.maximumPositions else {
        throw FineTuningError.maximumLength(
          maximumLength, limit: directory.configuration.maximumPositions, of: directory.name)
      }
      settings.maximumLength = maximumLength
    }
    guard settings.labels.count == found.labels else {
      throw FineTuningError.labelNames(
        settings.labels.count, outputs: found.labels, of: directory.name)
    }
    labels = directory.headLabels(count: found.labels)
    settings.labels = labels.names
    self.settings = settings
    configuration = directory.configuration
    model = Mutex(
      try Classifier(
        checkpoint: directory.checkpoint, configuration: directory.configuration,
        head: found.head, labels: found.labels, pooling: settings.pooling,
        math: Kernels(threads: threads)
      ) { _ in .none })
    padding =
      settings.pooling == .meanAll
      ? (length: settings.maximumLength, token: tokenizer.paddingID) : nil
  }

  /// The logits of every text, one row each, in the order of the labels.
  ///
  /// - Parameters:
  ///   - data: the texts; labels are not looked at.
  ///   - onCut: called once before the first text, with the number of texts that are longer than
  ///     ``ClassifierSettings/maximumLength`` and are cut there, if there are any.
  ///   - progress: called with the texts done so far.
  public func logits(
    of data: LabelledDataset, onCut: (Int) throws -> Void = { _ in },
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [[Float]] {
    let tokens = try data.tokenized(
      tokenizer, maximumLength: settings.maximumLength, for: configuration)
    if tokens.cutCount > 0 { try onCut(tokens.cutCount) }
    return try model.withLock { model in
      var rows: [[Float]] = []
      rows.reserveCapacity(tokens.count)
      for group in tokens.groups(
        ofTokens: Trainer.groupTokens(model.configuration), paddedTo: padding?.length)
      {
        let batch = tokens.batch(group, padding: padding)
        let logits = model.forward(
          batch, features: model.prefix(batch), recording: false, dropout: nil
        ).logits
        for row in 0..<logits.rows { rows.append(logits.row(row).array) }
        try progress(rows.count)
      }
      return rows
    }
  }

  /// What the user should know of texts before they are read, a sentence each: notes of the data, and single
  /// texts for a classifier that was trained on pairs.
  public func notes(on data: LabelledDataset) -> [String] {
    guard settings.readsPairs, !data.isPaired, data.count > 0 else { return data.notes }
    return data.notes + [
      "\(data.path ?? "the data"): one text a row, but the model was trained on pairs of texts"
    ]
  }

  /// The rows with labels numbered as the classifier numbers them: by their names, or, when they are numbers or
  /// lists of 0 and 1, by the rows of the logits. What was decided is added to the notes of the data.
  ///
  /// - Throws: `FineTuningError` that names a label that the classifier does not know.
  public func relabelled(_ data: LabelledDataset) throws(FineTuningError) -> LabelledDataset {
    try LabelMatching(data, with: labels).applied(to: data)
  }
}
