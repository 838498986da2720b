import CheckpointFiles
import ParameterSurgery

/// A difference in the manner of `git diff --stat`: a line a tensor, the counts at the end.
struct DiffReport {
  private let diff: Diff
  private let a: Checkpoint
  private let b: Checkpoint
  private let keysOnly: Bool

  init(_ diff: Diff, _ a: Checkpoint, _ b: Checkpoint, keysOnly: Bool) {
    self.diff = diff
    self.a = a
    self.b = b
    self.keysOnly = keysOnly
  }

  /// Everything; without `details` a line for all of it.
  func print(details: Bool = true) {
    let output = StandardOutput.shared
    if details {
      printKeys()
      printChanges()
    }
    printRenames()
    output.line(summary)
  }

  private func printKeys() {
    var table = Table([
      .init(""), .init("", shrinks: true), .init(""), .init(""), .init("", .right),
    ])
    table.hasHeadings = false
    func append(_ sign: String, _ key: Key, in checkpoint: Checkpoint) {
      guard let tensor = checkpoint[key] else { return }
      table.append([
        sign, shown(key.string), tensor.dtype.name, shapeText(tensor.shape.dimensions),
        byteText(tensor.byteCount),
      ])
    }
    for key in diff.onlyInA { append("-", key, in: a) }
    for key in diff.onlyInB { append("+", key, in: b) }
    let style = StandardOutput.shared.style
    let removed = diff.onlyInA.count
    table.paint = { line, index in index < removed ? style.red(line) : style.green(line) }
    table.print()
  }

  /// Likely renames, those that put one prefix before many keys or take it away in one line.
  private func printRenames() {
    guard !diff.likelyRenames.isEmpty else { return }
    let output = StandardOutput.shared
    output.line("likely the same under another name:")
    var prefixed: [String: Int] = [:]
    for rename in diff.likelyRenames {
      if let prefix = DiffReport.prefix(rename) { prefixed[prefix, default: 0] += 1 }
    }
    for (prefix, count) in prefixed.sorted(by: { $0.key < $1.key }) where count > 1 {
      output.line(
        "  \(grouped(count)) keys, but for \(quoted(prefix)) at the start: "
          + "compare them with --ignore-prefix \(shown(prefix))")
    }
    for rename in diff.likelyRenames {
      if let prefix = DiffReport.prefix(rename), prefixed[prefix, default: 0] > 1 { continue }
      let proof = rename.isSameContent ? "same bytes" : "same ending and shape"
      output.line("  \(shown(rename.from.string)) => \(shown(rename.to.string)) (\(proof))")
    }
  }

  /// What stands before one of the keys and is all that they differ in.
  private static func prefix(_ rename: LikelyRename) -> String? {
    let (short, long) =
      rename.from.string.utf8.count < rename.to.string.utf8.count
      ? (rename.from.string, rename.to.string) : (rename.to.string, rename.from.string)
    guard long.hasSuffix("." + short) else { return nil }
    return String(long.dropLast(short.count))
  }

  private func printChanges() {
    guard !diff.changed.isEmpty else { return }
    var table = Table([
      .init("~"), .init("KEY", shrinks: true), .init("DTYPE"), .init("SHAPE"),
      .init("MAX ABS", .right), .init("REL L2", .right), .init("COSINE", .right),
      .init("CHANGED", .right),
    ])
    for change in diff.changed {
      let name =
        change.key == change.keyInB
        ? shown(change.key.string)
        : "\(shown(change.key.string)) => \(shown(change.keyInB.string))"
      let dtypes = change.dtypes.map(\.name)
      let shapes = change.shapes.map { shapeText($0.dimensions) }
      var cells = [
        "~", name, change.isDTypeChanged ? dtypes.joined(separator: " => ") : dtypes[0],
        change.isShapeChanged ? shapes.joined(separator: " => ") : shapes[0],
      ]
      if let values = change.values {
        cells += [
          significant(values.maxAbs), significant(values.relativeL2),
          significant(values.cosine, digits: 6), percentText(values.changedFraction),
        ]
      } else {
        cells += ["-", "-", "-", "-"]
      }
      table.append(cells)
    }
    let style = StandardOutput.shared.style
    table.paint = { line, _ in style.yellow(line) }
    table.print()
  }

  /// `2 only in A, 4 only in B, 1 changed, 101 same`.
  private var summary: String {
    let last = keysOnly ? "\(grouped(diff.same)) in both" : "\(grouped(diff.same)) same"
    var parts: [String] = []
    if !diff.onlyInA.isEmpty { parts.append("\(grouped(diff.onlyInA.count)) only in \(a.path)") }
    if !diff.onlyInB.isEmpty { parts.append("\(grouped(diff.onlyInB.count)) only in \(b.path)") }
    if !diff.changed.isEmpty { parts.append("\(grouped(diff.changed.count)) changed") }
    return (parts + [last]).joined(separator: ", ")
  }
}

/// `12.5 %`; never 0 for something, nor 100 for less than everything.
func percentText(_ fraction: Double) -> String {
  guard fraction.isFinite else { return "-" }
  let percent = 100 * fraction
  if percent > 0, percent < 0.05 { return "< 0.1 %" }
  if percent < 100, percent > 99.95 { return "> 99.9 %" }
  return "\(fixed(percent, digits: 1)) %"
}
