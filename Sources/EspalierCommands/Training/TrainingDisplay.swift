import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The plan of a run, as a person reads it.
struct PlanRendering {
  let plan: TrainingPlan

  init(_ plan: TrainingPlan) { self.plan = plan }

  func print() {
    let output = StandardOutput.shared
    line(
      "trains",
      "\(Text.counted(plan.tensors.count, "tensor")), \(grouped(plan.trainedCount)) of "
        + "\(grouped(plan.parameterCount)) parameters "
        + "(\(percentText(plan.trainedCount, of: plan.parameterCount)))")
    let varies = Set(plan.tensors.map(\.learningRate)).count > 1
    var table = Table(
      [Table.Column("", shrinks: true), Table.Column(""), Table.Column("", .right)]
        + (varies ? [Table.Column("", .right)] : []))
    table.hasHeadings = false
    for tensor in plan.tensors.prefix(12) {
      let rows =
        tensor.rows.isEmpty
        ? ""
        : "["
          + tensor.rows.map { "\($0.lowerBound):\($0.upperBound)" }
          .prefix(4).joined(separator: ", ") + (tensor.rows.count > 4 ? ", …" : "") + "]"
      table.append(
        [
          tensor.name + rows, "\(tensor.shape)", grouped(tensor.count),
        ] + (varies ? ["rate \(significant(tensor.learningRate, digits: 3))"] : []))
    }
    // A narrow terminal has no room for the margin.
    table.print(indent: output.width.map { $0 < 60 } ?? false ? 2 : 12)
    if plan.tensors.count > 12 { output.line("            … and \(plan.tensors.count - 12) more") }
    line("backward", "stops at \(plan.backwardStop)")
    if let cached = plan.cached?.sentence {
      line(
        "cached",
        "\(cached): \(byteText(plan.cacheBytes))"
          + (plan.cacheIsStored
            ? ", read from \(plan.cacheFolder ?? "")"
            : (plan.cacheSpills ? ", in a temporary file" : ", in memory")
              + (plan.cacheFolder.map { ", kept in \($0)" } ?? ""))
          + "; the frozen trunk runs \(plan.cacheIsStored ? "no more" : "once, without dropout")")
    } else {
      line(
        "cached",
        plan.trunkDropout
          ? "nothing: dropout acts in the trunk, which is computed again for every batch"
          : "nothing: no stage below what trains is frozen")
    }
    for phase in plan.phases { print(phase) }
    line(
      "data",
      "\(Text.counted(plan.examples, "example")) (\(grouped(plan.tokens)) tokens) to train, "
        + "\(grouped(plan.evaluationExamples)) to evaluate")
    if let columns = plan.columns { line("columns", "\(columns)") }
    line("labels", labels)
    line(
      "texts",
      "up to \(grouped(plan.maximumLength)) tokens, pooling \(plan.pooling.rawValue)")
    line(
      "steps",
      "\(grouped(plan.steps)), learning rate up to \(significant(plan.learningRate, digits: 3))")
    line(
      "expected",
      "about \(byteText(plan.expectedMemory)) of memory; first epoch "
        + "\(Text.duration(plan.expectedFirstEpoch)), then "
        + "\(Text.duration(plan.expectedLaterEpoch)) each")
    // Before the first step, also in a pipe, and before the notes.
    output.flush()
    for note in plan.notes { StandardError.note(note.sentenceWithOptions) }
  }

  /// The labels with the examples to train that have them, or the range of numbers.
  private var labels: String {
    if let values = plan.values {
      return "numbers from \(significant(values.lowerBound)) to \(significant(values.upperBound))"
    }
    let names = plan.labels.prefix(12).map { "\(quoted($0.name)) \(grouped($0.training))" }
      .joined(separator: ", ")
    return plan.labels.count > 12 ? names + ", … and \(plan.labels.count - 12) more" : names
  }

  private func print(_ phase: TrainingPlan.Phase) {
    line(
      "epoch \(phase.firstEpoch)",
      "\(Text.counted(phase.tensors.count, "tensor")) more (\(grouped(phase.addedCount)) parameters): "
        + phase.selectors.joined(separator: ", "))
    let cache =
      phase.keepsCache
      ? "the cache serves on"
      : phase.cached.map { "cached again: \($0.sentence), \(byteText(phase.cacheBytes))" }
        ?? "nothing is cached"
    line("", "backward stops at \(phase.backwardStop); \(cache)")
  }

  /// What a resumed run takes over.
  static func print(_ resumption: Resumption) {
    StandardError.note(
      resumption.epoch == 0
        ? "resumed before the end of the first epoch" : "resumed after epoch \(resumption.epoch)")
    guard !resumption.isUnchanged else { return }
    var table = Table([Table.Column("tensor", shrinks: true), Table.Column("optimiser state")])
    for (names, fate) in [
      (resumption.kept, "kept"), (resumption.partlyKept, "kept for the rows that continue"),
      (resumption.added, "new"), (resumption.dropped, "dropped; the values stay as trained"),
    ] {
      for name in names { table.append([name, fate]) }
    }
    table.print()
    StandardError.note(
      "another mask than before: the best epoch is looked for from epoch "
        + "\(resumption.epoch + 1) on")
  }

  private func line(_ name: String, _ text: String) {
    let output = StandardOutput.shared
    let padding = String(repeating: " ", count: max(1, 12 - name.count))
    let lines = wrapped(text, to: output.width.map { max(20, $0 - 12) } ?? .max)
    output.line(output.style.bold(name) + padding + lines[0])
    for line in lines.dropFirst() { output.line(String(repeating: " ", count: 12) + line) }
  }
}
