import ArgumentParser
import ParameterSurgery
import Synchronization

/// The operations of a command line.
///
/// The parser keeps the order of the values of one option, and not that of values of several. Each set of options
/// therefore has a counter of its own, which numbers the values as they are parsed, from left to right.
struct EditOperations: ParsableArguments {
  /// A value of an option, with its place among those of all options.
  struct Value: Sendable, ExpressibleByArgument {
    let argument: String
    let place: Int

    init(argument: String, place: Int) { (self.argument, self.place) = (argument, place) }

    /// A value alone; the options number theirs.
    init(argument: String) { self.init(argument: argument, place: 0) }
  }

  /// An operation, or a file with operations.
  enum Step: Sendable, Equatable {
    case operation(SurgeryOperation.Kind, [String])
    case recipe(String)
  }

  /// Numbers the values of one set of options.
  private final class Counter: Sendable {
    private let next = Atomic(0)

    func number(_ argument: String) -> Value {
      Value(argument: argument, place: next.wrappingAdd(1, ordering: .relaxed).oldValue)
    }
  }

  @Option var rename: [Value] = []
  @Option var addPrefix: [Value] = []
  @Option var stripPrefix: [Value] = []
  @Option var drop: [Value] = []
  @Option var keep: [Value] = []
  @Option var cast: [Value] = []
  @Option var copy: [Value] = []
  @Option var layers: [Value] = []
  @Option var slice: [Value] = []
  @Option var split: [Value] = []
  @Option var concat: [Value] = []
  @Option var transpose: [Value] = []
  @Option var resize: [Value] = []
  @Option var prune: [Value] = []
  @Option var add: [Value] = []
  @Option var scale: [Value] = []
  @Option var tie: [Value] = []
  @Option var untie: [Value] = []
  @Option var from: [Value] = []
  @Option var mergeLora: [Value] = []
  @Option var metadata: [Value] = []
  @Option var preset: [Value] = []
  @Option var to: [Value] = []
  @Option var addTokens: [Value] = []
  @Option var trimTo: [Value] = []
  @Option var recipe: [Value] = []

  init() {
    let counter = Counter()
    func option(
      _ help: String, _ valueName: String, _ completion: CompletionKind? = nil
    ) -> Option<[Value]> {
      Option(
        wrappedValue: [], help: ArgumentHelp("\(help)", valueName: valueName),
        completion: completion, transform: { counter.number($0) })
    }
    _rename = option(
      "Give keys new names; {i} captures, * and ** are on both sides, /regex/ has $1.", "from=to")
    _addPrefix = option("Put a text before every key.", "text")
    _stripPrefix = option("Remove a prefix from keys.", "text")
    _drop = option("Remove tensors, or rows.", "selector")
    _keep = option("Remove everything else.", "selector")
    _cast = option(
      "Round to another dtype; `,saturate` keeps what is too large finite.", "selector=dtype")
    _copy = option("Copy tensors to a second name.", "from=to")
    _layers = option(
      "Arrange layers in this order, with new numbers; a layer may occur several times.",
      "node=0:8,4:12")
    _slice = option("Keep a range of each dimension.", "selector=[0:10, :]")
    _split = option("Cut a tensor into several.", "from=a,b,c@dim")
    _concat = option("Put several tensors together.", "a,b,c=to@dim")
    _transpose = option("Exchange the last two dimensions.", "selector")
    _resize = option(
      "Change the number of rows; new rows are the mean of the existing ones, or `,zeros`; see --prune.",
      "selector=rows")
    _prune = option(
      "Keep the rows of a list: row numbers, or tokens with their vocabulary; see --resize.",
      "selector=list[:vocab]")
    _add = option(
      "Add a tensor: zeros, ones, normal(STD), uniform(BOUND), kaiming.", "key=F32[2,768]:init")
    _scale = option("Multiply by a number.", "selector=factor")
    _tie = option("Let a key name the tensor of another.", "key=other")
    _untie = option("Give tensors bytes of their own.", "selector")
    _from = option("Take tensors, or rows, of another checkpoint.", "file:selector")
    _mergeLora = option("Merge a LoRA adapter, as PEFT does.", "directory", .directory)
    _metadata = option("Set metadata; without a value, remove it.", "name=value")
    _preset = option(
      "Do a known conversion: "
        + SurgeryPreset.allCases.map(\.rawValue).joined(separator: ", ") + ".", "name")
    _to = option(
      "Give the tensors of a training checkpoint the keys that another program loads: transformers.",
      "program")
    _addTokens = option(
      "Add the tokens of a file, one a line, and their rows, to a model's directory.", "file",
      .file())
    _trimTo = option(
      "Keep only the tokens that the texts of a file use, one a line, and their rows.", "file",
      .file())
    _recipe = option("Do the steps of a YAML file.", "file", .file())
  }

  /// The values of each option; none of them is left out, because the `switch` names every kind.
  private func values(of kind: SurgeryOperation.Kind) -> [Value] {
    switch kind {
    case .rename: rename
    case .addPrefix: addPrefix
    case .stripPrefix: stripPrefix
    case .drop: drop
    case .keep: keep
    case .cast: cast
    case .copy: copy
    case .layers: layers
    case .slice: slice
    case .split: split
    case .concat: concat
    case .transpose: transpose
    case .resize: resize
    case .prune: prune
    case .add: add
    case .scale: scale
    case .tie: tie
    case .untie: untie
    case .from: from
    case .metadata: metadata
    case .preset: preset
    case .mergeLora: mergeLora
    case .to: to
    case .addTokens: addTokens
    case .trimTo: trimTo
    }
  }

  /// All of them, in the order of the command line. `--keep a --keep b` keeps both.
  var ordered: [Step] {
    let operations = SurgeryOperation.Kind.allCases.flatMap { kind in
      values(of: kind).map { ($0.place, Step.operation(kind, [$0.argument])) }
    }
    let recipes = recipe.map { ($0.place, Step.recipe($0.argument)) }
    var steps: [Step] = []
    for (_, step) in (operations + recipes).sorted(by: { $0.0 < $1.0 }) {
      if case .operation(.keep, let more) = step, case .operation(.keep, let kept) = steps.last {
        steps[steps.count - 1] = .operation(.keep, kept + more)
      } else {
        steps.append(step)
      }
    }
    return steps
  }
}
