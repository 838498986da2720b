internal import CheckpointFiles
internal import OrderedCollections

extension LoRAAdapter {
  /// What the weight of a layer may be called in the model.
  func weightNames(of layer: Layer) -> [String] {
    let parameters = settings.parameters(of: layer.module)
    guard parameters.isEmpty else { return parameters.map { "\(layer.module).\($0)" } }
    return layer.isEmbedding
      ? [layer.module + ".weight"]
      : [layer.module + ".weight", layer.module + ".in_proj_weight"]
  }
}

/// The tensor that the factors of a layer change, and how.
struct LoRAPlacement {
  let layer: LoRAAdapter.Layer
  let key: Key
  let product: LoRAProduct
  /// How often the product is added: PEFT adds that of an attention's output projection twice.
  let repetitions: Int

  /// The placements of all layers of an adapter.
  ///
  /// - Throws: ``SurgeryError`` for factors that do not fit, or may fit in two ways.
  static func all(
    _ adapter: LoRAAdapter, _ names: LoRANames, in plan: SurgeryPlan, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> [LoRAPlacement] {
    var finder = Finder(adapter, names, plan, operation)
    var placements: [LoRAPlacement] = []
    for layer in adapter.layers.values { placements.append(try finder.placement(of: layer)) }
    return placements
  }
}

private struct Finder {
  private let adapter: LoRAAdapter
  private let names: LoRANames
  private let entries: PlanTensors
  private let quantized: QuantizedTensors
  private let operation: SurgeryOperation
  private var scaling: LoRAScaling
  /// Keys that have factors already.
  private var taken: Set<Key> = []
  /// The layouts of matrices that are not square, by the last part of their module's name.
  private var layouts: [Substring: Set<LoRAProduct.Layout>] = [:]

  init(
    _ adapter: LoRAAdapter, _ names: LoRANames, _ plan: SurgeryPlan, _ operation: SurgeryOperation
  ) {
    self.adapter = adapter
    self.names = names
    entries = plan.tensors
    quantized = plan.quantizedNow
    self.operation = operation
    scaling = adapter.settings.scaling
    for layer in adapter.layers.values where !layer.isEmbedding {
      guard let a = layer.a, let b = layer.b, a.shape.rank == 2, b.shape.rank == 2,
        let weight = entries[names.key(layer.module + ".weight")]?.tensor
      else { continue }
      let extents = [b.shape[0], a.shape[1]]
      guard extents[0] != extents[1] else { continue }
      let name = Key(layer.module).components.last ?? ""
      if weight.shape.dimensions == extents { layouts[name, default: []].insert(.rows) }
      if weight.shape.dimensions == extents.reversed() {
        layouts[name, default: []].insert(.transposed)
      }
    }
  }

  private func refusal(_ problem: AdapterProblem) -> SurgeryError { .merge(operation, problem) }

  mutating func placement(of layer: LoRAAdapter.Layer) throws(SurgeryError) -> LoRAPlacement {
    guard let a = layer.a, let b = layer.b else { throw unfit(layer) }
    let parameters = adapter.settings.parameters(of: layer.module)
    if !parameters.isEmpty { return try experts(layer, parameters, a, b) }
    guard a.shape.rank >= 2, b.shape.rank == a.shape.rank, let rank = a.shape.dimensions.first,
      rank > 0, b.shape[1] == rank
    else { throw unfit(layer) }
    let owner = adapter.owner(of: layer)
    let scale = try scaling.scale(of: owner, rank: rank)
    let (key, weight) = try target(of: layer, owner)
    let layout = try layout(of: layer, a, b, key, weight)
    var product = LoRAProduct(a: a, b: b, rank: rank, layout: layout, scale: scale)
    if let magnitude = layer.magnitude {
      let outputs = b.shape.dimensions.first ?? 0
      guard magnitude.shape.count == outputs, owner == layer.module,
        !key.ends(with: ".in_proj_weight")
      else {
        throw refusal(.magnitudeShape(layer.module, outputs: outputs, magnitude.shape))
      }
      product.magnitude = magnitude
    }
    if let variant = adapter.settings.linearVariant, layer.isEmbedding || a.shape.rank > 2 {
      throw refusal(.notLinear(layer.module, variant: variant))
    }
    return LoRAPlacement(
      layer: layer, key: key, product: product, repetitions: owner == layer.module ? 1 : 2)
  }

  private func unfit(_ layer: LoRAAdapter.Layer) -> SurgeryError {
    .adapter(adapter.checkpoint.path, .unfitFactors(layer.module))
  }

  /// The weight of a module: its own, or the one that an attention has for query, key and value.
  private mutating func target(
    of layer: LoRAAdapter.Layer, _ owner: String
  ) throws(SurgeryError) -> (key: Key, weight: Tensor) {
    for name in adapter.weightNames(of: layer) {
      let key = names.key(name)
      guard let weight = entries[key]?.tensor else { continue }
      guard taken.insert(key).inserted else {
        throw refusal(.duplicateFactors(key))
      }
      try demandNumbers(weight, key)
      if key.ends(with: ".in_proj_weight"), layer.bias != nil {
        throw refusal(.biasOfAttention(layer.module))
      }
      return (key, weight)
    }
    throw refusal(.noTarget(layer.module + ".weight", near: nil))
  }

  private func demandNumbers(_ weight: Tensor, _ key: Key) throws(SurgeryError) {
    if let tensor = quantized[key] { throw .quantised(tensor, operation) }
    guard [.float64, .float32, .float16, .bfloat16].contains(weight.dtype) else {
      throw refusal(.otherDType(key, weight.dtype))
    }
  }

  private func layout(
    of layer: LoRAAdapter.Layer, _ a: Tensor, _ b: Tensor, _ key: Key, _ weight: Tensor
  ) throws(SurgeryError) -> LoRAProduct.Layout {
    let outputs = b.shape[0]
    let inputs = a.shape.dimensions.dropFirst()
    let plain = [outputs] + inputs
    let made = layer.isEmbedding ? Array(plain.reversed()) : plain
    let isMatrix = a.shape.rank == 2 && !layer.isEmbedding
    let fitsPlain = weight.shape.dimensions == made
    let fitsTransposed =
      isMatrix && weight.shape.dimensions == plain.reversed()
      && !key.ends(with: ".in_proj_weight")
    // The second factor of a convolution has kernels of one element.
    guard fitsPlain || fitsTransposed, b.shape.dimensions.dropFirst(2).allSatisfy({ $0 == 1 })
    else {
      let isGrouped =
        a.shape.rank > 2 && weight.shape.rank == a.shape.rank && weight.shape[0] == outputs
        && weight.shape[1] < a.shape[1]
      throw refusal(.otherShape(key, weight.shape, made, isGrouped: isGrouped))
    }
    if layer.isEmbedding { return .transposed }
    guard isMatrix, fitsPlain, fitsTransposed else { return fitsPlain ? .rows : .transposed }
    // A square matrix: `fan_in_fan_out` is that of the last layer that PEFT wrapped, so the other layers are asked.
    let stated: LoRAProduct.Layout = adapter.settings.fanInFanOut ? .transposed : .rows
    let own = layouts[Key(layer.module).components.last ?? ""] ?? []
    let all = layouts.values.reduce(into: Set()) { $0.formUnion($1) }
    for known in [own, all] where known.count == 1 && known.contains(stated) { return stated }
    guard all.isEmpty else {
      throw .adapter(
        adapter.settings.path, .ambiguousSquare(layer.module, adapter.settings.fanInFanOut))
    }
    return stated
  }

  // MARK: - Parameters

  /// The parameter of a module that a wrapper changes. Where there are several, the shapes tell which is which.
  private mutating func experts(
    _ layer: LoRAAdapter.Layer, _ parameters: [String], _ a: Tensor, _ b: Tensor
  ) throws(SurgeryError) -> LoRAPlacement {
    guard !adapter.settings.usesDoRA, layer.bias == nil, !layer.isEmbedding,
      adapter.settings.linearVariant == nil, !adapter.settings.fanInFanOut, a.shape.rank == 2,
      b.shape.rank == 2
    else {
      throw .adapter(adapter.settings.path, .parametersOfVariant)
    }
    var fits: [LoRAPlacement] = []
    var present: [Key] = []
    for parameter in parameters {
      let name = "\(layer.module).\(parameter)"
      let key = names.key(name)
      guard let weight = entries[key]?.tensor else { continue }
      present.append(key)
      try demandNumbers(weight, key)
      guard let layouts = expertLayouts(a, b, weight, name) else { continue }
      guard layouts.count == 1 else {
        throw refusal(.ambiguousInputs(key, weight.shape))
      }
      let rank = scaling.rank(of: name) ?? 0
      let product = LoRAProduct(
        a: a, b: b, rank: rank, layout: layouts[0], scale: try scaling.scale(of: name, rank: rank))
      fits.append(LoRAPlacement(layer: layer, key: key, product: product, repetitions: 1))
    }
    guard fits.count == 1, taken.insert(fits[0].key).inserted else {
      throw refusal(.ambiguousParameter(layer.wrapper, fits: fits.count, present))
    }
    return fits[0]
  }

  /// The layouts in which the factors fit a parameter; `nil` when in none.
  private mutating func expertLayouts(
    _ a: Tensor, _ b: Tensor, _ weight: Tensor, _ name: String
  ) -> [LoRAProduct.Layout]? {
    guard let rank = scaling.rank(of: name), rank > 0, a.shape[0] == b.shape[1] else { return nil }
    let (outputs, inputs) = (b.shape[0], a.shape[1])
    switch weight.shape.dimensions {
    case [outputs, inputs] where a.shape[0] == rank: return [.rows]
    case let extents where extents.count == 3:
      let (count, overflows) = extents[0].multipliedReportingOverflow(by: rank)
      guard !overflows, count == a.shape[0] else { return nil }
      var layouts: [LoRAProduct.Layout] = []
      if extents[1] == outputs, extents[2] == inputs {
        layouts.append(.experts(extents[0], isTransposed: false))
      }
      if extents[1] == inputs, extents[2] == outputs {
        layouts.append(.experts(extents[0], isTransposed: true))
      }
      return layouts.isEmpty ? nil : layouts
    default: return nil
    }
  }
}
