import CheckpointFiles

/// The line that shows how far a task is: `writing ━━━━━━━━━━·········· 50% 1.0 GB/s ETA 0:12`.
struct ProgressLine {
  let label: String
  let unit: Progress.Unit
  let completed: Int
  /// How much there is altogether; 0 when it is not known.
  let total: Int
  /// Seconds since the start.
  let elapsed: Double
  /// Text at the end of the line, which may come from a file.
  var detail = ""

  /// The line.
  ///
  /// - Parameter width: the columns of a terminal, to which the line is cut; `nil` does not cut it.
  func text(width: Int?) -> String {
    let fraction = total > 0 ? min(Double(completed) / Double(total), 1) : 0
    let rate = Double(completed) / max(elapsed, 1e-3)
    let left = rate > 0 ? Double(max(total - completed, 0)) / rate : .infinity
    let wholeRate = Int(exactly: rate.rounded(.down)) ?? .max
    let rateText =
      switch unit {
      case .bytes: byteText(wholeRate) + "/s"
      case .items(let name): "\(countText(wholeRate)) \(name)/s"
      }
    var rest = " \(Int(fraction * 100))% \(rateText) ETA \(Text.duration(left))"
    if !detail.isEmpty { rest += "  \(oneLine(detail))" }
    return ProgressLine.text(label, fraction: fraction, rest: rest, width: width)
  }

  /// A line of a label, a bar and figures.
  ///
  /// - Parameters:
  ///   - fraction: how much of the bar is filled, from 0 to 1.
  ///   - rest: the figures after the bar, with a blank before them.
  ///   - width: the columns of a terminal, to which the line is cut; `nil` does not cut it.
  static func text(_ label: String, fraction: Double, rest: String, width: Int?) -> String {
    // A narrow terminal shortens the bar before it shortens the figures.
    let room = (width ?? .max) - displayWidth(label) - 1 - displayWidth(rest)
    let cells = min(20, max(8, room))
    let filled = Int(fraction * Double(cells))
    let bar =
      String(repeating: "━", count: filled) + String(repeating: "·", count: cells - filled)
    let line = "\(label) \(bar)\(rest)"
    return width.map { truncated(line, to: $0) } ?? line
  }
}
