import ArgumentParser
import Synchronization

/// When progress is shown on standard error.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// On a terminal.
  case auto
  /// Also to files and pipes, at most one line a second.
  case always
  case never
}

/// The progress of a long task: a bar on a terminal, with the rate and the remaining time.
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

  /// - Parameter total: how much there is; 0 when it is not known yet, see ``reach(_:of:)``.
  init(_ label: String, total: Int = 0, unit: Unit, mode: ProgressMode) {
    self.label = label
    self.unit = unit
    let terminal = StandardError.isTerminal
    enabled = mode == .always || (mode == .auto && terminal)
    redraw = terminal
    interval = terminal ? 0.1 : 1
    // A task of less than 0.15 seconds shows no bar.
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

  /// Counts `completed` of `total` as done; many threads may call it, in any order.
  func reach(_ completed: Int, of total: Int) {
    update(nil) { state in
      if state.total != total { state.completed = 0 }
      state.total = total
      state.completed = max(state.completed, completed)
    }
  }

  /// Draws the line that `text` returns for a width, when it is time to draw again. The caller counts for itself.
  func draw(_ text: (_ width: Int?) -> String) {
    guard enabled else { return }
    let now = System.seconds
    let isDue = state.withLock { state in
      guard now - state.drawnAt >= interval else { return false }
      state.drawnAt = now
      return true
    }
    guard isDue else { return }
    let line = text(width)
    if redraw { StandardError.showProgress(line) } else { StandardError.line(line) }
  }

  /// The columns that a line may take; `nil` when it is not cut.
  private var width: Int? { redraw ? (System.terminalWidth(2) ?? 80) - 1 : nil }

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

  /// Removes the bar.
  func finish() {
    if enabled, redraw { StandardError.clearProgress() }
  }

  private func text(_ state: State, at now: Double) -> String {
    ProgressLine(
      label: label, unit: unit, completed: state.completed, total: state.total,
      elapsed: now - start, detail: state.detail
    ).text(width: width)
  }
}
