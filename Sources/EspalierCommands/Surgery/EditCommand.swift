import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Synchronization

/// `espalier edit`: ordered operations on a checkpoint.
struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Rename, drop, cast, slice, resize and combine tensors.",
    usage: "espalier edit <input> --output <output> <operation> ... [<options>]",
    discussion: """
      Operations are done in the order in which they stand. --dry-run shows them as a diff and writes \
      nothing. Tensors are streamed: a checkpoint may be larger than memory. The output is a file when \
      it ends in .safetensors, .bin, .pt, .pth or .ckpt, otherwise a new directory with the \
      tokenizer and the configuration of the input; its number of layers, of rows and its dtype follow.

        espalier edit bert.bin -o new.safetensors --preset gamma-beta --drop cls
        espalier edit m.safetensors -o half.safetensors --cast '**=BF16' --dry-run
        espalier edit m.safetensors -o deep.safetensors --layers h=0:8,4:12
        espalier edit m.safetensors -o n.bin --rename 'h[{i}].**=block[{i}].**'
        espalier edit m.safetensors -o new.safetensors --recipe recipe.yaml
        espalier edit model --in-place --cast '**=F16' --shard-size 2GB

      docs/recipes.md describes every operation. --expect counts a tensor once for each operation.
      """)

  @Argument(
    help: "A safetensors or PyTorch file, an index of shards, or a directory.", completion: .file())
  var input: String

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("The file or the new directory to write.", valueName: "output"),
    completion: .file())
  var output: String?

  @OptionGroup(title: "Operations") var operations: EditOperations

  @Option(help: ArgumentHelp("Chooses the values of tensors that are added.", valueName: "n"))
  var seed: UInt64?

  @Flag(help: "Show what would be done, and write nothing.")
  var dryRun = false

  @Flag(
    help: """
      Allow the output to replace the input; without --output, the input is replaced. A directory and \
      its shards keep their layout.
      """)
  var inPlace = false

  @OptionGroup var foreign: ForeignOptions
  @OptionGroup var older: ReplaceOptions

  @OptionGroup var groups: GroupOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var shards: ShardOptions
  @OptionGroup var format: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func run() throws {
    try groups.check(against: [("--json", format.json)])
    // Here and not in validate(), which would speak before a misspelt option is noticed.
    if operations.ordered.isEmpty, inPlace, !dryRun, output == nil,
      try Checkpoint.finishReplacing(input)
    {
      return StandardError.note("\(input): the change that was interrupted is finished")
    }
    if operations.ordered.isEmpty {
      throw ValidationError("an operation is missing, such as --drop")
    }
    if output == nil, !dryRun, !inPlace {
      throw ValidationError("--output says where to write; --dry-run writes nothing")
    }
    if let output { try ModelOutput.checkEnding(of: output) }
    let plan = try plan(try Checkpoint.open(inPlace ? input : CheckpointName.path(input)))
    var target: ModelOutput?
    if let path = output ?? (inPlace ? input : nil) {
      target = ModelOutput(
        base: plan.base, path: path, inPlace: inPlace, ignoresForeign: foreign.ignoreForeign,
        shardByteCount: shards.shardSize?.bytes, origins: plan.origins,
        replacesOlder: older.replace)
    }
    // What is refused is refused before anything is shown.
    try InputError.naming(input) { try plan.check() }
    try target?.check(plan.apply())
    try report(plan)
    let display = EditDisplay(plan, target, groups: groups)
    if !format.json { display.print() }
    // A person reads the plan while it is carried out.
    if StandardOutput.shared.isTerminal { StandardOutput.shared.flush() }
    for note in plan.notes + display.notes { StandardError.note(note) }
    if !dryRun, let target { try write(plan, target) }
    if format.json { display.printJSON(path: dryRun ? nil : target?.path) }
  }

  /// `--explain` and `--expect`.
  private func report(_ plan: SurgeryPlan) throws {
    selection.report(plan.explanations)
    let count = plan.steps.reduce(0) { $0 + $1.count }
    if let expect = selection.expect, count != expect {
      let steps = plan.steps.map { "\(shown($0.operation)) took \(grouped($0.count))" }
      throw InputError(
        "\(input): expected \(plural(expect, "tensor")), the operations take \(grouped(count)): "
          + steps.joined(separator: ", "))
    }
  }

  /// The plan of all operations.
  private func plan(_ base: Checkpoint) throws -> SurgeryPlan {
    var steps: [(operation: SurgeryOperation, seed: UInt64?, isTyped: Bool)] = []
    for step in operations.ordered {
      if step.name == "recipe" {
        let recipe = try Recipe(path: step.arguments[0])
        steps += recipe.steps.map { ($0, seed ?? recipe.seed, false) }
      } else {
        steps.append((try SurgeryOperation(step.name, step.arguments), seed, true))
      }
    }
    if seed != nil, !steps.contains(where: { $0.operation.kind == .add }) {
      throw ValidationError("--seed chooses the values of --add, and nothing is added")
    }
    var plan = SurgeryPlan(base)
    plan.ignoresForeign = foreign.ignoreForeign
    if foreign.ignoreForeign { base.noteLeftOut() }
    for step in steps {
      if let seed = step.seed { plan.seed = seed }
      try InputError.naming(input) {
        do { try plan.append(step.operation) } catch let error as SurgeryError
          where error.kind == .syntax && step.isTyped
        {
          throw ValidationError(error.description)
        }
      }
    }
    return plan
  }

  private func write(_ plan: SurgeryPlan, _ target: ModelOutput) throws {
    let result = plan.apply()
    let bar = Progress(
      "writing", total: result.tensors.values.reduce(0) { $0 &+ $1.byteCount }, unit: .bytes,
      mode: progress.progress)
    try target.write(result, progress: bar)
    bar.finish()
    plan.losses.warn()
  }
}
/// The operations of a command line, in the order in which they stand there.
struct EditOperations: ParsableArguments {
  /// An operation and its place among the others.
  struct Step: Sendable {
    let name: String
    var arguments: [String]
    let place: Int
  }

  /// Counts the operations as they are parsed, from left to right.
  private static let places = Atomic(0)

  private static func step(_ name: String) -> @Sendable (String) throws -> Step {
    { argument in
      Step(
        name: name, arguments: [argument],
        place: places.wrappingAdd(1, ordering: .relaxed).oldValue)
    }
  }

  @Option(
    name: .customLong("rename"),
    help: .init(
      "Give keys new names; {i} captures, * and ** stand on both sides, /regex/ has $1.",
      valueName: "from=to"), transform: step("rename"))
  var renames: [Step] = []

  @Option(
    name: .customLong("add-prefix"), help: .init("Put a text before every key.", valueName: "text"),
    transform: step("add-prefix"))
  var addedPrefixes: [Step] = []

  @Option(
    name: .customLong("strip-prefix"),
    help: .init("Cut a text off the keys that begin with it.", valueName: "text"),
    transform: step("strip-prefix"))
  var strippedPrefixes: [Step] = []

  @Option(
    name: .customLong("drop"), help: .init("Leave out tensors, or rows.", valueName: "selector"),
    transform: step("drop"))
  var drops: [Step] = []

  @Option(
    name: .customLong("keep"),
    help: .init("Leave out everything else.", valueName: "selector"), transform: step("keep"))
  var keeps: [Step] = []

  @Option(
    name: .customLong("cast"),
    help: .init(
      "Round to another dtype; `,saturate` keeps what is too large finite.",
      valueName: "selector=dtype"), transform: step("cast"))
  var casts: [Step] = []

  @Option(
    name: .customLong("copy"),
    help: .init("Have tensors under another name, too.", valueName: "from=to"),
    transform: step("copy"))
  var copies: [Step] = []

  @Option(
    name: .customLong("layers"),
    help: .init(
      "These layers, in this order, numbered anew; a layer may come twice.",
      valueName: "node=0:8,4:12"), transform: step("layers"))
  var layers: [Step] = []

  @Option(
    name: .customLong("slice"),
    help: .init("Keep a range of each dimension.", valueName: "selector=[0:10, :]"),
    transform: step("slice"))
  var slices: [Step] = []

  @Option(
    name: .customLong("split"),
    help: .init("Cut a tensor into several.", valueName: "from=a,b,c@dim"),
    transform: step("split"))
  var splits: [Step] = []

  @Option(
    name: .customLong("concat"),
    help: .init("Put several tensors together.", valueName: "a,b,c=to@dim"),
    transform: step("concat"))
  var concats: [Step] = []

  @Option(
    name: .customLong("transpose"),
    help: .init("Exchange the last two dimensions.", valueName: "selector"),
    transform: step("transpose"))
  var transposes: [Step] = []

  @Option(
    name: .customLong("resize"),
    help: .init(
      "Keep the first rows, or add rows that are the mean of the existing ones, or `,zeros`; see --prune.",
      valueName: "selector=rows"), transform: step("resize"))
  var resizes: [Step] = []

  @Option(
    name: .customLong("prune"),
    help: .init(
      "Keep the rows of a list: row numbers, or tokens with their vocabulary; see --resize.",
      valueName: "selector=list[:vocab]"), transform: step("prune"))
  var prunes: [Step] = []

  @Option(
    name: .customLong("add"),
    help: .init(
      "Add a tensor: zeros, ones, normal(STD), uniform(BOUND), kaiming.",
      valueName: "key=F32[2,768]:init"), transform: step("add"))
  var additions: [Step] = []

  @Option(
    name: .customLong("scale"),
    help: .init("Multiply by a number.", valueName: "selector=factor"), transform: step("scale"))
  var scales: [Step] = []

  @Option(
    name: .customLong("tie"),
    help: .init("Let a key name the tensor of another.", valueName: "key=other"),
    transform: step("tie"))
  var ties: [Step] = []

  @Option(
    name: .customLong("untie"),
    help: .init("Give tensors bytes of their own.", valueName: "selector"),
    transform: step("untie"))
  var unties: [Step] = []

  @Option(
    name: .customLong("from"),
    help: .init("Take tensors, or rows, of another checkpoint.", valueName: "file:selector"),
    transform: step("from"))
  var sources: [Step] = []

  @Option(
    name: .customLong("merge-lora"),
    help: .init("Merge a LoRA adapter, as PEFT does.", valueName: "directory"),
    completion: .directory,
    transform: step("merge-lora"))
  var adapters: [Step] = []

  @Option(
    name: .customLong("metadata"),
    help: .init("Set metadata; without a value, take it away.", valueName: "name=value"),
    transform: step("metadata"))
  var metadata: [Step] = []

  @Option(
    name: .customLong("preset"),
    help: .init(
      "\(SurgeryPreset.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "name"),
    transform: step("preset"))
  var presets: [Step] = []

  @Option(
    name: .customLong("recipe"),
    help: .init("Do the steps of a YAML file.", valueName: "file"), completion: .file(),
    transform: step("recipe"))
  var recipes: [Step] = []

  /// All of them, in the order of the command line. `--keep a --keep b` keeps both.
  var ordered: [Step] {
    let all = [
      renames, addedPrefixes, strippedPrefixes, drops, keeps, casts, copies, layers, slices, splits,
      concats, transposes, resizes, prunes, additions, scales, ties, unties, sources, adapters,
      metadata, presets, recipes,
    ]
    var steps: [Step] = []
    for step in all.flatMap({ $0 }).sorted(by: { $0.place < $1.place }) {
      if step.name == "keep", steps.last?.name == "keep" {
        steps[steps.count - 1].arguments += step.arguments
      } else {
        steps.append(step)
      }
    }
    return steps
  }
}
