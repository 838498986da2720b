import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier merge`: one checkpoint of several.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge checkpoints: averages, SLERP, task arithmetic, TIES, DARE, EMA.",
    usage: "espalier merge <input> ... --output <output> [<options>]",
    discussion: """
      The inputs have the same keys and shapes; espalier edit brings them together. Tensors are \
      streamed, and take the dtype of the base, or of the first input.

        espalier merge a b -o soup
        espalier merge a b --weight 0.7 --weight 0.3 -o soup.safetensors
        espalier merge a b --method slerp --t 0.4 -o between.safetensors
        espalier merge a b --method ties --base base --density 0.2 -o both

      linear      Σwx / Σw
      slerp       along the arc between two tensors, t of the way
      task        base + λ·Σw(x - base)
      ties        the largest differences whose sign the majority has, averaged
      dare        a random share of the differences, scaled up
      ema         decay·before + (1 - decay)·next, in the order of the inputs

      A LoRA adapter is merged by espalier edit --merge-lora.
      """)

  @Argument(help: "Two or more checkpoints.", completion: .file(), transform: CheckpointName.path)
  var inputs: [String]

  @OptionGroup var written: CheckpointOutput

  @Option(
    help: "How elements are combined.",
    transform: { name in
      guard let method = Merge.Method(rawValue: name) else {
        let names = Merge.Method.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(name)' is no method; methods are \(names)")
      }
      return method
    })
  var method: Merge.Method = .linear

  @Option(
    help: ArgumentHelp("What task, ties and dare count from.", valueName: "file"),
    completion: .file())
  var base: String?

  @Option(
    name: .customLong("weight"), help: ArgumentHelp("One for each input, in order.", valueName: "w")
  )
  var weights: [Double] = []

  @Option(
    help: ArgumentHelp("Scales the differences (task, ties, dare); default 1.", valueName: "factor")
  )
  var lambda: Double?

  @Option(
    help: ArgumentHelp(
      "The share of differences that stay (ties, dare); default 0.5.", valueName: "share"))
  var density: Double?

  @Option(
    help: ArgumentHelp(
      "How far from the first to the second (slerp); default 0.5.", valueName: "0…1"))
  var t: Double?

  @Option(help: ArgumentHelp("What is kept at each step (ema); default 0.9.", valueName: "0…1"))
  var decay: Double?

  @Option(help: ArgumentHelp("Chooses what dare drops.", valueName: "n"))
  var seed: UInt64?

  @OptionGroup var foreign: ForeignOptions
  @OptionGroup var older: ReplaceOptions
  @OptionGroup var shards: ShardOptions
  @OptionGroup var format: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    let options: [(name: String, isGiven: Bool, methods: [Merge.Method])] = [
      ("--lambda", lambda != nil, [.task, .ties, .dare]),
      ("--density", density != nil, [.ties, .dare]), ("--t", t != nil, [.slerp]),
      ("--decay", decay != nil, [.ema]), ("--seed", seed != nil, [.dare]),
    ]
    for option in options where option.isGiven && !option.methods.contains(method) {
      throw ValidationError(
        "\(option.name) belongs to \(option.methods.map(\.rawValue).joined(separator: ", ")), "
          + "not to --method \(method.rawValue)")
    }
    guard inputs.count > 1 || base != nil else {
      throw ValidationError("one input is nothing to merge")
    }
    if method.needsBase != (base != nil) {
      throw ValidationError(
        method.needsBase
          ? "--method \(method.rawValue) needs a --base"
          : "--method \(method.rawValue) has no use for a --base")
    }
    if !weights.isEmpty, weights.count != inputs.count {
      throw ValidationError(
        "\(grouped(weights.count)) × --weight for \(plural(inputs.count, "input")): give one for each"
      )
    }
    if method == .slerp, inputs.count != 2 {
      throw ValidationError("--method slerp takes two inputs, not \(inputs.count)")
    }
    try ModelOutput.checkEnding(of: written.output)
  }

  func run() throws {
    let checkpoints = try inputs.map { try foreign.open($0) }
    let start = try base.map { try foreign.open(CheckpointName.path($0)) }
    let merge = Merge(
      method, weights: weights, lambda: lambda ?? 1, density: density ?? 0.5, t: t ?? 0.5,
      decay: decay ?? 0.9, seed: seed ?? 0
    )
    let merged = try checkpoints.merging(merge, base: start)
    let bar = Progress(
      "merging", total: merged.tensors.values.reduce(0) { $0 &+ $1.byteCount }, unit: .bytes,
      mode: progress.progress)
    try ModelOutput(
      base: start ?? checkpoints[0], path: written.output, ignoresForeign: foreign.ignoreForeign,
      shardByteCount: shards.shardSize?.bytes, replacesOlder: older.replace
    ).write(merged, progress: bar)
    bar.finish()
    let kept = try Merge.unmerged((start.map { [$0] } ?? []) + checkpoints)
    if let first = kept.first {
      StandardError.note(
        "\(quoted(first.string))\(kept.count > 1 ? " and \(grouped(kept.count - 1)) more" : "") "
          + (kept.count > 1
            ? "hold no floats and differ: they are" : "holds no floats and differs: it is")
          + " that of \(start?.path ?? checkpoints[0].path)")
    }
    PartedTie.note(in: start ?? checkpoints[0], merged, writtenTo: written.output)
    let count = merged.tensors.values.count { $0.dtype.isFloatingPoint }
    if format.json {
      var json = JSONStream()
      json.member("path", .string(written.output))
      json.member("method", .string(method.rawValue))
      json.member("tensors", .integer(merged.tensors.count))
      json.member("merged", .integer(count))
      json.finish()
    } else {
      let rest = merged.tensors.count - count
      StandardOutput.shared.line(
        "\(written.output): \(plural(count, "tensor")) merged from "
          + "\(plural(inputs.count, "checkpoint")) (\(method.rawValue))"
          + (rest > 0
            ? ", \(grouped(rest)) without floats taken as \(rest == 1 ? "it is" : "they are")" : "")
      )
    }
  }
}
