public import CheckpointFiles
internal import OrderedCollections

/// What is to be done to a checkpoint, step by step, before anything is written.
///
///     var plan = SurgeryPlan(base)
///     try plan.append(SurgeryOperation(.rename, ["**.gamma=**.weight"]))
///     try plan.append(SurgeryOperation(.drop, ["cls"]))
///     for change in plan.changes { print(change) }
///     try plan.apply().write(to: "trimmed.safetensors")
///
/// A step sees what the steps before it left. Elements are not read before the result is written, and
/// then one tensor at a time, so that a checkpoint may be larger than memory.
public struct SurgeryPlan: Sendable {
  /// The checkpoint that the plan starts from.
  public let base: Checkpoint
  /// What each step did, in order: the operation as text, and the number of tensors concerned.
  public internal(set) var steps: [Step] = []
  /// Things that are probably not meant, such as tied tensors that come apart.
  public var notes: [String] { stepNotes + partedTies + partedScales.map(\.description) }
  /// Whether steps that take tensors from other checkpoints leave out what cannot be read there; otherwise
  /// such a checkpoint is refused.
  public var ignoresForeign = false
  /// What the selectors of the steps matched, in their order.
  public private(set) var explanations: [Selection.Explanation] = []
  /// Chooses the values of tensors that are added.
  public var seed: UInt64 = 0
  /// What casts and computations met while the result was written.
  public let losses = CastLosses()

  /// Notes of single steps.
  var stepNotes: [String] = []
  var entries: OrderedDictionary<Key, Entry> = [:]
  var metadata: OrderedDictionary<Key, String>
  var inputs: [InputFile]
  /// The quantised tensors of all checkpoints that tensors come from; parts name them by their place.
  var quantized: [QuantizedTensor] = []
  /// What the tensors of other checkpoints are of them, by the path of the checkpoint.
  var quantizedParts: [String: [Key: QuantizedPart]] = [:]

  /// What a step did.
  public struct Step: Sendable, Hashable {
    /// The operation, as one types it.
    public let operation: String
    /// The number of tensors that it concerned.
    public let count: Int
  }

  /// A tensor on its way.
  struct Entry: Sendable {
    var tensor: Tensor
    /// The key in the base that it comes from.
    var origin: Key?
    /// What was done to its elements.
    var deeds: [String] = []
    /// What it is of a quantised tensor.
    var quantized: QuantizedPart?
  }

  /// A plan without steps.
  public init(_ base: Checkpoint) {
    self.base = base
    metadata = base.metadata
    inputs = base.inputs
    entries.reserveCapacity(base.tensors.count)
    for (key, tensor) in base.tensors { entries[key] = Entry(tensor: tensor, origin: key) }
    for (key, part) in register(QuantizedTensors(base.tensors.elements).all) {
      entries[key]?.quantized = part
    }
  }

  /// The checkpoint after all steps. What is computed is computed while it is written.
  public func apply() -> Checkpoint {
    var result = base
    result.tensors = OrderedDictionary(
      uniqueKeysWithValues: entries.map { ($0, $1.tensor) })
    result.metadata = metadata
    result.inputs = inputs
    return result
  }

  // MARK: - Selecting

  /// The keys of the tensors as they are now.
  var tree: ParameterTree {
    ParameterTree(
      entries.map { TensorInfo(key: $0, dtype: $1.tensor.dtype, shape: $1.tensor.shape) })
  }

  /// What selectors select of the tensors as they are now.
  mutating func select(_ selectors: [String]) throws(SurgeryError) -> [Selection.Item] {
    let selection = try SelectorList(selectors).resolve(in: tree)
    explanations += selection.explanations
    return selection.items
  }

  /// The same, where rows alone cannot be meant.
  mutating func selectWhole(
    _ selectors: [String], for operation: String
  ) throws(SurgeryError) -> [Key] {
    try select(selectors).map { item throws(SurgeryError) in
      guard item.rows == nil else {
        throw SurgeryError(
          "\(operation) takes whole tensors, not rows of \(quoted(item.key.string))")
      }
      return item.key
    }
  }

  /// Replaces the tensor under `key`, keeping its place.
  mutating func replace(_ key: Key, with tensor: Tensor, deed: String) {
    guard var entry = entries[key] else { return }
    entry.tensor = tensor
    entry.deeds.append(deed)
    entries[key] = entry
  }

  /// Gives all tensors new names at once; `nil` drops one.
  ///
  /// - Throws: ``SurgeryError`` when two tensors would get one name.
  mutating func rename(
    _ operation: String, _ newName: (Key) -> Key?
  ) throws(SurgeryError) {
    var renamed: OrderedDictionary<Key, Entry> = [:]
    renamed.reserveCapacity(entries.count)
    var sources: [Key: Key] = [:]
    for (key, entry) in entries {
      guard let name = newName(key) else { continue }
      if renamed.updateValue(entry, forKey: name) != nil {
        throw SurgeryError(
          "\(operation): \(quoted(sources[name]?.string ?? "")) and \(quoted(key.string)) would "
            + "both be \(quoted(name.string)); drop or rename one of them first")
      }
      sources[name] = key
    }
    entries = renamed
  }

  /// Adds a tensor behind the others.
  mutating func add(
    _ key: Key, _ entry: Entry, _ operation: String
  ) throws(SurgeryError) {
    guard entries.updateValue(entry, forKey: key) == nil else {
      throw SurgeryError(
        "\(operation): \(quoted(key.string)) is there already; drop or rename it first")
    }
  }
}
