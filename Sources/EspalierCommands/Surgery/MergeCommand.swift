import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier merge`: merges several checkpoints into one.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge checkpoints: averages, SLERP, task arithmetic, TIES, DARE, EMA.",
    usage: "espalier merge <input> ... --output <output> [<options>]",
    discussion: """
      The inputs must have the same keys and shapes; espalier edit can change them. Tensors are \
      streamed, and get the dtype of the base, or of the first input.

        espalier merge a b -o soup
        espalier merge a b --weight 0.7 --weight 0.3 -o soup.safetensors
        espalier merge a b --method slerp --t 0.4 -o between.safetensors
        espalier merge a b --method ties --base base --density 0.2 -o both

      linear      the weighted mean, Σwx / Σw
      slerp       the point at t on the arc between two tensors
      task        base + λ·Σw(x - base)
      ties        the mean of the largest differences with the majority's sign
      dare        a random share of the differences, scaled up
      ema         decay·before + (1 - decay)·next, in the order of the inputs

      To merge a LoRA adapter, use espalier edit --merge-lora.
      """)

  @Argument(
    help: "Two or more checkpoints.", completion: .file(), transform: HuggingFaceCache.path(of:))
  var inputs: [String]

  @OptionGroup var written: CheckpointOutput

  @Option(
    help: "The method that combines elements.",
    transform: { name in
      guard let method = Merge.Method(rawValue: name) else {
        let names = Merge.Method.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(name)' is not a method; use one of \(names)")
      }
      return method
    })
  var method: Merge.Method = .linear

  @Option(
    help: ArgumentHelp("The base of the differences (task, ties, dare).", valueName: "file"),
    completion: .file())
  var base: String?

  @Option(
    name: .customLong("weight"),
    help: ArgumentHelp("The weight of an input; give one for each, in order.", valueName: "w")
  )
  var weights: [Double] = []

  @Option(
    help: ArgumentHelp(
      "The factor of the differences (task, ties, dare); default: 1.", valueName: "factor")
  )
  var lambda: Double?

  @Option(
    help: ArgumentHelp(
      "The share of the differences that is kept (ties, dare); default: 0.5.", valueName: "share"))
  var density: Double?

  @Option(
    help: ArgumentHelp(
      "The position between the first and the second input (slerp); default: 0.5.", valueName: "0…1"
    ))
  var t: Double?

  @Option(
    help: ArgumentHelp("The share that is kept at each step (ema); default: 0.9.", valueName: "0…1")
  )
  var decay: Double?

  @Option(help: ArgumentHelp("The seed of the differences that dare drops.", valueName: "n"))
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
        "\(option.name) has no effect with --method \(method.rawValue); "
          + "use it with \(option.methods.map(\.rawValue).joined(separator: ", "))")
    }
    guard inputs.count > 1 || base != nil else {
      throw ValidationError("there is only one input; pass at least two")
    }
    if method.needsBase != (base != nil) {
      throw ValidationError(
        method.needsBase
          ? "--method \(method.rawValue) needs a base; pass --base FILE"
          : "--method \(method.rawValue) uses no base; leave out --base")
    }
    if !weights.isEmpty, weights.count != inputs.count {
      throw ValidationError(
        "\(Text.counted(inputs.count, "input")) but \(Text.counted(weights.count, "weight")); pass one --weight for each input"
      )
    }
    if method == .slerp, inputs.count != 2 {
      throw ValidationError("--method slerp takes two inputs (found \(inputs.count))")
    }
    try ModelOutput.checkEnding(of: written.output)
  }

  func run() throws {
    let checkpoints = try inputs.map { try foreign.open($0) }
    let start = try base.map { try foreign.open(HuggingFaceCache.path(of: $0)) }
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
            ? "are not floating-point and differ; they are"
            : "is not floating-point and differs; it is")
          + " taken from \(start?.path ?? checkpoints[0].path)")
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
      StandardOutput.shared.sentence(
        "\(written.output): \(Text.counted(count, "tensor")) merged from "
          + "\(Text.counted(inputs.count, "checkpoint")) (\(method.rawValue))"
          + (rest > 0
            ? ", \(grouped(rest)) not floating-point and copied" : "")
      )
    }
  }
}
