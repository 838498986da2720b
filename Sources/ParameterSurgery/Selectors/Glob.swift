internal import CheckpointFiles

/// A pattern for one component: `*` is any run of bytes, `?` one Unicode scalar.
struct Glob: Sendable, Hashable {
  enum Atom: Sendable, Hashable {
    case byte(UInt8)
    case one
    case any
  }

  var atoms: [Atom]

  /// Whether the whole component matches. Linear but for the last `*`.
  func matches(_ component: Key) -> Bool {
    let bytes = component.string.utf8Span.span
    var position = 0
    var atom = 0
    // Where to continue when a match fails: after the last `*`, one byte later.
    var retryAtom: Int?
    var retryPosition = 0
    while true {
      if atom < atoms.count {
        switch atoms[atom] {
        case .any:
          retryAtom = atom + 1
          retryPosition = position
          atom += 1
          continue
        case .byte(let byte):
          if position < bytes.count, bytes[position] == byte {
            position += 1
            atom += 1
            continue
          }
        case .one:
          if position < bytes.count {
            position += 1
            while position < bytes.count, bytes[position] & 0xC0 == 0x80 { position += 1 }
            atom += 1
            continue
          }
        }
      } else if position == bytes.count {
        return true
      }
      guard let retry = retryAtom, retryPosition < bytes.count else { return false }
      retryPosition += 1
      while retryPosition < bytes.count, bytes[retryPosition] & 0xC0 == 0x80 { retryPosition += 1 }
      atom = retry
      position = retryPosition
    }
  }
}
