import CheckpointFiles

/// `text` with a part cut out so that it takes `width` columns: for a key the least informative part, which is
/// near its start and not its numbers or its end; for any other text the middle.
func middleTruncated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  guard width >= 5, let cut = Elision(text, to: width) else { return truncated(text, to: width) }
  return cut.text
}

/// The texts, each with a part cut out so that it takes `width` columns, and so that what is left is what no other of the
/// texts begins and ends with. Texts without such a part are left out.
func distinctlyShortened(_ texts: [String], to width: Int) -> [Key: String] {
  var seen: Set<Key> = []
  let unique = texts.filter { seen.insert(Key($0)).inserted }.map { Array($0) }
  var cuts = unique.map { Elision(String($0), to: width) }
  for _ in 0..<3 {
    let rivals = Elision.rivals(of: cuts, among: unique)
    if rivals.isEmpty { break }
    for (place, others) in rivals {
      let kept = Elision.difference(unique[place], others.map { unique[$0] })
      cuts[place] = Elision(String(unique[place]), to: width, keeping: kept)
    }
  }
  for place in Elision.rivals(of: cuts, among: unique).keys { cuts[place] = nil }
  var result: [Key: String] = [:]
  for (text, cut) in zip(unique, cuts) { if let cut { result[Key(String(text))] = cut.text } }
  return result
}

/// A text with a part cut out.
private struct Elision {
  let characters: [Character]
  let range: Range<Int>

  var text: String {
    String(characters[..<range.lowerBound]) + "…" + String(characters[range.upperBound...])
  }

  /// A part whose absence makes the text `width` columns wide; `nil` when each such part is among those that are kept.
  init?(_ text: String, to width: Int, keeping kept: Range<Int> = 0..<0) {
    characters = Array(text)
    let widths = characters.map { displayWidth(String($0)) }
    var costs = elisionCosts(characters)
    let never = 1 << 32
    for index in kept where index < costs.count { costs[index] = never }
    let excess = widths.reduce(0, +) - width + 1
    // Of all shortest parts that are wide enough, the cheapest; of equal ones, the one nearest to the middle.
    var best: (range: Range<Int>, cost: Int, distance: Int)?
    var (end, cut, cost) = (0, 0, 0)
    for start in characters.indices {
      while cut < excess, end < characters.count {
        cut += widths[end]
        cost += costs[end]
        end += 1
      }
      guard cut >= excess else { break }
      let distance = abs(start + end - characters.count)
      if best.map({ (cost, distance) < ($0.cost, $0.distance) }) ?? true {
        best = (start..<end, cost, distance)
      }
      cut -= widths[start]
      cost -= costs[start]
    }
    guard let best, best.cost < never else { return nil }
    range = best.range
  }

  /// For each text that is not the only one with its beginning and its end, the texts that have them.
  static func rivals(of cuts: [Elision?], among texts: [[Character]]) -> [Int: [Int]] {
    struct Ends: Hashable {
      let start: Int
      let end: Int
    }
    var byEnds: [Ends: [Int]] = [:]
    for (place, cut) in cuts.enumerated() {
      guard let cut else { continue }
      let ends = Ends(
        start: cut.range.lowerBound, end: cut.characters.count - cut.range.upperBound)
      byEnds[ends, default: []].append(place)
    }
    var result: [Int: [Int]] = [:]
    for (ends, places) in byEnds {
      func rest(_ text: [Character]) -> Key {
        Key(String(text.prefix(ends.start)) + "…" + String(text.suffix(ends.end)))
      }
      var same: [Key: [Int]] = [:]
      for place in texts.indices where texts[place].count >= ends.start + ends.end {
        same[rest(texts[place]), default: []].append(place)
      }
      for place in places {
        if let all = same[rest(texts[place])], all.count > 1 { result[place] = all }
      }
    }
    return result
  }

  /// The part of `text` between what all of `others` begin and end with.
  static func difference(_ text: [Character], _ others: [[Character]]) -> Range<Int> {
    var (start, end) = (text.count, text.count)
    for other in others where other != text {
      start = min(start, zip(text, other).prefix { $0 == $1 }.count)
      end = min(end, zip(text.reversed(), other.reversed()).prefix { $0 == $1 }.count)
    }
    // Of a text that is the beginning of another one, the place where that continues.
    return start..<max(min(start + 1, text.count), text.count - end)
  }
}

/// The cost of leaving out each character: for a key, highest at the end and lowest before its first number.
private func elisionCosts(_ characters: [Character]) -> [Int] {
  var costs = [Int](repeating: 1, count: characters.count)
  guard characters.contains(".") else { return costs }
  let firstNumber = characters.firstIndex { $0.isNumber || $0 == "[" } ?? 0
  var distance = 0
  var end = characters.count
  for index in characters.indices.reversed() where index == 0 || characters[index] == "." {
    let part = characters[index..<end].drop { $0 == "." }
    let isNumber = part.first == "[" || !part.isEmpty && part.allSatisfy(\.isNumber)
    let middle = index < firstNumber ? 1 : 3
    let cost = distance == 0 ? 40 : isNumber ? 6 : distance == 1 ? 10 : middle
    for place in part.indices { costs[place] = cost }
    distance += 1
    end = index
  }
  // The branches of a tree, and the arrow between two keys.
  for (index, character) in characters.enumerated() where "│├└─ =>".contains(character) {
    costs[index] = 50
  }
  return costs
}
