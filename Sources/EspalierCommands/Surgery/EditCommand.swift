import ArgumentParser
import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// `espalier edit`: ordered operations on a checkpoint.
struct EditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Rename, drop, cast, slice, resize and combine tensors.",
    usage: "espalier edit <input> --output <output> <operation> ... [<options>]",
    discussion: """
      Operations are done in the order in which they are written. --dry-run shows them as a diff and writes \
      nothing. Tensors are streamed: a checkpoint may be larger than memory. The output is a file when \
      it ends in .safetensors, .bin, .pt, .pth or .ckpt, otherwise a new directory with the \
      tokenizer and the configuration of the input; its number of layers, of rows and its dtype follow.

        espalier edit bert.bin -o new.safetensors --preset gamma-beta --drop cls
        espalier edit m.safetensors -o half.safetensors --cast '**=BF16' --dry-run
        espalier edit m.safetensors -o deep.safetensors --layers h=0:8,4:12
        espalier edit m.safetensors -o n.bin --rename 'h[{i}].**=block[{i}].**'
        espalier edit m.safetensors -o new.safetensors --recipe recipe.yaml
        espalier edit model --in-place --cast '**=F16' --shard-size 2GB
        espalier edit epoch3.ckpt -o model --to transformers --dry-run
        espalier edit model -o small --trim-to texts.txt --verify-texts texts.txt

      'espalier help recipes' describes every operation. --expect counts a tensor once for each operation.
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

  @Option(
    help: ArgumentHelp(
      """
      Compare tokens, hidden states and logits of these texts, one a line, with those of the original model, and \
      write only when they are equal bit for bit. For operations on the vocabulary of an encoder.
      """, valueName: "file"), completion: .file())
  var verifyTexts: String?

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
    let expanded = try plan(try Checkpoint.open(inPlace ? input : HuggingFaceCache.path(of: input)))
    let plan = expanded.plan
    var target: ModelOutput?
    if let path = output ?? (inPlace ? input : nil) {
      target = ModelOutput(
        base: plan.base, path: path, inPlace: inPlace, ignoresForeign: foreign.ignoreForeign,
        shardByteCount: shards.shardSize?.bytes, origins: plan.origins,
        replacesOlder: older.replace)
    }
    let vocabulary = plan.editedVocabulary(before: expanded.tokenCount)
    target?.vocabulary = vocabulary
    if expanded.tokenCount != nil, let target, !target.writesConfiguration {
      throw InputError(
        "\(target.path): is a file, and a vocabulary changes together with the tokenizer and config.json; write to a "
          + "directory")
    }
    // What is refused is refused before anything is shown.
    try InputError.naming(input) { try plan.check() }
    try target?.check(plan.apply())
    try report(plan)
    let proof = try prove(plan, vocabulary)
    let display = try EditDisplay(plan, target, vocabulary, proof, groups: groups)
    if !format.json { display.print() }
    // A person reads the plan while it is carried out.
    if StandardOutput.shared.isTerminal { StandardOutput.shared.flush() }
    for note in expanded.notes + plan.notes + display.notes { StandardError.note(note) }
    let isRefused = proof?.difference != nil
    if let difference = proof?.difference, let verifyTexts {
      StandardError.line("espalier: error: \(difference.sentence(verifyTexts))")
    }
    if !dryRun, !isRefused, let target { try write(plan, target) }
    if format.json { display.printJSON(path: dryRun || isRefused ? nil : target?.path) }
    if isRefused { throw ExitStatus.no }
  }

  /// `--verify-texts`.
  private func prove(
    _ plan: SurgeryPlan, _ vocabulary: EditedVocabulary?
  ) throws -> VocabularyProof? {
    guard let verifyTexts else { return nil }
    guard let vocabulary else {
      throw InputError(
        "\(input): --verify-texts compares models before and after a change of the vocabulary, and nothing changes it"
      )
    }
    var output = ModelOutput(base: plan.base, path: plan.base.path, inPlace: true)
    (output.origins, output.vocabulary) = (plan.origins, vocabulary)
    let result = plan.apply()
    let model = try ModelDirectory(plan.base.path)
    let bar = Progress("verifying", total: 0, unit: .items("tokens"), mode: progress.progress)
    defer { bar.finish() }
    return try VocabularyProof(
      of: result, configuration: output.configuration(for: result) ?? model.configurationJSON,
      vocabulary: vocabulary.editor, ids: vocabulary.ids, from: model, textsIn: verifyTexts
    ) { bar.reach($0) }
  }

  /// `--explain` and `--expect`.
  private func report(_ plan: SurgeryPlan) throws {
    selection.report(plan.explanations)
    let count = plan.steps.reduce(0) { $0 + $1.count }
    if let expect = selection.expect, count != expect {
      let steps = plan.steps.map { "\(shown($0.operation.description)) took \(grouped($0.count))" }
      throw InputError(
        "\(input): expected \(Text.counted(expect, "tensor")), the operations take \(grouped(count)): "
          + steps.joined(separator: ", "))
    }
  }

  /// A plan, and what it shows besides its steps.
  private struct Expanded {
    var plan: SurgeryPlan
    /// The number of tokens before the steps; `nil` when no step is about tokens.
    var tokenCount: Int?
    var notes: [String] = []
  }

  /// The plan of all operations.
  private func plan(_ base: Checkpoint) throws -> Expanded {
    let steps = try steps()
    if seed != nil, !steps.contains(where: { $0.operation.kind == .add }) {
      throw ValidationError("--seed chooses the values of --add, and nothing is added")
    }
    var plan = SurgeryPlan(for: base)
    plan.ignoresForeign = foreign.ignoreForeign
    if foreign.ignoreForeign { base.noteLeftOut() }
    var expanded = Expanded(plan: plan)
    if steps.contains(where: { $0.operation.changesVocabulary }) {
      let folder = ModelOutput(base: base, path: base.path).sourceFolder
      let editor = try VocabularyEditor(folder: folder)
      plan.vocabulary = editor
      expanded.tokenCount = editor.tokenCount
    }
    for step in steps {
      let done = plan.steps.count
      if let seed = step.seed { plan.seed = seed }
      try InputError.naming(input) {
        do throws(SurgeryError) { try plan.append(step.operation) } catch {
          if error.kind == .syntax, step.isTyped { throw ValidationError(error.description) }
          // Errors of files name their own file.
          if let file = error.underlying, !file.path.isEmpty { throw file }
          throw error
        }
      }
      if case .convert(let destination) = step.operation {
        expanded.notes.append(note(on: destination, plan.steps.dropFirst(done).map(\.operation)))
      }
    }
    expanded.plan = plan
    return expanded
  }

  /// The one command with ordinary operations that `--to` stands for.
  private func note(on destination: Destination, _ operations: [SurgeryOperation]) -> String {
    guard !operations.isEmpty else {
      return "--to \(destination.rawValue): the keys are already those of \(destination.rawValue)"
    }
    let options = operations.flatMap { operation in
      operation.arguments.flatMap { ["--\(operation.kind.rawValue)", Advice.shellWord($0)] }
    }
    let place = output.map { ["-o", Advice.shellWord($0)] } ?? (inPlace ? ["--in-place"] : [])
    return "--to \(destination.rawValue) is the same as: "
      + (["espalier edit", Advice.shellWord(input)] + place + options).joined(separator: " ")
  }

  /// The operations of the command line and of its recipes, each with the seed that is in force.
  private func steps() throws -> [(operation: SurgeryOperation, seed: UInt64?, isTyped: Bool)] {
    var steps: [(operation: SurgeryOperation, seed: UInt64?, isTyped: Bool)] = []
    for step in operations.ordered {
      switch step {
      case .recipe(let path):
        do throws(SurgeryError) {
          let recipe = try Recipe(path: path)
          steps += recipe.steps.map { ($0, seed ?? recipe.seed, false) }
        } catch {
          if let file = error.underlying { throw file }
          throw error
        }
      case .operation(let kind, let arguments):
        do throws(SurgeryError) {
          steps.append((try SurgeryOperation(kind, arguments), seed, true))
        } catch {
          throw ValidationError(error.description)
        }
      }
    }
    return steps
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
