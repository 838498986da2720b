import ArgumentParser
import Synchronization

/// When progress is shown on standard error.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// On a terminal.
  case auto
  /// Also elsewhere, a line at most every second.
  case always
  case never
}

/// How far a long piece of work has come: a bar on a terminal, with rate and time left.
///
/// May be advanced from any thread.
final class Progress: Sendable {
  /// What is counted.
  enum Unit: Sendable {
    case bytes
    /// Things with a name, such as `tokens`.
    case items(String)
  }

  private struct State {
    var completed = 0
    var total: Int
    var detail = ""
    var drawnAt = 0.0
  }

  private let label: String
  private let unit: Unit
  private let redraw: Bool
  private let interval: Double
  private let enabled: Bool
  private let start = System.seconds
  private let state: Mutex<State>

  /// - Parameter total: how much there is; 0 when the work itself will say, see ``reach(_:of:)``.
  init(_ label: String, total: Int = 0, unit: Unit, mode: ProgressMode) {
    self.label = label
    self.unit = unit
    let terminal = StandardError.isTerminal
    enabled = mode == .always || (mode == .auto && terminal)
    redraw = terminal
    interval = terminal ? 0.1 : 1
    // What is over in a blink shows no bar.
    state = Mutex(State(total: total, drawnAt: mode == .always ? -1 : start + 0.15))
  }

  /// Counts `count` more as done, and shows `detail` at the end of the line.
  func advance(by count: Int, detail: String? = nil) {
    update(detail) { $0.completed += count }
  }

  /// Counts `completed` as done altogether.
  func reach(_ completed: Int, detail: String? = nil) {
    update(detail) { $0.completed = completed }
  }

  /// Counts `completed` of `total` as done, whichever of many threads says so first.
  func reach(_ completed: Int, of total: Int) {
    update(nil) { state in
      if state.total != total { state.completed = 0 }
      state.total = total
      state.completed = max(state.completed, completed)
    }
  }

  private func update(_ detail: String?, _ change: (inout State) -> Void) {
    guard enabled else { return }
    let now = System.seconds
    let line: String? = state.withLock { state in
      change(&state)
      if let detail { state.detail = detail }
      guard now - state.drawnAt >= interval else { return nil }
      state.drawnAt = now
      return text(state, at: now)
    }
    guard let line else { return }
    if redraw { StandardError.showProgress(line) } else { StandardError.line(line) }
  }

  /// Takes the bar away.
  func finish() {
    if enabled, redraw { StandardError.clearProgress() }
  }

  private func text(_ state: State, at now: Double) -> String {
    let total = state.total
    let fraction = total > 0 ? min(Double(state.completed) / Double(total), 1) : 0
    let elapsed = max(now - start, 1e-3)
    let rate = Double(state.completed) / elapsed
    let left = rate > 0 ? Double(max(total - state.completed, 0)) / rate : .infinity
    let rateText =
      switch unit {
      case .bytes: byteText(Int(rate)) + "/s"
      case .items(let name): "\(countText(Int(rate))) \(name)/s"
      }
    var rest = " \(Int(fraction * 100))% \(rateText) ETA \(durationText(left))"
    if !state.detail.isEmpty { rest += "  \(state.detail)" }
    // A narrow terminal takes from the bar before it takes from the figures.
    let width = redraw ? (System.terminalWidth(2) ?? 80) - 1 : Int.max
    let room = width - displayWidth(label) - 1 - displayWidth(rest)
    let cells = min(20, max(8, room))
    let filled = Int(fraction * Double(cells))
    let bar =
      String(repeating: "━", count: filled) + String(repeating: "·", count: cells - filled)
    let line = "\(label) \(bar)\(rest)"
    return redraw ? truncated(line, to: width) : line
  }
}
