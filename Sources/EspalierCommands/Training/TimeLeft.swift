import FineTuning

/// How long a whole run still takes, estimated from what it has done.
///
/// The plan says how many seconds each part of the run should take. Those figures are the weights of the parts; the time
/// that finished parts took says how many times slower or faster this machine is. The frozen trunk and the steps are
/// measured apart, for they are different work.
struct TimeLeft {
  /// The expected seconds of the frozen trunk over the training data and the evaluation data.
  private let trunk: [Double]
  /// The expected seconds of each epoch, without the trunk.
  private let epochs: [Double]

  /// Data sets whose trunk is complete, and the share of the next one.
  private var trunkSets = 0
  private var trunkShare = 0.0
  /// Epochs that are complete, and the share of the next one.
  private var doneEpochs: Int
  private var epochShare = 0.0

  /// Expected and measured seconds of what was done since the start.
  private var trunkWork = (expected: 0.0, measured: 0.0)
  private var stepWork = (expected: 0.0, measured: 0.0)
  private let start: Double
  private var last: Double
  private var shown = 0.0

  /// - Parameters:
  ///   - trunk: the expected seconds of the frozen trunk over each data set; none when it is not computed.
  ///   - epochs: the expected seconds of each epoch.
  ///   - done: epochs that an earlier part of the run finished.
  ///   - now: seconds on a clock that never jumps.
  init(trunk: [Double], epochs: [Double], done: Int, now: Double) {
    self.trunk = trunk
    self.epochs = epochs
    doneEpochs = done
    start = now
    last = now
  }

  /// The time of a planned run.
  init(_ plan: TrainingPlan, epochs count: Int, done: Int, now: Double) {
    let trunk = max(0, plan.expectedFirstEpoch - plan.expectedLaterEpoch)
    let share = Double(plan.examples) / Double(max(1, plan.examples + plan.evaluationExamples))
    self.init(
      trunk: trunk > 0 ? [trunk * share, trunk * (1 - share)] : [],
      epochs: (1...max(1, count)).map { epoch in
        plan.phases.last { $0.firstEpoch <= epoch }?.expectedEpoch ?? plan.expectedLaterEpoch
      }, done: done, now: now)
  }

  /// Counts `share` of the trunk over the present data set as done.
  mutating func trunk(_ share: Double, now: Double) {
    // What is there at first may come from an interrupted run, which took no time.
    let before = trunkShare
    trunkShare = share
    if before > 0, trunkSets < trunk.count {
      trunkWork.expected += max(0, share - before) * trunk[trunkSets]
      trunkWork.measured += now - last
    }
    if share >= 1 { (trunkSets, trunkShare) = (trunkSets + 1, 0) }
    last = now
  }

  /// Counts `share` of the steps of `epoch`, from 1, as done.
  mutating func steps(_ share: Double, of epoch: Int, now: Double) {
    let before = epoch - 1 == doneEpochs ? epochShare : 0
    (doneEpochs, epochShare) = (epoch - 1, share)
    if epoch <= epochs.count {
      stepWork.expected += max(0, share - before) * epochs[epoch - 1]
      stepWork.measured += now - last
    }
    last = now
  }

  /// Counts `epoch`, from 1, with its evaluation as done.
  mutating func end(of epoch: Int, now: Double) {
    stepWork.measured += now - last
    (doneEpochs, epochShare) = (epoch, 0)
    // What the first epoch did not compute was there already.
    (trunkSets, trunkShare) = (trunk.count, 0)
    last = now
  }

  /// Seconds to the end of the last epoch.
  var seconds: Double {
    let trunkLeft =
      trunk.dropFirst(trunkSets).reduce(0, +)
      - (trunkSets < trunk.count ? trunkShare * trunk[trunkSets] : 0)
    let stepsLeft =
      epochs.dropFirst(doneEpochs).reduce(0, +)
      - (doneEpochs < epochs.count ? epochShare * epochs[doneEpochs] : 0)
    let slowness = (trunk: pace(trunkWork), steps: pace(stepWork))
    return max(0, trunkLeft) * (slowness.trunk ?? 1)
      + max(0, stepsLeft) * (slowness.steps ?? slowness.trunk ?? 1)
  }

  private func pace(_ work: (expected: Double, measured: Double)) -> Double? {
    work.expected > 0 ? work.measured / work.expected : nil
  }

  /// The share of the run that is done, in time; it never becomes less.
  mutating func share(now: Double) -> Double {
    let (elapsed, left) = (now - start, seconds)
    if elapsed > 0 { shown = max(shown, min(1, elapsed / (elapsed + left))) }
    return shown
  }
}
