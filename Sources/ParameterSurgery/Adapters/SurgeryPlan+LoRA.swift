internal import CheckpointFiles
internal import OrderedCollections

extension SurgeryPlan {
  /// Merges an adapter (`adapter_model.safetensors`, `adapter_config.json`) as PEFT's `merge_and_unload` does:
  /// W + (α/r)·B·A, computed in F32, and everything else that the adapter holds.
  mutating func mergeLora(_ operation: SurgeryOperation) throws -> Int {
    let adapter = try LoRAAdapter(folder: operation.argument)
    try demandKnown(adapter.checkpoint)
    var merge = try LoRAMerge(adapter, entries, base, operation.description)
    var copy = self
    let count = try merge.carryOut(in: &copy)
    copy.stepNotes += merge.notes
    copy.inputs += adapter.checkpoint.inputs
    self = copy
    return count
  }
}

/// Merges an adapter into a plan.
private struct LoRAMerge {
  private let adapter: LoRAAdapter
  private let operation: String
  private let names: LoRANames
  /// The names of one tensor, which all get what one of them gets: PEFT changes the weights in place.
  private var ties: OrderedDictionary<TensorView, [Key]> = [:]
  private(set) var notes: [String] = []
  private var settings: LoRASettings { adapter.settings }

  init(
    _ adapter: LoRAAdapter, _ entries: OrderedDictionary<Key, SurgeryPlan.Entry>,
    _ base: Checkpoint, _ operation: String
  ) throws(SurgeryError) {
    self.adapter = adapter
    self.operation = operation
    names = try LoRANames(
      adapter.layers.values.map { adapter.weightNames(of: $0) }
        + adapter.rows.map { [$0.module + ".weight"] },
      in: entries.keys, operation)
    for (key, entry) in entries { ties[TensorView(entry.tensor), default: []].append(key) }
    ties = ties.filter { $1.count > 1 }
    tieHead(of: base, entries)
    notes = [adapter.settings.targets.note].compactMap(\.self)
  }

  /// Ties a head that has the embedding's elements a second time, where the configuration ties them: transformers
  /// loads both as one tensor.
  private mutating func tieHead(
    of base: Checkpoint, _ entries: OrderedDictionary<Key, SurgeryPlan.Entry>
  ) {
    // A copy that a step made is a head of its own.
    guard
      let head = entries.first(where: { OutputHead.isHead($0.key) && $0.value.origin == $0.key }),
      let embedding = entries.first(where: {
        OutputHead.isEmbedding($0.key) && $0.value.tensor.shape == head.value.tensor.shape
          && $0.value.tensor.dtype == head.value.tensor.dtype
      }), OutputHead.isTied(inFolderOf: base)
    else { return }
    let (one, other) = (embedding.value.tensor, head.value.tensor)
    guard TensorView(one) != TensorView(other), OutputHead.areEqual(one, other) else { return }
    ties[TensorView(one), default: [embedding.key]] += ties[TensorView(other)] ?? [head.key]
    ties[TensorView(other)] = nil
  }

  private func refusal(_ reason: String) -> SurgeryError {
    SurgeryError("\(operation): \(reason)")
  }

  /// Merges the adapter and returns the number of tensors concerned.
  mutating func carryOut(in plan: inout SurgeryPlan) throws -> Int {
    try demandSavedModules(in: plan)
    var count = 0
    // Modules that take the place of others first: they are not tied to anything any more.
    for whole in adapter.wholes where whole.role == .module { try place(whole, in: &plan) }
    for whole in adapter.wholes where whole.role == .base {
      if try !load(whole, into: &plan) { count -= 1 }
    }
    count += adapter.wholes.count
    for part in adapter.rows { try replace(part, in: &plan) }
    count += adapter.rows.count
    for place in try LoRAPlacement.all(adapter, names, in: plan, operation) {
      try change(place.key, in: &plan, deed: "LoRA of rank \(place.product.rank)") { tensor in
        try place.product.added(to: tensor, times: place.repetitions)
      }
      count += 1
      guard let bias = place.layer.bias else { continue }
      try add(bias, times: place.product.scale, of: place.layer.module, in: &plan)
      count += 1
    }
    return count
  }

  /// Gives a tensor, under all its names, other elements.
  private func change(
    _ key: Key, in plan: inout SurgeryPlan, deed: String, _ make: (Tensor) throws -> Tensor
  ) throws {
    guard let tensor = plan.entries[key]?.tensor else { return }
    let result = try make(tensor)
    let group = ties.values.first { $0.contains(key) } ?? [key]
    for name in group { plan.replace(name, with: result, deed: deed) }
  }

  /// `tensor` in the dtype of `old`, when it has its shape.
  private func fitted(_ tensor: Tensor, to old: Tensor, _ name: String) throws -> Tensor {
    guard old.shape == tensor.shape else {
      throw refusal(
        "\(quoted(name)) has the shape \(old.shape), the adapter's \(tensor.shape)"
          + (old.shape.dimensions.dropFirst() == tensor.shape.dimensions.dropFirst()
            ? "; resize it first" : ""))
    }
    guard old.dtype != tensor.dtype else { return tensor }
    guard old.dtype.isFloatingPoint, tensor.dtype.isFloatingPoint else {
      throw refusal("\(quoted(name)) holds \(old.dtype), the adapter's \(tensor.dtype)")
    }
    return try tensor.recomputed(as: old.dtype)
  }

  /// Puts a tensor of a module of `modules_to_save` into its place, or where there was none.
  private mutating func place(_ whole: LoRAAdapter.Whole, in plan: inout SurgeryPlan) throws {
    let key = names.key(whole.name)
    for view in ties.keys { ties[view]?.removeAll { $0 == key } }
    if let old = plan.entries[key]?.tensor {
      try demandFreeHead(whole, key, plan)
      let tensor = try fitted(whole.tensor, to: old, key.string)
      return plan.replace(key, with: tensor, deed: "from the adapter")
    }
    // The model that PEFT merges has one dtype.
    let dtypes = Set(plan.entries.values.map(\.tensor.dtype).filter(\.isFloatingPoint))
    var tensor = whole.tensor
    if tensor.dtype.isFloatingPoint, dtypes.count == 1, let dtype = dtypes.first,
      dtype != tensor.dtype
    {
      tensor = try tensor.recomputed(as: dtype)
    }
    plan.entries[key] = SurgeryPlan.Entry(
      tensor: tensor, origin: nil, deeds: ["from the adapter"])
  }

  /// Loads a tensor into that of the checkpoint, and returns whether it did: a second name of one tensor needs no
  /// place of its own.
  private mutating func load(
    _ whole: LoRAAdapter.Whole, into plan: inout SurgeryPlan
  ) throws -> Bool {
    let key = names.key(whole.name)
    guard let old = plan.entries[key]?.tensor else {
      let twin = try adapter.wholes.first { other in
        guard other.source != whole.source, plan.entries[names.key(other.name)] != nil,
          other.tensor.shape == whole.tensor.shape, other.tensor.dtype == whole.tensor.dtype
        else { return false }
        return try other.tensor.bytes() == whole.tensor.bytes()
      }
      guard let twin else {
        throw refusal(
          "the adapter holds \(quoted(whole.source.string)), and there is no tensor \(quoted(key.string))"
        )
      }
      notes.append(
        "\(operation): \(quoted(whole.source.string)) is the same as \(quoted(twin.source.string)), and the "
          + "checkpoint has one tensor for both")
      return false
    }
    let tensor = try fitted(whole.tensor, to: old, key.string)
    try change(key, in: &plan, deed: "from the adapter") { _ in tensor }
    return true
  }

  private func replace(_ part: LoRAAdapter.Rows, in plan: inout SurgeryPlan) throws {
    let key = names.key(part.module + ".weight")
    try change(key, in: &plan, deed: "\(part.indices.count) rows from the adapter") { tensor in
      guard tensor.shape.rank == 2, tensor.shape[1] == part.tensor.shape[1],
        tensor.dtype.isFloatingPoint, let last = part.indices.max(), last < tensor.shape[0]
      else {
        throw refusal(
          "\(quoted(key.string)) has the shape \(tensor.shape), and the adapter holds rows up to "
            + "\(part.indices.max() ?? 0) of \(part.tensor.shape.dimensions.last ?? 0) elements")
      }
      let order = part.indices.indices.sorted { part.indices[$0] < part.indices[$1] }
      let sorted = try SurgeryPlan.rows(order.map { $0..<$0 + 1 }, of: part.tensor)
      return try tensor.replacingRows(
        order.map { part.indices[$0]..<part.indices[$0] + 1 },
        with: tensor.dtype == sorted.dtype ? sorted : sorted.recomputed(as: tensor.dtype))
    }
  }

  /// Adds the bias of a second factor to the module's.
  private func add(
    _ bias: Tensor, times scale: Double, of module: String, in plan: inout SurgeryPlan
  ) throws {
    let key = names.key(module + ".bias")
    guard let old = plan.entries[key]?.tensor else {
      throw refusal(
        "`lora_bias` is set, and \(quoted(module)) has no bias that the adapter's is added to")
    }
    guard old.shape == bias.shape, old.dtype.isFloatingPoint else {
      throw refusal(
        "\(quoted(key.string)) has the shape \(old.shape), the adapter's \(bias.shape)")
    }
    try change(key, in: &plan, deed: "bias of LoRA") { tensor in
      let change = try bias.floats().map { Double($0 * Float(scale)) }
      return try Tensor.computed(dtype: tensor.dtype, shape: tensor.shape) { sink in
        var values = try tensor.readable().doubles(in: 0..<tensor.shape.count)
        Elementwise.add(change, times: 1, to: &values)
        try sink.append(values.span)
      }
    }
  }

  /// Throws when the checkpoint has a module that `modules_to_save` names and the adapter does not hold.
  private func demandSavedModules(in plan: SurgeryPlan) throws(SurgeryError) {
    guard !settings.modulesToSave.isEmpty else { return }
    let held = Set(adapter.wholes.map { Key($0.name) })
    for (key, entry) in plan.entries where entry.tensor.dtype.isFloatingPoint {
      guard let name = names.name(of: key), !held.contains(Key(name)),
        let module = settings.savedModules(holding: name).first
      else { continue }
      throw SurgeryError(
        "\(settings.path): `modules_to_save` or `task_type` names \(quoted(module)), and the adapter does not "
          + "hold \(quoted(name))")
    }
  }

  /// Throws when an embedding gets a module of its own and the head that is tied to it stays what it was, but has
  /// no tensor in the checkpoint.
  private func demandFreeHead(
    _ whole: LoRAAdapter.Whole, _ key: Key, _ plan: SurgeryPlan
  ) throws(SurgeryError) {
    guard OutputHead.isEmbedding(key), !settings.tiesWeights,
      !adapter.wholes.contains(where: { OutputHead.isHead(Key($0.name)) }),
      !plan.entries.keys.contains(where: OutputHead.isHead),
      OutputHead.isTied(inFolderOf: plan.base)
    else { return }
    throw refusal(
      "`modules_to_save` replaces \(quoted(key.string)), and the head that is tied to it by config.json stays "
        + "what it was in PEFT; copy the embedding under the head's name first, such as lm_head.weight"
    )
  }
}
