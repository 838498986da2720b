import FineTuning

/// The learning curve as an SVG image: loss on the left axis, accuracy (F1, correlation) on the right, an
/// epoch a step, the kept epoch marked. Readable on light and dark pages.
struct LearningCurve {
  let records: [EpochRecord]
  let task: PredictionTask
  /// The epochs with which something more begins to train.
  var unfreezings: [Int] = []

  /// A line over the axis on the right: of the training data (`train`) or the evaluation data.
  private struct Line {
    let kind: String
    let name: String
    let value: (EpochRecord) -> Double?
  }

  private var axis: String {
    switch task {
    case .classification: "accuracy"
    case .regression: "correlation"
    case .multiLabel: "F1"
    }
  }

  private var lines: [Line] {
    switch task {
    case .classification:
      [
        Line(kind: "train accuracy", name: "train accuracy") { $0.trainAccuracy },
        Line(kind: "eval accuracy", name: "eval accuracy") { $0.evalAccuracy },
      ]
    case .regression:
      [
        Line(kind: "eval accuracy", name: "eval Pearson") { $0.evalPearson },
        Line(kind: "eval fine", name: "eval Spearman") { $0.evalSpearman },
      ]
    case .multiLabel:
      [
        Line(kind: "eval accuracy", name: "eval micro F1") { $0.evalMicroF1 },
        Line(kind: "eval fine", name: "eval macro F1") { $0.evalF1 },
      ]
    }
  }

  private static let width = 720.0
  private static let height = 360.0
  private static let left = 56.0
  private static let right = 56.0
  private static let top = 44.0
  private static let bottom = 44.0

  /// The image. It begins with `<svg`, so that a page can hold it as it is.
  var svg: String {
    let plotWidth = LearningCurve.width - LearningCurve.left - LearningCurve.right
    let plotHeight = LearningCurve.height - LearningCurve.top - LearningCurve.bottom
    let last = Double(max(records.last?.epoch ?? 1, 2))
    let losses = records.flatMap { [$0.trainLoss, $0.evalLoss] }.filter(\.isFinite)
    let lossTicks = AxisTicks.round(losses)
    let accuracies = records.flatMap { record in lines.compactMap { $0.value(record) } }
      .filter(\.isFinite)
    let accuracyTicks = AxisTicks.round(accuracies, within: task == .regression ? -1...1 : 0...1)
    func x(_ epoch: Int) -> Double {
      LearningCurve.left + plotWidth * (Double(epoch) - 1) / (last - 1)
    }
    func y(_ value: Double, _ ticks: [Double]) -> Double {
      let (low, high) = (ticks[0], ticks[ticks.count - 1])
      return LearningCurve.top + plotHeight * (1 - (value - low) / (high - low))
    }
    func text(
      _ text: String, _ x: Double, _ y: Double, anchor: String = "middle", kind: String = "label"
    ) -> String {
      "<text class=\"\(kind)\" x=\"\(AxisTicks.short(x))\" y=\"\(AxisTicks.short(y))\" text-anchor=\"\(anchor)\">"
        + "\(text)</text>\n"
    }

    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 360" width="720" height="360" \
      role="img" aria-label="Learning curve: loss and \(axis) by epoch">
      <style>
      .label { font: 12px system-ui, sans-serif; fill: #555 }
      .grid { stroke: #ccc; stroke-width: 1; opacity: 0.6 }
      .best { stroke: #2a9d4a; stroke-width: 1.5; stroke-dasharray: 4 3 }
      .besttext { font: 12px system-ui, sans-serif; fill: #2a9d4a }
      .train { color: #d1700f }
      .eval { color: #2b6fd6 }
      .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
      .dot { fill: currentColor }
      .accuracy { stroke-dasharray: 2 3 }
      .fine { stroke-dasharray: 8 4 }
      @media (prefers-color-scheme: dark) {
        .label { fill: #bbb } .grid { stroke: #555 } .train { color: #f0a04b }
        .eval { color: #7fb0ff } .best { stroke: #62d183 } .besttext { fill: #62d183 }
      }
      </style>

      """
    for (index, tick) in lossTicks.enumerated() {
      let place = y(tick, lossTicks)
      out +=
        "<line class=\"grid\" x1=\"\(AxisTicks.short(LearningCurve.left))\" y1=\"\(AxisTicks.short(place))\" "
        + "x2=\"\(AxisTicks.short(LearningCurve.width - LearningCurve.right))\" y2=\"\(AxisTicks.short(place))\"/>\n"
      out += text(AxisTicks.text(tick), LearningCurve.left - 8, place + 4, anchor: "end")
      if index < accuracyTicks.count {
        out += text(
          AxisTicks.text(accuracyTicks[index]), LearningCurve.width - LearningCurve.right + 8,
          place + 4,
          anchor: "start")
      }
    }
    let step = max(1, (records.count + 11) / 12)
    for record in records where (record.epoch - 1) % step == 0 {
      out += text(
        String(record.epoch), x(record.epoch), LearningCurve.height - LearningCurve.bottom + 18)
    }
    out += text("epoch", LearningCurve.width / 2, LearningCurve.height - 8)
    out += text("loss", LearningCurve.left, 16, anchor: "middle")
    out += text(axis, LearningCurve.width - LearningCurve.right, 16, anchor: "middle")
    if let best = records.last(where: \.isBest) {
      let place = x(best.epoch)
      out +=
        "<line class=\"best\" x1=\"\(AxisTicks.short(place))\" y1=\"\(AxisTicks.short(LearningCurve.top))\" "
        + "x2=\"\(AxisTicks.short(place))\" "
        + "y2=\"\(AxisTicks.short(LearningCurve.height - LearningCurve.bottom))\"/>\n"
      let anchor =
        best.epoch == 1 ? "start" : best.epoch == records.last?.epoch ? "end" : "middle"
      out += text(
        "kept: epoch \(best.epoch)", place, LearningCurve.top - 6, anchor: anchor,
        kind: "besttext")
    }
    for epoch in unfreezings where epoch <= records.last?.epoch ?? 0 {
      // Between the epoch before and this one.
      let place = (x(epoch - 1) + x(epoch)) / 2
      out +=
        "<line class=\"grid\" x1=\"\(AxisTicks.short(place))\" y1=\"\(AxisTicks.short(LearningCurve.top))\" "
        + "x2=\"\(AxisTicks.short(place))\" "
        + "y2=\"\(AxisTicks.short(LearningCurve.height - LearningCurve.bottom))\"/>\n"
      out += text("unfrozen", place, LearningCurve.height - LearningCurve.bottom - 6)
    }
    func curve(_ kind: String, _ ticks: [Double], _ value: (EpochRecord) -> Double?) -> String {
      let points = records.compactMap { record -> (Double, Double)? in
        guard let value = value(record), value.isFinite else { return nil }
        return (x(record.epoch), y(value, ticks))
      }
      var line =
        "<polyline class=\"line \(kind)\" points=\""
        + points.map { "\(AxisTicks.short($0.0)),\(AxisTicks.short($0.1))" }.joined(separator: " ")
        + "\"/>\n"
      for point in points {
        line +=
          "<circle class=\"dot \(kind)\" cx=\"\(AxisTicks.short(point.0))\" cy=\"\(AxisTicks.short(point.1))\" r=\"3\"/>\n"
      }
      return line
    }
    out += curve("train", lossTicks, \.trainLoss)
    out += curve("eval", lossTicks, \.evalLoss)
    for line in lines { out += curve(line.kind, accuracyTicks, line.value) }
    let entries =
      [("train", "train loss"), ("eval", "eval loss")] + lines.map { ($0.kind, $0.name) }
    for (index, entry) in entries.enumerated() {
      let place = 124 + Double(index) * 122
      out +=
        "<line class=\"line \(entry.0)\" x1=\"\(AxisTicks.short(place))\" y1=\"12\" x2=\"\(AxisTicks.short(place + 22))\" "
        + "y2=\"12\"/>\n"
      out += text(entry.1, place + 27, 16, anchor: "start")
    }
    return out + "</svg>\n"
  }
}
