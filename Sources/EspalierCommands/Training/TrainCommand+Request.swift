import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

extension TrainCommand {
  /// The files of the command, read.
  func request(resuming stored: StoredRun?) throws -> TrainingRun.Request {
    guard let model, let data else {
      throw ValidationError("name the model with --model and the labelled texts with --data")
    }
    let directory = try ModelDirectory(model)
    let task =
      try self.task ?? (dataArguments.labelColumns.isEmpty ? directory.task() : .multiLabel)
    let isChosen = self.task != nil || directory.settings != nil
    let selection: TrainingRun.TrainSelection =
      if let mask {
        .mask(try FreezeMask(path: mask, for: ParameterTree(directory.checkpoint)))
      } else if train.isEmpty {
        .resumed
      } else {
        .selectors(train)
      }
    var request = TrainingRun.Request(
      model: directory, selection: selection,
      training: try dataArguments.read(data, task: task, isTaskChosen: isChosen))
    request.head = head
    request.evaluation = try eval.map {
      try dataArguments.read(
        $0, known: request.training.labels, task: task, isTaskChosen: isChosen)
    }
    request.pooling = arguments.pooling
    request.maximumLength = arguments.maxLength
    request.threads = arguments.threads
    request.options = options
    request.resuming = stored
    request.saves = save
    request.keptEpochs = keepEpochs
    request.columns = dataArguments.named
    request.ignoresForeign = ignoreForeign
    request.cacheFolder = arguments.cacheDir
    return request
  }

  /// How to train, with what is unfrozen later.
  var options: TrainingOptions {
    var options = arguments.options
    options.unfreezing = unfreezeAt.map { .init(at: $0.epoch, $0.selector) }
    return options
  }
}
