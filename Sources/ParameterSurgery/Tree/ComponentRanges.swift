internal import CheckpointFiles

/// Where the components of a key lie in its text.
struct ComponentRanges {
  /// Deeper keys keep their remainder as one component, which bounds the nodes of a hostile file.
  static let maximumDepth = 256

  private(set) var ranges: [Range<Int>] = []

  /// Splits `text` at its dots from the component `depth` on; those before it are known already.
  mutating func split(_ text: Span<UInt8>, from depth: Int) {
    ranges.removeSubrange(depth...)
    if ranges.last?.upperBound == text.count { return }
    var start = ranges.last.map { $0.upperBound + 1 } ?? 0
    var end = start
    while ranges.count < ComponentRanges.maximumDepth - 1, end < text.count {
      if text[end] == UInt8(ascii: ".") {
        ranges.append(start..<end)
        start = end + 1
      }
      end += 1
    }
    ranges.append(start..<text.count)
  }

  /// How many of these components, those of `text`, `other` begins with.
  func depth(of text: Span<UInt8>, sharedWith other: Span<UInt8>) -> Int {
    var same = 0
    while same < text.count, same < other.count, text[same] == other[same] { same += 1 }
    var depth = 0
    while depth < ranges.count, ranges[depth].upperBound <= same,
      ComponentRanges.ends(other, at: ranges[depth].upperBound, depth)
    {
      depth += 1
    }
    return depth
  }

  /// Whether a component at `depth` that has reached `end` ends there.
  private static func ends(_ text: Span<UInt8>, at end: Int, _ depth: Int) -> Bool {
    end == text.count || text[end] == UInt8(ascii: ".") && depth < maximumDepth - 1
  }
}

extension Key {
  /// The component in `range` of a key's text.
  init(_ text: Span<UInt8>, _ range: Range<Int>) {
    // The part between two dots of a text is text.
    let part = try? UTF8Span(validating: text.extracting(range))
    if let part { self.init(String(copying: part)) } else { self.init("") }
  }
}
