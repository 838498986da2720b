import ArgumentParser
import CheckpointFiles
import Synchronization

/// Standard output, written in large pieces.
///
/// When the reader has ended (`espalier ls … | head`) the process ends with status 0 and without a message.
final class StandardOutput: Sendable {
  static let shared = StandardOutput()

  /// Whether it is a terminal, which a person reads.
  let isTerminal: Bool
  /// How text is set off: by colours on a terminal, not at all elsewhere.
  let style: Style
  /// Columns that a line may take, or `nil` when lines are not cut.
  let width: Int?
  /// Lines that are seen at the same time, or `nil` when it is not a terminal or its height is not known.
  let height: Int?

  private let buffer = Mutex<[UInt8]>([])
  private static let capacity = 1 << 16
  /// Takes what is written.
  private let emit: @Sendable ([UInt8]) -> Void

  private init() {
    isTerminal = System.isTerminal(1)
    style = Style(enabled: Style.allowed(on: isTerminal))
    width = isTerminal ? System.terminalWidth(1) : nil
    height = isTerminal ? System.terminalHeight(1) : nil
    emit = StandardOutput.writeOut
  }

  /// An output that is not the one of the process.
  ///
  /// - Parameters:
  ///   - width: the columns of a terminal; `nil` for something that is not a terminal.
  ///   - height: the lines of the terminal; `nil` when they are not known.
  ///   - emit: takes what is written, in large pieces.
  init(
    width: Int?, height: Int? = nil, isColoured: Bool = false,
    emit: @escaping @Sendable ([UInt8]) -> Void
  ) {
    isTerminal = width != nil
    style = Style(enabled: isColoured)
    self.width = width
    self.height = height
    self.emit = emit
  }

  func write(_ text: String) { write { $0.append(contentsOf: text.utf8) } }

  /// Writes UTF-8.
  func write(_ bytes: [UInt8]) {
    guard bytes.count >= StandardOutput.capacity else {
      return write { $0.append(contentsOf: bytes) }
    }
    flush()
    emit(bytes)
  }

  private func write(_ append: (inout [UInt8]) -> Void) {
    let full = buffer.withLock { buffer in
      append(&buffer)
      return buffer.count >= StandardOutput.capacity
    }
    if full { flush() }
  }

  func line(_ text: String = "") {
    write(text)
    write("\n")
  }

  /// A sentence without colours, on one line: what it repeats of files and arguments is escaped.
  func sentence(_ text: String) { line(oneLine(text)) }

  /// A sentence, on several lines when a terminal is too narrow for it; all lines but the first are indented by
  /// four more columns.
  func paragraph(_ text: String, indent: Int = 0) {
    let margin = String(repeating: " ", count: indent)
    let room = width.map { max(24, $0 - indent) } ?? .max
    let parts = displayWidth(text) <= room ? [text] : wrapped(text, to: room - 4)
    for (index, part) in parts.enumerated() { line(margin + (index == 0 ? "" : "    ") + part) }
  }

  func flush() {
    let bytes = buffer.withLock { buffer in
      let bytes = buffer
      buffer.removeAll(keepingCapacity: true)
      return bytes
    }
    if !bytes.isEmpty { emit(bytes) }
  }

  private static func writeOut(_ bytes: [UInt8]) {
    StandardError.clearProgress()
    guard let error = System.write(bytes, to: 1) else { return }
    if error.isBrokenPipe { System.exit(0) }
    ErrorReport(
      kind: "cannot-write", status: ExitStatus.unusable.rawValue,
      "standard output: \(error.text)"
    ).print()
    System.exit(ExitStatus.unusable.rawValue)
  }
}

/// Standard error: notes, warnings, errors and the progress bar, which never mix.
enum StandardError {
  static let isTerminal = System.isTerminal(2)
  private static let progress = Mutex((isShown: false, isClosed: false))

  /// A whole line.
  static func line(_ text: String) {
    progress.withLock { progress in
      let erase = progress.isShown ? "\r\u{1B}[K" : ""
      progress.isShown = false
      _ = System.write(Array("\(erase)\(text)\n".utf8), to: 2)
    }
  }

  /// Something that a user should know and that changes nothing.
  static func note(_ text: String) { line("espalier: note: \(oneLine(text))") }

  /// Something that is probably a mistake.
  static func warning(_ text: String) { line("espalier: warning: \(oneLine(text))") }

  /// Replaces the progress bar.
  static func showProgress(_ text: String) {
    progress.withLock { progress in
      if progress.isClosed { return }
      progress.isShown = true
      _ = System.write(Array("\r\u{1B}[K\(text)".utf8), to: 2)
    }
  }

  /// Removes the progress bar.
  static func clearProgress() { clearProgress(forGood: false) }

  /// Removes the progress bar before the process ends, so that no other thread draws it again.
  static func close() { clearProgress(forGood: true) }

  private static func clearProgress(forGood: Bool) {
    progress.withLock { progress in
      if progress.isShown { _ = System.write(Array("\r\u{1B}[K".utf8), to: 2) }
      progress = (false, progress.isClosed || forGood)
    }
  }
}

/// Colours, for a terminal.
struct Style {
  let enabled: Bool

  /// Whether colours are used: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
  static func allowed(on terminal: Bool) -> Bool {
    terminal && Environment["NO_COLOR"] == nil
      && Environment["TERM"] != "dumb"
  }

  func bold(_ text: String) -> String { paint(text, "1") }
  func dim(_ text: String) -> String { paint(text, "2") }
  func red(_ text: String) -> String { paint(text, "31") }
  func green(_ text: String) -> String { paint(text, "32") }
  func yellow(_ text: String) -> String { paint(text, "33") }
  func cyan(_ text: String) -> String { paint(text, "36") }

  private func paint(_ text: String, _ code: String) -> String {
    enabled && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
