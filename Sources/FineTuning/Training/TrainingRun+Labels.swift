internal import CheckpointFiles
internal import ParameterSurgery

extension TrainingRun {
  /// The names of the labels of the trained model.
  static func labels(
    _ request: Request, _ prepared: Prepared, notes: inout [TrainingNote]
  ) throws(FineTuningError) -> [String] {
    let data = request.training
    if data.task == .regression {
      guard prepared.labelCount == 1 else {
        throw .regressionOutputs(prepared.labelCount, of: request.model.name)
      }
      return ["LABEL_0"]
    }
    if prepared.isNew { return data.labels }
    let head = request.model.headLabels(count: prepared.labelCount)
    guard head.names.count == prepared.labelCount else {
      throw .labelNames(head.names.count, outputs: prepared.labelCount, of: request.model.name)
    }
    let matching = try LabelMatching(data, with: head, renames: true)
    if request.resuming == nil {
      notes += (head.notes + matching.notes).map { TrainingNote($0) }
      let counts = matching.applied(to: data).labelCounts
      let absent = head.names.indices.filter { counts[$0] == 0 }.map { head.names[$0] }
      if !absent.isEmpty, absent.count < counts.count,
        matching.names.map({ Key($0) }) == head.names.map({ Key($0) })
      {
        notes.append(
          TrainingNote(
            "\(data.path ?? "the training data"): no example has \(absent.count == 1 ? "the label" : "the labels") "
              + "\(listed(absent)) of the head of \(request.model.name)"))
      }
    }
    return matching.names
  }

  /// The data with labels numbered as the outputs of the trained model.
  static func relabelled(
    _ data: LabelledDataset, _ request: Request, _ prepared: Prepared, _ names: [String],
    notes: inout [TrainingNote]
  ) throws(FineTuningError) -> LabelledDataset {
    if prepared.isNew {
      return try LabelMatching(data, withTraining: request.training).applied(to: data)
    }
    let head = HeadLabels(
      names: names, isNamed: !names.isSame(as: HeadLabels.defaults(names.count)),
      model: request.model.name)
    let matching = try LabelMatching(data, with: head)
    if request.resuming == nil {
      notes += matching.notes.map { TrainingNote($0) }.filter { !notes.contains($0) }
    }
    return matching.applied(to: data)
  }
}
