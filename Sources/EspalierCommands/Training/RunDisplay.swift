import CheckpointFiles
import FineTuning
import ParameterSurgery

/// What a person sees while a run trains: one line with the time left for the whole run, and a line for each epoch.
struct RunDisplay {
  private let run: TrainingRun
  /// Whether standard output belongs to JSON.
  private let quiet: Bool
  private let progress: Progress
  private var time: TimeLeft
  private var hasHeading = false

  init(run: TrainingRun, mode: ProgressMode, quiet: Bool) {
    self.run = run
    self.quiet = quiet
    progress = Progress("", unit: .items("steps"), mode: mode)
    time = TimeLeft(
      run.plan, epochs: run.options.epochs, done: run.resumption?.epoch ?? 0, now: System.seconds)
  }

  mutating func show(_ event: TrainingRun.Event) {
    let now = System.seconds
    switch event {
    case .caching(let done, let total):
      time.trunk(Double(done) / Double(max(1, total)), now: now)
      draw("frozen trunk", "\(countText(done)) of \(countText(total)) tokens", now)
    case .note(let text): StandardError.note(text)
    case .step(let epoch, let step, let of, let loss, let rate):
      time.steps(Double(step) / Double(max(1, of)), of: epoch, now: now)
      draw(
        "epoch \(epoch)/\(run.options.epochs)",
        "loss \(fixed(loss, digits: 4)), \(countText(wholeCount(rate))) tokens/s", now)
    case .epoch(let record):
      time.end(of: record.epoch, now: now)
      finish()
      if !quiet { line(record) }
    }
  }

  /// Removes the line.
  func finish() { progress.finish() }

  private mutating func draw(_ label: String, _ detail: String, _ now: Double) {
    let (left, share) = (time.seconds, time.share(now: now))
    // The patience may end the run before its last epoch.
    let most = run.options.patience == nil ? "" : "at most "
    progress.draw { width in
      ProgressLine.text(
        label, fraction: share,
        rest: " \(Int(share * 100))% \(most)\(Text.duration(left)) left  \(detail)", width: width)
    }
  }

  private mutating func line(_ record: EpochRecord) {
    let output = StandardOutput.shared
    let table = EpochTable(run.settings.task, width: output.width)
    if !hasHeading {
      output.line()
      output.line(output.style.dim(table.heading))
      hasHeading = true
    }
    let text = table.row(record)
    output.line(record.isBest ? text + output.style.green(table.bestMark) : text)
    output.flush()
  }
}

/// The columns of the table of epochs: all of them, or the most important ones where the terminal is narrow.
struct EpochTable {
  private struct Column {
    let heading: String
    /// The columns with the largest numbers give way first.
    let rank: Int
    let text: (EpochRecord) -> String
    var width: Int { heading.count + 2 }
  }

  private let columns: [Column]
  /// What follows the row of the best epoch so far.
  let bestMark: String

  /// - Parameter width: the columns of a terminal; `nil` keeps everything.
  init(_ task: PredictionTask, width: Int?) {
    func figure(_ heading: String, _ rank: Int, _ value: @escaping (EpochRecord) -> Double?)
      -> Column
    {
      Column(heading: heading, rank: rank) { value($0).map { fixed($0, digits: 4) } ?? "" }
    }
    var columns = [figure("train loss", 2) { $0.trainLoss }]
    if task == .classification { columns.append(figure("   acc", 4) { $0.trainAccuracy }) }
    columns.append(figure("eval loss", 0) { $0.evalLoss })
    for (index, part) in task.figures.enumerated() {
      columns.append(figure(part.heading, index == 0 ? 1 : 3, part.value))
    }
    columns += [
      Column(heading: "seconds", rank: 5) { fixed($0.seconds, digits: 2) },
      Column(heading: "tokens/s", rank: 6) { countText(wholeCount($0.tokensPerSecond)) },
    ]
    let room = (width ?? .max) - "epoch".count
    func needed(_ mark: String) -> Int { columns.reduce(mark.count) { $0 + $1.width } }
    while needed(" best") > room, let least = columns.map(\.rank).max(), least > 1 {
      columns.removeAll { $0.rank == least }
    }
    bestMark = needed(" best") <= room ? " best" : "*"
    self.columns = columns
  }

  /// The names of the columns.
  var heading: String { "epoch" + columns.map { "  " + $0.heading }.joined() }

  /// The figures of an epoch under ``heading``.
  func row(_ record: EpochRecord) -> String {
    cell("\(record.epoch)", 5) + columns.map { cell($0.text(record), $0.width) }.joined()
  }
}
