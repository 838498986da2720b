internal import CheckpointFiles
internal import ParameterSurgery

extension TrainingRun {
  /// - Throws: `FineTuningError` when options do not go with what is predicted.
  static func demandFit(
    _ options: TrainingOptions, _ task: PredictionTask
  ) throws(FineTuningError) {
    guard task.criteria.contains(options.criterion) else {
      throw FineTuningError(
        "the best epoch by \(options.criterion.rawValue) does not go with \(task.rawValue); choose "
          + task.criteria.map(\.rawValue).joined(separator: ", "))
    }
    guard task == .classification || options.labelSmoothing == 0 && !options.balancesLabels else {
      throw FineTuningError(
        "label smoothing and balanced labels are for one label a text, not for \(task.rawValue)")
    }
  }

  static func featureStore(in folder: String) throws -> FeatureStore {
    if WholeFile.exists(folder), !WholeFile.isFolder(folder) {
      throw FineTuningError("\(folder): is a file; name a folder for the cache")
    }
    let ground = FolderCreation.ground(of: folder)
    guard WholeFile.isFolder(ground), WholeFile.isWritable(ground) else {
      throw FineTuningError("\(folder): the cache cannot be written there")
    }
    return FeatureStore(folder: folder)
  }

  /// - Throws: `FineTuningError` when unfreezing something would let nothing more train.
  static func demandGrowth(
    _ phases: [TrainingPhase], _ store: ParameterStore
  ) throws(FineTuningError) {
    for (before, phase) in zip(phases, phases.dropFirst()) {
      let grows = store.parameters.contains {
        before.rows(of: $0, in: store) != phase.rows(of: $0, in: store)
      }
      guard !grows else { continue }
      throw FineTuningError(
        "\(phase.selectors.map(quoted).joined(separator: ", ")), to be unfrozen at epoch "
          + "\(phase.firstEpoch), trains already or receives no gradient")
    }
  }

  /// The checkpoint with a head, and the labels it has room for.
  struct Prepared {
    var checkpoint: Checkpoint
    var head: Head
    var labelCount: Int
    /// Whether the head is new.
    var isNew: Bool
  }

  static func prepare(_ request: Request, notes: inout [String]) throws -> Prepared {
    let found = try Head.found(in: request.model.checkpoint)
    if let found {
      if let head = request.head, head != found.head {
        throw FineTuningError(
          "\(request.model.name): the checkpoint has the head \(found.head), not \(head)")
      }
      return Prepared(
        checkpoint: request.model.checkpoint, head: found.head, labelCount: found.labels,
        isNew: false)
    }
    let task = request.training.task
    let labels = task == .regression ? 1 : request.training.labels.count
    guard labels >= 1 else {
      throw FineTuningError("no training example has a label; multi-label needs one or more")
    }
    guard labels >= 2 || task != .classification else {
      throw FineTuningError(
        "all training examples have the label \(quoted(request.training.labels.first ?? "")); "
          + "a classifier needs two labels or more")
    }
    let graft: Graft.Head
    switch request.head {
    case .mlp(let width): graft = .mlp(width: width)
    case .linear: graft = .linear
    case .classifier, nil:
      throw FineTuningError(
        "\(request.model.name): the checkpoint has no classification head; add one with "
          + "--head mlp:128, or with espalier graft")
    }
    let prefix = try BERTParameters.prefix(in: request.model.checkpoint)
    let checkpoint = try Graft(
      head: graft, labels: labels,
      prefix: prefix.isEmpty ? request.model.configuration.family.member + "." : "",
      seed: request.options.seed, hiddenSize: request.model.configuration.hiddenSize
    ).apply(to: request.model.checkpoint)
    let prepared = Prepared(
      checkpoint: checkpoint, head: request.head ?? .linear, labelCount: labels, isNew: true)
    // The head of a run that goes on is there already.
    guard request.resuming == nil else { return prepared }
    notes.append(
      "a new head \(request.head.map { "\($0)" } ?? "") for "
        + (task == .regression ? "a number" : "\(labels) label\(labels == 1 ? "" : "s")")
        + " is added")
    return prepared
  }

  static func settings(
    _ request: Request, _ prepared: Prepared, tokenizer: any Tokenizer
  ) throws(FineTuningError) -> ClassifierSettings {
    let model = request.model
    let known =
      prepared.isNew
      ? nil : model.settings?.labels ?? model.labelNames(count: prepared.labelCount)
    let data = request.training.labels
    let task = request.training.task
    let labels: [String]
    if task == .regression {
      guard prepared.labelCount == 1 else {
        throw FineTuningError(
          "\(model.name): the head has \(prepared.labelCount) outputs, regression has one; start from "
            + "a checkpoint without a head")
      }
      labels = ["LABEL_0"]
    } else if let known, data.allSatisfy(known.contains) {
      labels = known
    } else if data.count <= prepared.labelCount {
      // A head without names of its own takes those of the data.
      labels =
        data + (data.count..<prepared.labelCount).map { "LABEL_\($0)" }
    } else {
      throw FineTuningError(
        "the training data has \(data.count) labels, the model's head has room for "
          + "\(prepared.labelCount)")
    }
    let limit = min(
      model.configuration.maximumPositions, tokenizer.modelMaximumLength ?? .max)
    let length = request.maximumLength ?? model.settings?.maximumLength ?? min(128, limit)
    guard length >= 3, length <= limit else {
      throw FineTuningError(
        "the maximum length is \(length), expected 3 to \(limit), the most that \(model.name) reads"
      )
    }
    return ClassifierSettings(
      pooling: request.pooling ?? model.settings?.pooling
        ?? (prepared.head == .classifier ? model.configuration.family.ownHead.pooling : .mean),
      labels: labels, maximumLength: length, task: task)
  }
}

extension LabelledDataset {
  /// The same rows with labels numbered as in `names`.
  ///
  /// - Throws: `FineTuningError` that names a label that is not among them.
  func relabelled(as names: [String]) throws(FineTuningError) -> LabelledDataset {
    if labels == names || task == .regression { return self }
    var places: [Int] = []
    for label in labels {
      guard let place = names.firstIndex(of: label) else {
        throw FineTuningError(
          "the label \(quoted(label)) is not one of the model's: "
            + names.prefix(10).map(quoted).joined(separator: ", "))
      }
      places.append(place)
    }
    return LabelledDataset(
      examples: examples.map { example in
        var example = example
        example.target = example.target?.renumbered(places)
        return example
      }, labels: names, task: task)
  }

  /// The rows as ids. Rows without a label get 0.
  func tokenized(_ tokenizer: any Tokenizer, maximumLength: Int) -> TokenizedDataset {
    let encodings = examples.map {
      tokenizer.encode($0.text, $0.pair, maximumLength: maximumLength)
    }
    return TokenizedDataset(
      ids: encodings.map(\.ids), types: encodings.map { $0.tokenTypes.map(Int32.init) },
      targets: examples.map { $0.target ?? .label(0) })
  }
}
