import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The last lines of a run: what was kept, the files that were written, and the commands that use them.
struct RunSummary {
  let run: TrainingRun
  let result: TrainingRun.Result
  /// The folder of the result.
  let folder: String
  /// The model that the run started from, as it was typed.
  let base: String
  /// The file of the evaluation data, if there is one.
  let evaluation: String?

  func print(to output: StandardOutput = .shared) {
    output.line()
    if result.stoppedEarly {
      output.line("stopped early: no improvement for \(run.options.patience ?? 0) epochs")
    }
    if let best = result.records.last(where: \.isBest) {
      output.paragraph(
        "kept epoch \(best.epoch): "
          + run.settings.task.figures.map {
            "\($0.name) \(fixed($0.value(best) ?? .nan, digits: 4)), "
          }.joined() + "loss \(fixed(best.evalLoss, digits: 4))")
    }
    output.line("wrote \(oneLine(folder)) in \(Text.duration(result.seconds))")
    for (name, file) in files { output.line("  \(name)  \(oneLine(Path.join(folder, file)))") }
    output.line("to use it")
    // One line each, also on a narrow terminal: a command that is broken into lines cannot be copied.
    for command in commands { output.line("  \(oneLine(command))") }
  }

  private var isDelta: Bool { WholeFile.exists(Path.join(folder, CheckpointDelta.fileName)) }

  private var files: [(name: String, file: String)] {
    [
      isDelta ? ("delta ", CheckpointDelta.fileName) : ("model ", "model.safetensors"),
      ("mask  ", TrainingRun.FileName.mask), ("report", TrainingRun.FileName.report),
    ]
  }

  /// Commands that can be copied, with the paths of this run.
  private var commands: [String] {
    let (model, mask) = (
      Advice.shellPath(folder), Advice.shellPath(Path.join(folder, TrainingRun.FileName.mask))
    )
    let over = isDelta ? " --base \(Advice.shellPath(base))" : ""
    let text = run.settings.readsPairs ? "--data FILE" : "'a text'"
    return [
      "espalier evaluate --model \(model)\(over) --data \(evaluation.map(Advice.shellPath) ?? "FILE")",
      "espalier predict --model \(model)\(over) \(text)",
      "espalier verify \(Advice.shellPath(base)) \(model) --mask \(mask)",
    ]
  }
}
