internal import CheckpointFiles
internal import OrderedCollections

extension SurgeryPlan {
  /// Merges an adapter (`adapter_model.safetensors`, `adapter_config.json`) as PEFT's `merge_and_unload` does:
  /// W + (α/r)·B·A, computed in F32, and everything else that the adapter holds.
  mutating func mergeAdapter(_ folder: String, _ operation: SurgeryOperation) throws -> Int {
    let adapter = try LoRAAdapter(folder: folder)
    try demandKnown(adapter.checkpoint)
    var merge = try LoRAMerge(adapter, self, operation)
    let count = try merge.carryOut(in: &self)
    stepNotes += merge.notes
    inputs += adapter.checkpoint.inputs
    return count
  }
}

/// Merges an adapter into a plan.
private struct LoRAMerge {
  private let adapter: LoRAAdapter
  private let operation: SurgeryOperation
  private let names: LoRANames
  /// The names of one tensor, which all get what one of them gets: PEFT changes the weights in place.
  private var ties: OrderedDictionary<TensorView, [Key]> = [:]
  private(set) var notes: [String] = []
  private var settings: LoRASettings { adapter.settings }

  init(
    _ adapter: LoRAAdapter, _ plan: SurgeryPlan, _ operation: SurgeryOperation
  ) throws(SurgeryError) {
    self.adapter = adapter
    self.operation = operation
    names = try LoRANames(
      adapter.layers.values.map { adapter.weightNames(of: $0) }
        + adapter.rows.map { [$0.module + ".weight"] },
      in: OrderedSet(plan.tensors.keys), operation)
    let entries = plan.tensors.elements
    for (key, entry) in entries { ties[TensorView(entry.tensor), default: []].append(key) }
    ties = ties.filter { $1.count > 1 }
    tieHead(of: plan.base, entries)
    notes = [adapter.settings.targets.note].compactMap(\.self)
  }

  /// Ties a head that has the embedding's elements a second time, where the configuration ties them: transformers
  /// loads both as one tensor.
  private mutating func tieHead(
    of base: Checkpoint, _ entries: [(key: Key, value: SurgeryPlan.Entry)]
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

  private func refusal(_ problem: AdapterProblem) -> SurgeryError { .merge(operation, problem) }

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
      try change(place.key, in: &plan, .adapted(rank: place.product.rank)) { tensor in
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
    _ key: Key, in plan: inout SurgeryPlan, _ effect: Effect, _ make: (Tensor) throws -> Tensor
  ) throws {
    guard let tensor = plan.tensors[key]?.tensor else { return }
    let result = try make(tensor)
    let group = ties.values.first { $0.contains(key) } ?? [key]
    for name in group { plan.replace(name, with: result, effect) }
  }

  /// `tensor` in the dtype of `old`, when it has its shape.
  private func fitted(_ tensor: Tensor, to old: Tensor, _ name: String) throws -> Tensor {
    guard old.shape == tensor.shape else {
      throw refusal(.unfitTensor(Key(name), old.shape, tensor.shape))
    }
    guard old.dtype != tensor.dtype else { return tensor }
    guard old.dtype.isFloatingPoint, tensor.dtype.isFloatingPoint else {
      throw refusal(.unfitDType(Key(name), old.dtype, tensor.dtype))
    }
    return try tensor.recomputed(as: old.dtype)
  }

  /// Puts a tensor of a module of `modules_to_save` into its place, or where there was none.
  private mutating func place(_ whole: LoRAAdapter.Whole, in plan: inout SurgeryPlan) throws {
    let key = names.key(whole.name)
    for view in ties.keys { ties[view]?.removeAll { $0 == key } }
    if let old = plan.tensors[key]?.tensor {
      try demandFreeHead(whole, key, plan)
      let tensor = try fitted(whole.tensor, to: old, key.string)
      return plan.replace(key, with: tensor, .replacedByAdapter(rows: nil))
    }
    // The model that PEFT merges has one dtype.
    let dtypes = Set(plan.tensors.elements.map(\.value.tensor.dtype).filter(\.isFloatingPoint))
    var tensor = whole.tensor
    if tensor.dtype.isFloatingPoint, dtypes.count == 1, let dtype = dtypes.first,
      dtype != tensor.dtype
    {
      tensor = try tensor.recomputed(as: dtype)
    }
    try plan.add(
      key,
      SurgeryPlan.Entry(
        tensor: tensor, origin: nil, effects: [.replacedByAdapter(rows: nil)]), operation)
  }

  /// Loads a tensor into that of the checkpoint, and returns whether it did: a second name of one tensor needs no
  /// place of its own.
  private mutating func load(
    _ whole: LoRAAdapter.Whole, into plan: inout SurgeryPlan
  ) throws -> Bool {
    let key = names.key(whole.name)
    guard let old = plan.tensors[key]?.tensor else {
      let twin = try adapter.wholes.first { other in
        guard other.source != whole.source, plan.tensors.contains(names.key(other.name)),
          other.tensor.shape == whole.tensor.shape, other.tensor.dtype == whole.tensor.dtype
        else { return false }
        return try other.tensor.bytes() == whole.tensor.bytes()
      }
      guard let twin else {
        throw refusal(.noPlace(whole.source, key))
      }
      notes.append(
        "\(operation): \(quoted(whole.source.string)) is the same as \(quoted(twin.source.string)), and the "
          + "checkpoint has one tensor for both")
      return false
    }
    let tensor = try fitted(whole.tensor, to: old, key.string)
    try change(key, in: &plan, .replacedByAdapter(rows: nil)) { _ in tensor }
    return true
  }

  private func replace(_ part: LoRAAdapter.Rows, in plan: inout SurgeryPlan) throws {
    let key = names.key(part.module + ".weight")
    try change(key, in: &plan, .replacedByAdapter(rows: part.indices.count)) { tensor in
      guard tensor.shape.rank == 2, tensor.shape[1] == part.tensor.shape[1],
        tensor.dtype.isFloatingPoint, let last = part.indices.max(), last < tensor.shape[0]
      else {
        throw refusal(
          .unfitRows(
            key, tensor.shape, highest: part.indices.max() ?? 0,
            width: part.tensor.shape.dimensions.last ?? 0))
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
    guard let old = plan.tensors[key]?.tensor else {
      throw refusal(.noBias(module))
    }
    guard old.shape == bias.shape, old.dtype.isFloatingPoint else {
      throw refusal(.unfitTensor(key, old.shape, bias.shape))
    }
    try change(key, in: &plan, .adaptedBias) { tensor in
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
    for (key, entry) in plan.tensors.elements where entry.tensor.dtype.isFloatingPoint {
      guard let name = names.name(of: key), !held.contains(Key(name)),
        let module = settings.savedModules(holding: name).first
      else { continue }
      throw .adapter(settings.path, .moduleNotHeld(module, tensor: name))
    }
  }

  /// Throws when an embedding gets a module of its own and the head that is tied to it stays what it was, but has
  /// no tensor in the checkpoint.
  private func demandFreeHead(
    _ whole: LoRAAdapter.Whole, _ key: Key, _ plan: SurgeryPlan
  ) throws(SurgeryError) {
    guard OutputHead.isEmbedding(key), !settings.tiesWeights,
      !adapter.wholes.contains(where: { OutputHead.isHead(Key($0.name)) }),
      !plan.tensors.keys.contains(where: OutputHead.isHead),
      OutputHead.isTied(inFolderOf: plan.base)
    else { return }
    throw refusal(.tiedHead(key))
  }
}
