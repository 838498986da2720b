/// The least number of scalars to insert, delete, replace or swap with a neighbour to turn `a` into
/// `b`; `limit + 1` when it is more than `limit`.
func editDistance(_ a: String, _ b: String, limit: Int) -> Int {
  let a = Array(a.unicodeScalars.prefix(256))
  let b = Array(b.unicodeScalars.prefix(256))
  if abs(a.count - b.count) > limit { return limit + 1 }
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  var row = beforeLast
  for i in 1...a.count {
    row[0] = i
    for j in 1...b.count {
      let replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
      row[j] = min(replace, last[j] + 1, row[j - 1] + 1)
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        row[j] = min(row[j], beforeLast[j - 2] + 1)
      }
    }
    (beforeLast, last, row) = (last, row, beforeLast)
  }
  return min(last[b.count], limit + 1)
}

/// The nearest of `names`, if one is near.
package func closest(to text: String, among names: some Sequence<String>) -> String? {
  let limit = max(1, text.unicodeScalars.count / 3)
  var best: (name: String, distance: Int)?
  for name in names {
    let distance = editDistance(text, name, limit: limit)
    if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
  }
  return best?.name
}
