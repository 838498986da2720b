import CheckpointFiles
import ParameterSurgery

/// `--summary` and `--histogram`, as text.
struct DiffSummaryDisplay {
  private let summary: DiffSummary

  init(_ summary: DiffSummary) { self.summary = summary }

  /// A line for each group of tensors that differ in nothing but their layer, when something differs.
  func printGroups() {
    var table = Table([
      .init("GROUP", shrinks: true), .init("TENSORS", .right), .init("CHANGED", .right),
      .init("ONLY A", .right), .init("ONLY B", .right), .init("MAX ABS", .right),
      .init("REL L2", .right),
    ])
    for group in summary.groups where group.counts.differs {
      table.append([
        shown(group.selector), grouped(group.counts.tensors), count(group.counts.changed),
        count(group.counts.onlyInA), count(group.counts.onlyInB),
        group.maxAbs.map { significant($0) } ?? "-",
        group.relativeL2.map { significant($0) } ?? "-",
      ])
    }
    if !table.rows.isEmpty { table.print() }
  }

  private func count(_ value: Int) -> String { value == 0 ? "-" : grouped(value) }

  /// A bar for the relative change of each layer, and one for the tensors of each power of ten.
  func printHistogram() {
    let changed = summary.layers.filter { $0.counts.changed > 0 }
    guard !changed.isEmpty else { return }
    let most = changed.compactMap(\.relativeL2).filter(\.isFinite).max() ?? 0
    var layers = Table([
      .init("LAYER", shrinks: true), .init("CHANGED", .right), .init("REL L2", .right), .init(""),
    ])
    for layer in changed {
      let value = layer.relativeL2
      layers.append([
        shown(layer.name), "\(layer.counts.changed)/\(layer.counts.tensors)",
        value.map { significant($0) } ?? "-", DiffSummaryDisplay.bar(value ?? 0, of: most),
      ])
    }
    layers.print()
    StandardOutput.shared.line()
    let total = summary.histogram.map(\.tensors).max() ?? 0
    var bins = Table([.init("RELATIVE CHANGE"), .init("TENSORS", .right), .init("")])
    for (text, tensors) in DiffSummaryDisplay.bins(summary) {
      bins.append([
        text, grouped(tensors), DiffSummaryDisplay.bar(Double(tensors), of: Double(total)),
      ])
    }
    bins.print()
  }

  /// The bins with what they stand for, those at the ends left out when they are empty.
  static func bins(_ summary: DiffSummary) -> [(text: String, tensors: Int)] {
    var result: [(String, Int)] = []
    var before = "0"
    for bin in summary.histogram {
      let limit = bin.limit.map { significant($0) }
      result.append(
        (
          limit.map { "\(before == "0" ? "below" : "\(before) to") \($0)" } ?? "1 and more",
          bin.tensors
        ))
      before = limit ?? before
    }
    while result.last?.1 == 0 { result.removeLast() }
    while result.first?.1 == 0 { result.removeFirst() }
    if summary.unmeasured > 0 { result.append(("not measured", summary.unmeasured)) }
    return result
  }

  private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  /// A bar of at most 30 columns, in eighths of one; never empty for something.
  static func bar(_ value: Double, of most: Double) -> String {
    guard value > 0, most > 0, value.isFinite, most.isFinite else { return "" }
    let parts = max(1, Int((value / most * 240).rounded()))
    return String(repeating: "█", count: parts / 8) + eighths[parts % 8]
  }
}

extension DiffSummary.Counts {
  /// Whether anything differs.
  var differs: Bool { changed + onlyInA + onlyInB > 0 }
}
