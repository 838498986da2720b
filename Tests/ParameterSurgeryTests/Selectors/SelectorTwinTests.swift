import CheckpointFiles
import EspalierTestSupport
import ParameterSurgery
import Testing

/// Selectors against a twin of obvious lines that knows no tree: it looks at one key at a time.
@Suite struct SelectorTwinTests {
  /// A component of a random pattern, and whether a component of a key fits it.
  private enum Part {
    case name(String)
    case star
    case prefix(String)
    case depth
    case slice(Int?, Int?, Int)
    case single(Int)

    var spelling: String {
      switch self {
      case .name(let name): "." + name
      case .star: ".*"
      case .prefix(let text): "." + text + "*"
      case .depth: ".**"
      case .slice(let start, let stop, let step):
        "[\(start.map(String.init) ?? ""):\(stop.map(String.init) ?? ""):\(step)]"
      case .single(let index): "[\(index)]"
      }
    }
  }

  /// Whether some node at or above `key` fits the parts, tried in every way.
  private func fits(
    _ parts: ArraySlice<Part>, _ key: ArraySlice<Substring>, _ before: [Substring], _ keys: [Key]
  ) -> Bool {
    guard let part = parts.first else { return true }
    let rest = parts.dropFirst()
    if case .depth = part {
      return (0...key.count).contains { skip in
        fits(rest, key.dropFirst(skip), before + key.prefix(skip), keys)
      }
    }
    guard let component = key.first else { return false }
    let isFit: Bool
    switch part {
    case .name(let name): isFit = component == name
    case .star: isFit = true
    case .prefix(let text): isFit = component.hasPrefix(text)
    case .depth: isFit = false
    case .slice, .single:
      guard let index = Int(component) else { return false }
      var existing: Set<Int> = []
      for other in keys {
        let parts = other.components
        if parts.count > before.count, Array(parts.prefix(before.count)) == before,
          let index = Int(parts[before.count])
        {
          existing.insert(index)
        }
      }
      let sorted = existing.sorted()
      func resolved(_ bound: Int, _ low: Int) -> Int {
        bound >= 0 ? bound : sorted.count + bound >= 0 ? sorted[sorted.count + bound] : low
      }
      if case .single(let wanted) = part {
        isFit = resolved(wanted, -1) == index
      } else if case .slice(let start, let stop, let step) = part {
        let highest = sorted.last ?? 0
        if step > 0 {
          let range = stride(
            from: start.map { resolved($0, 0) } ?? 0,
            to: min(stop.map { resolved($0, 0) } ?? highest + 1, highest + 1), by: step)
          isFit = range.contains(index)
        } else {
          let range = stride(
            from: min(start.map { resolved($0, -1) } ?? highest, highest),
            to: stop.map { resolved($0, -1) } ?? -1, by: step)
          isFit = range.contains(index)
        }
      } else {
        isFit = false
      }
    }
    return isFit && fits(rest, key.dropFirst(), before + [component], keys)
  }

  @Test(arguments: 0..<40)
  func `random selectors select what the twin selects`(round: Int) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let names = ["a", "b", "ab", "0", "1", "2", "5", "10"]
    var keys: [Key] = []
    for _ in 0..<Int.random(in: 1...30, using: &random) {
      let depth = Int.random(in: 1...5, using: &random)
      keys.append(
        Key(
          (0..<depth).map { _ in names.randomElement(using: &random) ?? "a" }.joined(separator: ".")
        ))
    }
    var seen: Set<Key> = []
    keys = keys.filter { seen.insert($0).inserted }
    let tree = ParameterTree(keys.map { TensorInfo(key: $0, dtype: .float32, shape: []) })
    for _ in 0..<50 {
      let parts: [Part] = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<4: .name(names.randomElement(using: &random) ?? "a")
        case 4, 5: .star
        case 6: .prefix("a")
        case 7, 8: .depth
        case 9: .single(Int.random(in: -3...5, using: &random))
        default:
          .slice(
            Bool.random(using: &random) ? nil : Int.random(in: -4...11, using: &random),
            Bool.random(using: &random) ? nil : Int.random(in: -4...11, using: &random),
            [1, 1, 2, 3, -1, -2].randomElement(using: &random) ?? 1)
        }
      }
      var text = parts.map(\.spelling).joined()
      if text.hasPrefix(".") { text.removeFirst() }
      let expected = keys.filter { fits(parts[...], $0.components[...], [], keys) }
      let found = (try? tree.select(text).keys) ?? []
      #expect(
        found == expected,
        "let seed: UInt64 = \(seed) // \(text) over \(keys.map(\.string))")
    }
  }

  @Test(arguments: 0..<20)
  func `row sets are sets`(round: Int) {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    func draw() -> RowSet {
      RowSet(
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
          let start = Int.random(in: 0..<40, using: &random)
          return start..<start + Int.random(in: 0...8, using: &random)
        })
    }
    for _ in 0..<50 {
      let (a, b) = (draw(), draw())
      let (x, y) = (Set(a.ranges.joined()), Set(b.ranges.joined()))
      let hint: Comment = "let seed: UInt64 = \(seed)"
      #expect(Set(a.union(b).ranges.joined()) == x.union(y), hint)
      #expect(Set(a.subtracting(b).ranges.joined()) == x.subtracting(y), hint)
      #expect(Set(a.complement(in: 50).ranges.joined()) == Set(0..<50).subtracting(x), hint)
      #expect(a.count == x.count, hint)
      #expect((0..<50).allSatisfy { a.contains($0) == x.contains($0) }, hint)
    }
  }
}
