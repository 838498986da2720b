import CheckpointFiles
import ParameterSurgery

/// A difference as `git diff --stat` shows it: one line for each tensor, and the counts at the end.
struct DiffReport {
  private let diff: Diff
  private let a: Checkpoint
  private let b: Checkpoint
  private let keysOnly: Bool
  private let folds: Bool
  private let options: GroupOptions

  init(_ diff: Diff, _ a: Checkpoint, _ b: Checkpoint, keysOnly: Bool, groups: GroupOptions) {
    self.diff = diff
    self.a = a
    self.b = b
    self.keysOnly = keysOnly
    options = groups
    folds = groups.folds(diff.onlyInA.count + diff.onlyInB.count + diff.changed.count)
  }

  /// Prints everything; without `details`, only the renames and the counts.
  func print(details: Bool = true) {
    let output = StandardOutput.shared
    var lists: [KeyGroups] = []
    if details {
      lists += printKeys()
      lists += printChanges()
    }
    printRenames()
    options.note(lists)
    output.paragraph(summary)
  }

  private func printKeys() -> [KeyGroups] {
    var table = Table(
      [.init(""), .init("KEY", shrinks: true, breaks: folds)]
        + (folds ? [.init("COUNT", .right)] : [])
        + [.init("DTYPE"), .init("SHAPE", yields: true), .init("SIZE", .right)])
    table.hasHeadings = false
    func append(_ sign: String, _ keys: [Key], in checkpoint: Checkpoint) -> KeyGroups {
      let groups = KeyGroups(keys.count, folds: folds, among: checkpoint.keys) {
        [keys[$0]]
      } trait: { index in
        checkpoint[keys[index]].map {
          TensorKind(dtype: $0.dtype, dimensions: $0.shape.dimensions)
        }
      }
      for group in groups.groups {
        guard let tensor = checkpoint[keys[group.first]] else { continue }
        let (bytes, overflow) = tensor.byteCount.multipliedReportingOverflow(by: group.rows.count)
        table.append(
          [sign, group.name] + (folds ? [group.times] : []) + [
            tensor.dtype.name, shapeText(tensor.shape.dimensions),
            byteText(overflow ? .max : bytes),
          ])
      }
      return groups
    }
    var lists = [append("-", diff.onlyInA, in: a)]
    let removed = table.rows.count
    lists.append(append("+", diff.onlyInB, in: b))
    let style = StandardOutput.shared.style
    table.paint = { line, index in index < removed ? style.red(line) : style.green(line) }
    table.print()
    return lists
  }

  /// Likely renames; those that add one prefix to many keys, or remove it, take one line.
  private func printRenames() {
    guard !diff.likelyRenames.isEmpty else { return }
    let output = StandardOutput.shared
    output.line("likely renamed:")
    let prefixes = RenamePrefixes(diff.likelyRenames)
    for hint in prefixes.hints {
      let (sentence, option) = RenamePrefixes.text(hint)
      output.paragraph("\(sentence): pass \(option)", indent: 2)
    }
    let others = prefixes.others
    let groups = KeyGroups(others.count, folds: folds) {
      [others[$0].from, others[$0].to]
    } trait: {
      others[$0].isSameContent
    }
    for group in groups.groups {
      let proof = others[group.first].isSameContent ? "same bytes" : "same ending and shape"
      let times = group.times.isEmpty ? "" : "\(group.times), "
      let line = "\(group.name) (\(times)\(proof))"
      guard let width = output.width, displayWidth(line) > width - 2 else {
        output.line("  \(line)")
        continue
      }
      // Two long keys take two lines.
      let names = group.names
      for (index, name) in names.enumerated() {
        let margin = index == 0 ? "  " : "    => "
        let text = index == names.count - 1 ? "\(name) (\(times)\(proof))" : name
        // A selector is copied, and a key is compared with the other one: neither is cut.
        output.line(margin + text)
      }
    }
  }

  /// What the changed tensors of one group have in common.
  private struct ChangeKind: Hashable {
    let dtypes: [DType]
    let shapes: [Shape]
  }

  private func printChanges() -> [KeyGroups] {
    let changed = diff.changed
    guard !changed.isEmpty else { return [] }
    var table = Table(
      [.init("~"), .init("KEY", shrinks: true, breaks: folds)]
        + (folds ? [.init("COUNT", .right)] : []) + [
          .init("DTYPE"), .init("SHAPE", yields: true), .init("MAX ABS", .right, yields: true),
          .init("REL L2", .right), .init("COSINE", .right, yields: true), .init("CHANGED", .right),
        ])
    let groups = KeyGroups(changed.count, folds: folds, among: a.keys) {
      changed[$0].key == changed[$0].keyInB
        ? [changed[$0].key] : [changed[$0].key, changed[$0].keyInB]
    } trait: {
      ChangeKind(dtypes: changed[$0].dtypes, shapes: changed[$0].shapes)
    }
    for group in groups.groups {
      let change = changed[group.first]
      let dtypes = change.dtypes.map(\.name)
      let shapes = change.shapes.map { shapeText($0.dimensions) }
      var cells =
        ["~", group.name] + (folds ? [group.times] : []) + [
          change.isDTypeChanged ? dtypes.joined(separator: " => ") : dtypes[0],
          change.isShapeChanged ? shapes.joined(separator: " => ") : shapes[0],
        ]
      if let values = WorstDifference(group.rows.compactMap { changed[$0].values }) {
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
    return [groups]
  }

  /// `2 only in A, 4 only in B, 1 changed, 101 same`.
  private var summary: String {
    let last = keysOnly ? "\(grouped(diff.same)) in both" : "\(grouped(diff.same)) same"
    var parts: [String] = []
    if !diff.onlyInA.isEmpty {
      parts.append("\(grouped(diff.onlyInA.count)) only in \(oneLine(a.path))")
    }
    if !diff.onlyInB.isEmpty {
      parts.append("\(grouped(diff.onlyInB.count)) only in \(oneLine(b.path))")
    }
    if !diff.changed.isEmpty { parts.append("\(grouped(diff.changed.count)) changed") }
    return (parts + [last]).joined(separator: ", ")
  }
}

/// The figures of a group of tensors of one shape: the worst of each, and the share of all elements
/// that changed.
struct WorstDifference {
  let maxAbs: Double
  let relativeL2: Double
  let cosine: Double
  let changedFraction: Double

  /// `nil` when nothing was measured.
  init?(_ values: [ValueDifference]) {
    guard let first = values.first else { return nil }
    // What is not a number is worse than any.
    func worst(_ figure: (ValueDifference) -> Double, _ isWorse: (Double, Double) -> Bool) -> Double
    {
      values.reduce(figure(first)) { worst, next in
        worst.isNaN
          ? worst : figure(next).isNaN || isWorse(figure(next), worst) ? figure(next) : worst
      }
    }
    maxAbs = worst(\.maxAbs, >)
    relativeL2 = worst(\.relativeL2, >)
    cosine = worst(\.cosine, <)
    changedFraction = values.reduce(0) { $0 + $1.changedFraction } / Double(values.count)
  }
}
