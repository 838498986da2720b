import FineTuning
import ParameterSurgery

/// The learning curve as an SVG image: loss on the left axis, accuracy (F1, correlation) on the right, one step for
/// each epoch, the kept epoch marked. Readable on light and dark pages.
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

  // The image is as readable on a phone, at two thirds of its size, as on a large screen.
  private static let width = 480.0
  private static let height = 330.0
  private static let left = 52.0
  private static let right = 52.0
  private static let top = 74.0
  private static let bottom = 48.0

  /// The image as a file of its own.
  var svg: String { image(PlotStyle.standalone) }

  /// The image for a page, whose style sheet has the rules.
  var figure: HTML { "<div class=\"plot\">\(HTML.trusted(image("")))</div>" }

  /// The curve in words, for readers that do not see it.
  private var description: String {
    guard let first = records.first, let last = records.last else { return "No epoch." }
    func number(_ value: Double) -> String { value.isFinite ? significant(value) : "not finite" }
    var parts = [
      "Train loss from \(number(first.trainLoss)) in the first epoch to \(number(last.trainLoss)) in epoch "
        + "\(last.epoch)",
      "evaluation loss from \(number(first.evalLoss)) to \(number(last.evalLoss))",
    ]
    for line in lines {
      if let a = line.value(first), let b = line.value(last) {
        parts.append("\(line.name) from \(number(a)) to \(number(b))")
      }
    }
    let kept = records.last(where: \.isBest).map { "; epoch \($0.epoch) is kept" } ?? ""
    return parts.joined(separator: ", ") + kept + "."
  }

  private func image(_ style: String) -> String {
    let plotWidth = LearningCurve.width - LearningCurve.left - LearningCurve.right
    let plotHeight = LearningCurve.height - LearningCurve.top - LearningCurve.bottom
    let (left, right) = (LearningCurve.left, LearningCurve.width - LearningCurve.right)
    let (top, floor) = (LearningCurve.top, LearningCurve.height - LearningCurve.bottom)
    let last = Double(max(records.last?.epoch ?? 1, 2))
    let lossTicks = AxisTicks.round(
      records.flatMap { [$0.trainLoss, $0.evalLoss] }.filter(\.isFinite))
    let accuracies = records.flatMap { record in lines.compactMap { $0.value(record) } }
      .filter(\.isFinite)
    let accuracyTicks = AxisTicks.round(accuracies, within: task == .regression ? -1...1 : 0...1)
    func x(_ epoch: Int) -> Double { left + plotWidth * (Double(epoch) - 1) / (last - 1) }
    func y(_ value: Double, _ ticks: [Double]) -> Double {
      let (low, high) = (ticks[0], ticks[ticks.count - 1])
      return top + plotHeight * (1 - (value - low) / (high - low))
    }
    func text(
      _ text: String, _ x: Double, _ y: Double, anchor: String = "middle", kind: String = "label"
    ) -> String {
      "<text class=\"\(kind)\" x=\"\(AxisTicks.short(x))\" y=\"\(AxisTicks.short(y))\" "
        + "text-anchor=\"\(anchor)\">\(text)</text>\n"
    }
    func line(_ kind: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
      "<line class=\"\(kind)\" x1=\"\(AxisTicks.short(x1))\" y1=\"\(AxisTicks.short(y1))\" "
        + "x2=\"\(AxisTicks.short(x2))\" y2=\"\(AxisTicks.short(y2))\"/>\n"
    }

    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 330" width="480" height="330" role="img" \
      aria-labelledby="curve-title curve-text">
      <title id="curve-title">Learning curve: loss and \(axis) by epoch</title>
      <desc id="curve-text">\(description)</desc>

      """
    if !style.isEmpty { out += "<style>\n\(style)</style>\n" }
    for (index, tick) in lossTicks.enumerated() {
      let place = y(tick, lossTicks)
      out += line("grid", left, place, right, place)
      out += text(AxisTicks.text(tick), left - 7, place + 5, anchor: "end")
      if index < accuracyTicks.count {
        out += text(AxisTicks.text(accuracyTicks[index]), right + 7, place + 5, anchor: "start")
      }
    }
    let step = max(1, (records.count + 8) / 9)
    for record in records where (record.epoch - 1) % step == 0 {
      out += text(String(record.epoch), x(record.epoch), floor + 19)
    }
    out += text("epoch", LearningCurve.width / 2, LearningCurve.height - 8)
    out += text("loss", left - 7, top - 14, anchor: "end")
    out += text(axis, right + 48, top - 14, anchor: "end")
    if let best = records.last(where: \.isBest) {
      let place = x(best.epoch)
      out += line("best", place, top, place, floor)
      // Beside the names of the axes.
      let middle = min(max(place, left + 72), right - 96)
      out += text("kept: epoch \(best.epoch)", middle, top - 8, kind: "besttext")
    }
    for epoch in unfreezings where epoch <= records.last?.epoch ?? 0 {
      // Between the epoch before and this one.
      let place = (x(epoch - 1) + x(epoch)) / 2
      out += line("grid", place, top, place, floor)
      out += text("unfrozen", place, floor - 6)
    }
    func curve(_ kind: String, _ ticks: [Double], _ value: (EpochRecord) -> Double?) -> String {
      let points = records.compactMap { record -> String? in
        guard let value = value(record), value.isFinite else { return nil }
        return "\(AxisTicks.short(x(record.epoch))),\(AxisTicks.short(y(value, ticks)))"
      }
      var line = "<polyline class=\"line \(kind)\" points=\"\(points.joined(separator: " "))\"/>\n"
      // Dots of very many epochs would be one band.
      for point in points where points.count <= 200 {
        let parts = point.split(separator: ",")
        line += "<circle class=\"dot \(kind)\" cx=\"\(parts[0])\" cy=\"\(parts[1])\" r=\"3\"/>\n"
      }
      return line
    }
    out += curve("train", lossTicks, \.trainLoss)
    out += curve("eval", lossTicks, \.evalLoss)
    for line in lines { out += curve(line.kind, accuracyTicks, line.value) }
    let entries =
      [("train", "train loss"), ("eval", "eval loss")] + lines.map { ($0.kind, $0.name) }
    for (index, entry) in entries.enumerated() {
      let place = left + Double(index % 2) * 200
      let height = 12 + Double(index / 2) * 20
      out += line("line \(entry.0)", place, height, place + 26, height)
      out += text(entry.1, place + 33, height + 5, anchor: "start", kind: "strong")
    }
    return out + "</svg>\n"
  }
}
