public import CheckpointFiles
internal import OrderedCollections

/// What is to be done to a checkpoint, step by step, before anything is written.
///
///     var plan = SurgeryPlan(for: base)
///     try plan.rename("**.gamma", to: "**.weight")
///     try plan.cast("encoder", to: .bfloat16, rounding: .saturating)
///     try plan.drop("cls")
///     print(plan)
///     try plan.apply().write(to: "trimmed.safetensors")
///
/// A step sees what the steps before it left. Elements are not read before the result is written, and
/// then one tensor at a time, so that a checkpoint may be larger than memory.
public struct SurgeryPlan: Sendable {
  /// The checkpoint that the plan starts from.
  public let base: Checkpoint
  /// What each step did, in order.
  public private(set) var steps: [Step] = []
  /// Things that are probably not meant, such as tied tensors that a step parts.
  public var notes: [String] { stepNotes + partedTies + partedScales.map(\.description) }
  /// Whether steps that take tensors from other checkpoints leave out what cannot be read there; otherwise
  /// such a checkpoint is refused.
  public var ignoresForeign = false
  /// What the selectors of the steps matched, in their order.
  public private(set) var explanations: [Selection.Explanation] = []
  /// Chooses the values of tensors that are added.
  public var seed: UInt64 = 0
  /// The tokenizer of the base's folder, which steps that change the vocabulary need; such a step changes it, too.
  public var vocabulary: (any ModelVocabulary)?
  /// The id that each former token has, where a step has given tokens new ids; a token that is not in it is gone.
  public internal(set) var tokenIDs: [Int: Int]?
  /// What casts and computations met while the result was written.
  public let losses = CastLosses()

  /// Notes of single steps.
  var stepNotes: [String] = []
  /// The tensors as they are now.
  var tensors: PlanTensors
  var metadata: OrderedDictionary<Key, String>
  var inputs: [InputFile]
  /// The quantised tensors of all checkpoints that tensors come from; parts name them by their place.
  var quantized: [QuantizedTensor] = []
  /// What the tensors of other checkpoints are of them, by the path of the checkpoint.
  var quantizedParts: [String: [Key: QuantizedPart]] = [:]
  /// Whether a step of several operations is under way, which are undone together.
  private var isInPreset = false

  /// What a step did.
  public struct Step: Sendable, Hashable {
    /// The operation.
    public let operation: SurgeryOperation
    /// The number of tensors that it concerned.
    public let count: Int
  }

  /// A tensor of the plan.
  struct Entry: Sendable {
    var tensor: Tensor
    /// The key in the base that it comes from.
    var origin: Key?
    /// What was done to its elements.
    var effects: [Effect] = []
    /// What it is of a quantised tensor.
    var quantized: QuantizedPart?
  }

  /// A plan without steps.
  public init(for base: Checkpoint) {
    self.base = base
    metadata = base.metadata
    inputs = base.inputs
    tensors = PlanTensors(base.tensors.elements.lazy.map { (key: $0.key, value: $0.value) })
    for (key, part) in register(QuantizedTensors(base.tensors.elements).all) {
      guard let slot = tensors.slot(of: key) else { continue }
      var entry = tensors.slots[slot].entry
      entry.quantized = part
      tensors.replace(slot, with: entry)
    }
    tensors.commit()
  }

  /// The checkpoint after all steps. What is computed is computed while it is written.
  public func apply() -> Checkpoint {
    var result = base
    result.tensors = OrderedDictionary(
      uniqueKeysWithValues: tensors.elements.map { ($0.key, $0.value.tensor) })
    result.metadata = metadata
    result.inputs = inputs
    return result
  }

  /// Adds a step.
  ///
  /// - Throws: ``SurgeryError`` when the step cannot be done; ``SurgeryError/underlying`` is the error of a file that the
  ///   step names and that cannot be read. The plan is as it was before then.
  public mutating func append(_ operation: SurgeryOperation) throws(SurgeryError) {
    try operation.checkText()
    let before = State(self)
    do {
      switch operation {
      case .preset(let preset): try appendAll(try preset.steps(for: self))
      case .convert(let destination):
        let (steps, notes) = try destination.steps(for: self)
        try appendAll(steps)
        stepNotes += notes
      default: try carryOut(operation, before)
      }
      if !isInPreset { tensors.commit() }
    } catch {
      before.restore(&self)
      throw SurgeryError(error, operation)
    }
  }

  /// Adds steps that another one stands for.
  private mutating func appendAll(_ steps: [SurgeryOperation]) throws(SurgeryError) {
    let wasInPreset = isInPreset
    isInPreset = true
    defer { isInPreset = wasInPreset }
    for step in steps { try append(step) }
  }

  /// Does one step. The caller undoes what a step that fails has done.
  private mutating func carryOut(_ operation: SurgeryOperation, _ before: State) throws {
    let members = operation.mayPartQuantized ? quantizedMembers : []
    let count = try count(of: operation)
    try checkQuantized(members, after: operation)
    if stepNotes.count == before.stepNotes.count, !tensors.hasChanged(since: before.mark),
      !isOtherMetadata(after: operation, before)
    {
      stepNotes.append("\(operation): leaves everything as it was")
    }
    steps.append(Step(operation: operation, count: count))
  }

  private func isOtherMetadata(after operation: SurgeryOperation, _ before: State) -> Bool {
    guard case .setMetadata(let name, _) = operation else { return false }
    return metadata[Key(name)].map { Key($0) } != before.metadata[Key(name)].map { Key($0) }
  }

  /// Carries the operation out and returns the number of tensors that it concerned.
  private mutating func count(of operation: SurgeryOperation) throws -> Int {
    switch operation {
    case .rename(let rule): try rename(rule, operation)
    case .addPrefix(let prefix): try addPrefix(prefix, operation)
    case .stripPrefix(let prefix): try stripPrefix(prefix, operation)
    case .drop(let selectors): try drop(selectors)
    case .keep(let selectors): try keep(selectors)
    case .cast(let selectors, let dtype, let saturating):
      try cast(selectors, dtype, saturating, operation)
    case .copy(let rule): try copy(rule, operation)
    case .arrangeLayers(let node, let order): try arrangeLayers(of: node, order, operation)
    case .slice(let selectors, let ranges): try slice(selectors, ranges, operation)
    case .split(let from, let names, let dimension, let sizes):
      try split(from, names, dimension, sizes, operation)
    case .concatenate(let sources, let target, let dimension):
      try concatenate(sources, target, dimension, operation)
    case .transpose(let selectors): try transpose(selectors, operation)
    case .resize(let selectors, let rows, let filling):
      try resize(selectors, rows, filling, operation)
    case .prune(let selectors, let list): try prune(selectors, list, operation)
    case .add(let key, let dtype, let shape, let initialiser):
      try addInitialised(key, dtype, shape, initialiser, operation)
    case .scale(let selectors, let factor): try scale(selectors, factor, operation)
    case .tie(let key, let other): try tie(key, other, operation)
    case .untie(let selectors): try untie(selectors, operation)
    case .take(let selectors, let path): try take(selectors, path, operation)
    case .setMetadata(let name, let value): try changeMetadata(name, value, operation)
    case .mergeAdapter(let folder): try mergeAdapter(folder, operation)
    case .addTokens(let path): try addTokens(path, operation)
    case .trimVocabulary(let path): try trimVocabulary(path, operation)
    case .preset, .convert: 0
    }
  }

  /// What a step that fails puts back, besides the tensors, which have a log.
  private struct State {
    let mark: Int
    let steps: [Step]
    let explanations: [Selection.Explanation]
    let stepNotes: [String]
    let metadata: OrderedDictionary<Key, String>
    let inputs: [InputFile]
    let quantized: [QuantizedTensor]
    let quantizedParts: [String: [Key: QuantizedPart]]
    let vocabulary: (any ModelVocabulary)?
    let tokenIDs: [Int: Int]?

    init(_ plan: SurgeryPlan) {
      mark = plan.tensors.mark
      (steps, explanations, stepNotes) = (plan.steps, plan.explanations, plan.stepNotes)
      (metadata, inputs) = (plan.metadata, plan.inputs)
      (quantized, quantizedParts) = (plan.quantized, plan.quantizedParts)
      (vocabulary, tokenIDs) = (plan.vocabulary, plan.tokenIDs)
    }

    func restore(_ plan: inout SurgeryPlan) {
      plan.tensors.rollBack(to: mark)
      (plan.steps, plan.explanations, plan.stepNotes) = (steps, explanations, stepNotes)
      (plan.metadata, plan.inputs) = (metadata, inputs)
      (plan.quantized, plan.quantizedParts) = (quantized, quantizedParts)
      (plan.vocabulary, plan.tokenIDs) = (vocabulary, tokenIDs)
    }
  }

  // MARK: - Selecting

  /// What selectors select of the tensors as they are now.
  mutating func select(_ selectors: SelectorList) throws(SurgeryError) -> [Selection.Item] {
    let selection = try selectors.resolve(inTree: tensors)
    explanations += selection.explanations
    return selection.items
  }

  /// The same, where rows alone cannot be meant.
  mutating func selectWhole(
    _ selectors: SelectorList, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> [Selection.Item] {
    let items = try select(selectors)
    if let item = items.first(where: { $0.rows != nil }) {
      throw .needsWholeTensors(operation, item.key)
    }
    return items
  }

  // MARK: - Changing

  /// Replaces the tensor in a slot, keeping its place.
  mutating func replace(_ slot: Int, with tensor: Tensor, _ effect: Effect) {
    var entry = tensors.slots[slot].entry
    entry.tensor = tensor
    entry.effects.append(effect)
    tensors.replace(slot, with: entry)
  }

  /// Replaces the tensor under a key, keeping its place.
  mutating func replace(_ key: Key, with tensor: Tensor, _ effect: Effect) {
    if let slot = tensors.slot(of: key) { replace(slot, with: tensor, effect) }
  }

  /// Adds a tensor after the others.
  mutating func add(
    _ key: Key, _ entry: Entry, _ operation: SurgeryOperation
  ) throws(SurgeryError) {
    guard tensors.append(key, entry) else { throw .keyExists(key, operation) }
  }
}
