import CheckpointFiles
import Synchronization

/// Splits long lists into pieces for all cores; a short list is one piece on the calling thread.
enum Pieces {
  /// Enough rows that starting a piece on another core costs little in comparison.
  private static let rowsPerPiece = 1024
  /// Pieces whose text is in memory at the same time.
  private static let piecesAtOnce = 8

  /// Calls `body` for each piece of `0..<count`, and returns the results in order.
  static func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Range<Int>) -> Result
  ) -> [Result] {
    let pieces = pieces(of: 0..<count)
    guard pieces.count > 1 else { return pieces.map(body) }
    let results = Mutex([Result?](repeating: nil, count: pieces.count))
    concurrently(pieces.count) { index in
      let result = body(pieces[index])
      results.withLock { $0[index] = result }
    }
    return results.withLock { $0.compactMap(\.self) }
  }

  /// Writes what `body` appends for each piece of `0..<count`, in order.
  static func write(
    _ count: Int, to output: StandardOutput, _ body: @Sendable (Range<Int>, inout [UInt8]) -> Void
  ) {
    // Buffers are reused: allocating them costs more than filling them.
    let buffers = Mutex([[UInt8]](repeating: [], count: piecesAtOnce))
    let rowsAtOnce = piecesAtOnce * rowsPerPiece
    for start in stride(from: 0, to: count, by: rowsAtOnce) {
      let pieces = pieces(of: start..<min(start + rowsAtOnce, count))
      @Sendable func fill(_ index: Int) {
        var text = buffers.withLock { buffers in
          let text = buffers[index]
          buffers[index] = []
          return text
        }
        text.removeAll(keepingCapacity: true)
        body(pieces[index], &text)
        buffers.withLock { $0[index] = text }
      }
      if pieces.count > 1 {
        concurrently(pieces.count, fill)
      } else {
        fill(0)
      }
      buffers.withLock { for text in $0.prefix(pieces.count) { output.write(text) } }
    }
  }

  private static func pieces(of rows: Range<Int>) -> [Range<Int>] {
    stride(from: rows.lowerBound, to: rows.upperBound, by: rowsPerPiece).map {
      $0..<min($0 + rowsPerPiece, rows.upperBound)
    }
  }
}
