import Synchronization

@testable import EspalierCommands

/// An output that keeps what is written to it.
final class Recording: Sendable {
  private let bytes = Mutex<[UInt8]>([])

  /// What `body` writes to an output of `width` columns; `nil` stands for a file.
  static func text(
    width: Int? = nil, height: Int? = nil, isColoured: Bool = false,
    _ body: (StandardOutput) -> Void
  ) -> String {
    let recording = Recording()
    let output = StandardOutput(width: width, height: height, isColoured: isColoured) { piece in
      recording.bytes.withLock { $0 += piece }
    }
    body(output)
    output.flush()
    return recording.bytes.withLock { String(decoding: $0, as: UTF8.self) }
  }
}
