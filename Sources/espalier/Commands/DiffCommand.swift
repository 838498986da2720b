import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `espalier diff`: what differs between two checkpoints.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints: keys, dtypes, shapes and values, across formats.",
    usage: "espalier diff <a> <b> [<selector> ...] [<options>]",
    discussion: """
      `-` stands only in A, `+` only in B, `~` in both and differs. Figures are the greatest absolute \
      difference, the L2 distance relative to A, the cosine, and the share of elements that differ. \
      Exit status: 0 nothing differs, 1 something does, 2 trouble.

        espalier diff before.safetensors after.bin
        espalier diff base tuned --ignore-prefix bert. --atol 1e-6
        espalier diff old.bin new.safetensors --rename '**.gamma=**.weight'
        espalier diff base tuned 'encoder.layer[-1]' --json
      """)

  @Argument(help: "The first checkpoint: a file, an index of shards, or a directory.")
  var a: String

  @Argument(help: "The second checkpoint.")
  var b: String

  @Argument(help: "What to compare; without selectors, everything.")
  var selectors: [String] = []

  @Flag(help: "Compare which keys there are, and nothing else.")
  var keysOnly = false

  @Option(
    help: ArgumentHelp(
      "Elements differ when |b - a| > atol + rtol * |b|.", valueName: "number"))
  var atol = 0.0

  @Option(help: ArgumentHelp("See --atol.", valueName: "number"))
  var rtol = 0.0

  @Option(
    help: ArgumentHelp(
      "Compare keys of A under another name; wildcards keep what they match.", valueName: "from=to")
  )
  var rename: [String] = []

  @Option(
    help: ArgumentHelp("Leave this out at the start of keys, on both sides.", valueName: "prefix"))
  var ignorePrefix: [String] = []

  @OptionGroup var selection: SelectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard atol >= 0, rtol >= 0, atol.isFinite, rtol.isFinite else {
      throw ValidationError("--atol and --rtol take numbers of 0 or more")
    }
    if keysOnly, atol > 0 || rtol > 0 {
      throw ValidationError("--keys-only compares no values: leave out --atol and --rtol")
    }
  }

  func run() throws {
    let first = try Checkpoint.open(a)
    let second = try Checkpoint.open(b)
    for checkpoint in [first, second] {
      for entry in checkpoint.unsupported {
        StandardError.note(
          "\(checkpoint.path): \(quoted(entry.key.string)) is not compared: \(entry.reason)")
      }
    }
    var options = Diff.Options()
    options.atol = atol
    options.rtol = rtol
    options.keysOnly = keysOnly
    options.renames = try rename.map { try KeyRewrite($0) }
    options.ignoredPrefixes = ignorePrefix
    options.selectors = selectors.isEmpty ? nil : try SelectorList(selectors)
    if selection.explain || selection.expect != nil {
      try report(try Diff.selection(first, second, options: options), first, second)
    }
    let diff = try Diff(first, second, options: options)
    if output.json {
      StandardOutput.shared.line(diff.json.text(indent: 2))
    } else {
      DiffReport(diff, first, second, keysOnly: keysOnly).print()
    }
    if !diff.isEmpty { throw ExitStatus.no }
  }

  private func report(_ selected: Selection?, _ a: Checkpoint, _ b: Checkpoint) throws {
    if let selected {
      selection.report(selected.explanations)
      if let expect = selection.expect { try selected.expect(expect) }
    } else if let expect = selection.expect {
      throw InputError("--expect \(expect) counts what selectors select, and there are none")
    }
  }
}

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

  func print() {
    let output = StandardOutput.shared
    printKeys()
    printChanges()
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
