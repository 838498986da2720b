import FineTuning
import ParameterSurgery

/// Predicted numbers over the right ones as an SVG image, with the line on which they are equal.
struct ScatterPlot {
  private let points: [(right: Double, predicted: Double)]

  /// Points are left out evenly beyond this many.
  private static let limit = 1000
  private static let size = 360.0
  private static let left = 52.0
  private static let bottom = 44.0
  private static let top = 12.0

  init(_ metrics: RegressionMetrics) {
    let all = zip(metrics.values, metrics.predictions).filter { $0.isFinite && $1.isFinite }
    let step = max(1, (all.count + ScatterPlot.limit - 1) / ScatterPlot.limit)
    points = stride(from: 0, to: all.count, by: step).map { all[$0] }
  }

  /// The image for a page, whose style sheet has its rules. Empty without points.
  var svg: String {
    guard let first = points.first else { return "" }
    func span(_ name: String, _ value: KeyPath<(right: Double, predicted: Double), Double>)
      -> String
    {
      let values = points.map { $0[keyPath: value] }
      let low = significant(values.min() ?? first.right)
      return "the \(name) numbers are from \(low) to \(significant(values.max() ?? first.right))"
    }
    let (right, predicted) = (span("right", \.right), span("predicted", \.predicted))
    let numbers = points.flatMap { [$0.right, $0.predicted] }
    let ticks = AxisTicks.round(numbers)
    let (low, high) = (ticks[0], ticks[ticks.count - 1])
    let plot = ScatterPlot.size - ScatterPlot.left - ScatterPlot.top
    func x(_ value: Double) -> String {
      AxisTicks.short(ScatterPlot.left + plot * (value - low) / (high - low))
    }
    func y(_ value: Double) -> String {
      AxisTicks.short(ScatterPlot.top + plot * (1 - (value - low) / (high - low)))
    }
    let height = AxisTicks.short(ScatterPlot.top + plot + ScatterPlot.bottom)
    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 \(height)" width="360" height="\(height)" \
      role="img" aria-labelledby="scatter-title scatter-text">
      <title id="scatter-title">Predicted numbers over the right ones</title>
      <desc id="scatter-text">\(points.count) points; \(right), and \(predicted).</desc>

      """
    for tick in ticks {
      out +=
        "<line class=\"grid\" x1=\"\(x(low))\" y1=\"\(y(tick))\" x2=\"\(x(high))\" y2=\"\(y(tick))\"/>\n"
        + "<text class=\"label\" x=\"\(AxisTicks.short(ScatterPlot.left - 8))\" y=\"\(y(tick))\" dy=\"4\" "
        + "text-anchor=\"end\">\(AxisTicks.text(tick))</text>\n"
        + "<text class=\"label\" x=\"\(x(tick))\" y=\"\(y(low))\" dy=\"18\" text-anchor=\"middle\">"
        + "\(AxisTicks.text(tick))</text>\n"
    }
    out +=
      "<line class=\"best\" x1=\"\(x(low))\" y1=\"\(y(low))\" x2=\"\(x(high))\" y2=\"\(y(high))\"/>\n"
    for point in points {
      out +=
        "<circle class=\"point\" cx=\"\(x(point.right))\" cy=\"\(y(point.predicted))\" r=\"3\"/>\n"
    }
    return out
      + "<text class=\"label\" x=\"\(x((low + high) / 2))\" y=\"\(y(low))\" dy=\"36\" "
      + "text-anchor=\"middle\">right number → predicted ↑</text>\n</svg>\n"
  }
}
