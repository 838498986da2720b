import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier diff`: compares two checkpoints.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints: keys, dtypes, shapes and values, across formats.",
    usage: "espalier diff <a> <b> [<selector> ...] [--base <base>] [<options>]",
    discussion: """
      `-` marks a tensor that is only in A, `+` one that is only in B, `~` one that differs. The figures \
      are the largest absolute difference, the L2 distance relative to A, the cosine, and the share of \
      elements that differ. With --base, `A` and `B` mark a tensor that only A or only B changed, `=` \
      one that both changed to the same values, `!` one that both changed to different values. With \
      --group, the figures are the worst of the group, and the share is that of all its elements. Exit \
      status, as for git diff --exit-code: 0 no difference, 1 a difference; 2 an error.

        espalier diff before.safetensors after.bin
        espalier diff base tuned --ignore-prefix bert. --atol 1e-6
        espalier diff old.bin new.safetensors --rename '**.gamma=**.weight'
        espalier diff base tuned 'encoder.layer[-1]' --json
        espalier diff base tuned --summary --histogram --html diff.html
        espalier diff --base base mine theirs
        espalier diff base tuned --group
      """)

  @Argument(
    help: "The first checkpoint: a file, an index of shards, or a directory.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var a: String

  @Argument(
    help: "The second checkpoint.", completion: .file(), transform: HuggingFaceCache.path(of:))
  var b: String

  @Argument(help: "The tensors to compare; default: all.")
  var selectors: [String] = []

  @Flag(help: "Compare only keys, dtypes and shapes, not values.")
  var keysOnly = false

  @Option(
    help: ArgumentHelp(
      "Absolute tolerance: elements differ when |b - a| > atol + rtol * |b|.", valueName: "number"))
  var atol = 0.0

  @Option(help: ArgumentHelp("Relative tolerance; see --atol.", valueName: "number"))
  var rtol = 0.0

  @Option(
    help: ArgumentHelp(
      "Compare a key of A under another name; wildcards keep the matched text.",
      valueName: "from=to")
  )
  var rename: [String] = []

  @Option(
    help: ArgumentHelp("Ignore this prefix of keys in A and B.", valueName: "prefix"))
  var ignorePrefix: [String] = []

  @Flag(help: "Print one line for all layers together instead of one for each tensor.")
  var summary = false

  @Flag(
    help: "Draw the relative change of each layer, and the number of tensors by relative change.")
  var histogram = false

  @Option(
    help: ArgumentHelp("Also write an HTML page with all of this.", valueName: "file"),
    completion: .file())
  var html: String?

  @Option(
    help: ArgumentHelp("Compare A and B with this common ancestor.", valueName: "file"),
    completion: .file())
  var base: String?

  @Flag(name: [.short, .long], help: "Print nothing; only set the exit status.")
  var quiet = false

  @OptionGroup var groups: GroupOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard atol >= 0, rtol >= 0, atol.isFinite, rtol.isFinite else {
      throw ValidationError("--atol and --rtol take numbers that are 0 or more")
    }
    if keysOnly, atol > 0 || rtol > 0 {
      throw ValidationError("--keys-only compares no values; leave out --atol and --rtol")
    }
    let twoOnly = [
      ("--summary", summary), ("--histogram", histogram), ("--html", html != nil),
      ("--rename", !rename.isEmpty),
    ]
    if base != nil, let option = twoOnly.first(where: \.1) {
      throw ValidationError("\(option.0) compares two checkpoints and --base three; leave out one")
    }
    if keysOnly,
      let option = [("--histogram", histogram), ("--html", html != nil)].first(where: \.1)
    {
      throw ValidationError(
        "\(option.0) shows values, and --keys-only compares none; leave out one")
    }
    if quiet, output.json || summary || histogram {
      throw ValidationError("--quiet prints nothing; leave out --json, --summary and --histogram")
    }
    try groups.check(against: [("--json", output.json)])
    if groups.group == true,
      let option = [("--summary", summary), ("--histogram", histogram), ("--quiet", quiet)].first(
        where: \.1)
    {
      throw ValidationError("\(option.0) prints no lines for tensors; leave out --group")
    }
  }

  func run() throws {
    var options = Diff.Options()
    do { options.renames = try rename.map { try KeyRewrite($0) } } catch let error as SurgeryError {
      throw ValidationError(error.description)
    }
    let first = try opened(a)
    let second = try opened(b)
    if let html { try WholeFile.checkWriting(to: html, first, second) }
    options.atol = atol
    options.rtol = rtol
    options.keysOnly = keysOnly
    options.ignoredPrefixes = ignorePrefix
    options.selectors = selectors.isEmpty ? nil : try SelectorList(selectors)
    let bar = Progress("comparing", unit: .bytes, mode: progress.progress)
    options.progress = { done, total in bar.reach(done, of: total) }
    defer { bar.finish() }
    if selection.explain || selection.expect != nil
      || selectors.contains(where: { $0.hasPrefix("!") })
    {
      try report(try Diff.selection(first, second, options: options), first, second)
    }
    if let base {
      try compare(first, second, with: try opened(base), options)
    } else {
      try compare(first, second, options)
    }
  }

  private func opened(_ path: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint.open(HuggingFaceCache.path(of: path))
    checkpoint.noteForeign(unreadable: "is not compared")
    return checkpoint
  }

  private func compare(_ first: Checkpoint, _ second: Checkpoint, _ options: Diff.Options) throws {
    let diff = try Diff(first, second, options: options)
    StandardError.clearProgress()
    if !quiet, !keysOnly { noteQuantized(diff, first, second) }
    lazy var totals = DiffSummary(diff, first, second)
    if let html {
      let page = DiffPage(diff: diff, summary: totals, a: first, b: second)
      try WholeFile.write(Array(page.html.utf8), to: html)
    }
    if output.json {
      printJSON(diff, summary || histogram ? totals : nil)
    } else if !quiet {
      if summary { DiffSummaryDisplay(totals).printGroups() }
      if summary, histogram { StandardOutput.shared.line() }
      if histogram { DiffSummaryDisplay(totals).printHistogram() }
      DiffReport(diff, first, second, keysOnly: keysOnly, groups: groups)
        .print(details: !summary && !histogram)
    }
    if !diff.isEmpty { throw ExitStatus.no }
  }

  /// Notes that quantised numbers are compared as they are stored.
  private func noteQuantized(_ diff: Diff, _ first: Checkpoint, _ second: Checkpoint) {
    let (inA, inB) = (first.quantizedTensors, second.quantizedTensors)
    guard !inA.isEmpty || !inB.isEmpty else { return }
    let payloads = Set(inA.map(\.payload)).union(inB.map(\.payload))
    guard let change = diff.changed.first(where: { payloads.contains($0.key) }),
      let tensor = (inA + inB).first(where: { $0.payload == change.key })
    else { return }
    StandardError.note("values are compared as they are stored: \(tensor.refusal)")
  }

  /// The four members, and those that further options add.
  private func printJSON(_ diff: Diff, _ groups: DiffSummary?) {
    var members = diff.json.object ?? [:]
    if summary, let groups {
      members["summary"] = groups.groupsJSON
      members["likely_renames"] = diff.renamesJSON
    }
    if histogram, let groups {
      members["layers"] = groups.layersJSON
      members["histogram"] = groups.histogramJSON
    }
    JSONOutput.print(.object(members))
  }

  private func compare(
    _ first: Checkpoint, _ second: Checkpoint, with base: Checkpoint, _ options: Diff.Options
  ) throws {
    let diff = try ThreeWayDiff(base: base, first, second, options: options)
    StandardError.clearProgress()
    if output.json {
      JSONOutput.print(diff.json)
    } else if !quiet {
      ThreeWayDisplay(diff, a: a, b: b, groups: groups).print()
    }
    if !diff.isEmpty { throw ExitStatus.no }
  }

  private func report(_ selected: Selection?, _ a: Checkpoint, _ b: Checkpoint) throws {
    if let selected {
      selection.report(selected.explanations)
      if let expect = selection.expect { try selected.expect(expect) }
    } else if let expect = selection.expect {
      throw InputError(
        "--expect \(expect) counts selected tensors, but there are no selectors; pass one")
    }
  }
}
