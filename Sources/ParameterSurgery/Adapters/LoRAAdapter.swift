internal import CheckpointFiles
internal import OrderedCollections

/// A LoRA adapter as PEFT saves it (`adapter_model.safetensors`, `adapter_config.json`), sorted by what its members
/// do when it is merged.
struct LoRAAdapter {
  /// The factors for one weight.
  struct Layer {
    /// The module's name in the model, with a `base_layer` for each wrapper that is around another.
    let wrapper: String
    /// The module's name in the model.
    let module: String
    var a: Tensor?
    var b: Tensor?
    /// The bias of the second factor (`lora_bias`).
    var bias: Tensor?
    /// The lengths that DoRA gives to the outputs.
    var magnitude: Tensor?
    /// An embedding's factors are stored transposed.
    var isEmbedding = false
  }

  /// A tensor that is stored as a whole.
  struct Whole {
    /// Its name in the model.
    let name: String
    /// Its name in the adapter's file.
    let source: Key
    let tensor: Tensor
    /// How PEFT brings it into the model.
    let role: Role

    enum Role: Hashable {
      /// A module of its own, of `modules_to_save`, takes the place of the model's.
      case module
      /// It is loaded into the model's tensor: a trained bias, an embedding saved beside its factors.
      case base
    }
  }

  /// Rows of an embedding.
  struct Rows {
    let module: String
    let source: Key
    let indices: [Int]
    let tensor: Tensor
  }

  let settings: LoRASettings
  private(set) var layers: OrderedDictionary<Key, Layer> = [:]
  /// The modules that have factors.
  private var modules: Set<Key> = []
  private(set) var wholes: [Whole] = []
  private(set) var rows: [Rows] = []
  /// The file of the tensors.
  let checkpoint: Checkpoint

  /// - Throws: ``SurgeryError`` that names the member which cannot be merged, `CheckpointError` when a file cannot be
  ///   read.
  init(folder: String) throws {
    if WholeFile.exists(folder), !WholeFile.isFolder(folder) {
      throw SurgeryError.adapter(folder, .isAFile)
    }
    settings = try LoRASettings(Path.join(folder, "adapter_config.json"))
    let files = ["adapter_model.safetensors", "adapter_model.bin"].map { Path.join(folder, $0) }
    guard let weights = files.first(where: WholeFile.exists) else {
      throw SurgeryError.adapter(folder, .noWeights)
    }
    checkpoint = try Checkpoint.open(weights)
    let names = try modelNames()
    var adapterNames: Set<Key> = []
    var others: [(name: [Key], source: Key, tensor: Tensor)] = []
    for (name, (source, tensor)) in zip(names, checkpoint.tensors) {
      let parts = Key(name).parts
      guard let place = parts.firstIndex(where: { $0.begins(with: "lora_") }) else {
        others.append((parts, source, tensor))
        continue
      }
      try addFactor(
        Array(parts[..<place]), Array(parts[place...]), tensor, source, &adapterNames)
    }
    let all = Set(names.map { Key($0) })
    modules = Set(layers.values.map { Key($0.module) })
    for (name, source, tensor) in others {
      try addOther(name, source, tensor, all, &adapterNames)
    }
    if adapterNames.count > 1 {
      throw refusal(.severalAdapters(adapterNames))
    }
    try checkConflicts()
  }

  private func refusal(_ problem: AdapterProblem) -> SurgeryError {
    .adapter(checkpoint.path, problem)
  }

  /// The keys without the prefix that PEFT's wrapper gives them.
  private func modelNames() throws(SurgeryError) -> [String] {
    let prefix = "base_model.model."
    let keys = checkpoint.keys
    guard let first = keys.first(where: { $0.begins(with: prefix) }) else {
      return keys.map(\.string)
    }
    if let other = keys.first(where: { !$0.begins(with: prefix) }) {
      throw refusal(.mixedPrefix(other, first, prefix))
    }
    return keys.map { $0.dropping(prefix).string }
  }

  /// Adds a member whose name has a part that begins with `lora_`.
  private mutating func addFactor(
    _ wrapper: [Key], _ tail: [Key], _ tensor: Tensor, _ source: Key,
    _ adapterNames: inout Set<Key>
  ) throws(SurgeryError) {
    let kind = tail[0]
    // `lora_A.weight`, or `lora_A.default.weight` in a model that is not unwrapped.
    var rest = Array(tail.dropFirst())
    let isModule = kind == "lora_A" || kind == "lora_B"
    let ending = ["weight", "bias"].contains(rest.last ?? "") ? rest.removeLast() : ""
    // What VeLoRA and MonteCLoRA keep for training has no part in the merged weights.
    if kind == "lora_velora_embed" || kind == "lora_monteclora_sampler",
      settings.linearVariant != nil
    {
      return
    }
    let path = Key(joining: wrapper)
    let module = LoRAAdapter.module(wrapper).string
    var layer = layers[path] ?? Layer(wrapper: path.string, module: module)
    guard !module.isEmpty, rest.count <= 1, !isModule || ending != "" else {
      throw refusal(.notAFactor(source))
    }
    adapterNames.insert(rest.first ?? "")
    func put(_ slot: inout Tensor?) throws(SurgeryError) {
      if slot != nil { throw refusal(.duplicate(source)) }
      slot = tensor
    }
    switch (kind, ending) {
    case ("lora_A", "weight"): try put(&layer.a)
    case ("lora_B", "weight"): try put(&layer.b)
    case ("lora_B", "bias"):
      guard settings.hasFactorBias else {
        throw refusal(.biasWithoutSetting(source))
      }
      try put(&layer.bias)
    case ("lora_embedding_A", ""), ("lora_embedding_B", ""):
      layer.isEmbedding = true
      if kind == "lora_embedding_A" { try put(&layer.a) } else { try put(&layer.b) }
    case ("lora_magnitude_vector", _) where ending != "bias":
      guard settings.usesDoRA else {
        throw refusal(.lengthsWithoutSetting(source))
      }
      try put(&layer.magnitude)
    default:
      throw refusal(.otherKind(source))
    }
    layers[path] = layer
  }

  /// Adds a member that is not a factor.
  ///
  /// - Parameter names: those of all members.
  private mutating func addOther(
    _ name: [Key], _ source: Key, _ tensor: Tensor, _ names: Set<Key>,
    _ adapterNames: inout Set<Key>
  ) throws(SurgeryError) {
    if let place = name.firstIndex(of: "token_adapter") {
      let tail = name[(place + 1)...]
      guard tail.first == "trainable_tokens_delta", tail.count <= 2 else {
        throw refusal(.otherKind(source))
      }
      adapterNames.insert(tail.count == 2 ? tail[place + 2] : "")
      return try addRows(Key(joining: name[..<place]).string, source, tensor)
    }
    if let place = name.firstIndex(of: "modules_to_save"), place + 1 < name.count {
      // With `bias` "all", PEFT stores the biases of these modules a second time, under this name.
      let whole = Key(joining: name[..<place] + name[(place + 1)...])
      if names.contains(whole) { return }
      // A model that is not unwrapped has the adapter's name there.
      let isNamed = name.count > place + 2
      adapterNames.insert(isNamed ? name[place + 1] : "")
      let text =
        (isNamed ? Key(joining: name[..<place] + name[(place + 2)...]) : whole).string
      guard !settings.savedModules(holding: text).isEmpty else {
        throw refusal(.moduleNotNamed(source))
      }
      return wholes.append(Whole(name: text, source: source, tensor: tensor, role: .module))
    }
    // The module as it was before: its copy takes its place.
    if name.contains("original_module") { return }
    let text = LoRAAdapter.module(name).string
    if name.contains("base_layer") {
      let module = LoRAAdapter.module(name.dropLast())
      guard modules.contains(module) else {
        throw refusal(.baseWithoutFactors(source, module: module.string))
      }
      return wholes.append(Whole(name: text, source: source, tensor: tensor, role: .base))
    }
    let role: Whole.Role = settings.savedModules(holding: text).isEmpty ? .base : .module
    wholes.append(Whole(name: text, source: source, tensor: tensor, role: role))
  }

  private mutating func addRows(
    _ module: String, _ source: Key, _ tensor: Tensor
  ) throws(SurgeryError) {
    guard let indices = settings.rows(of: module) else {
      throw .adapter(settings.path, .noTokenRows(module, source))
    }
    guard tensor.shape.rank == 2, tensor.shape[0] == indices.count, !indices.isEmpty else {
      throw refusal(.otherTokenRows(source, tensor.shape, count: indices.count))
    }
    if Set(indices).count != indices.count {
      throw .adapter(settings.path, .duplicateTokenRow(module))
    }
    rows.append(Rows(module: module, source: source, indices: indices, tensor: tensor))
  }

  /// Throws when a member is stored twice, or under a name that PEFT leaves out when it loads the adapter.
  private func checkConflicts() throws(SurgeryError) {
    var targets = settings.targets
    if settings.tiesWeights, let layer = layers.values.first(where: \.isEmbedding) {
      throw .adapter(settings.path, .tiedEmbeddingFactors(layer.module))
    }
    for layer in layers.values {
      guard layer.a != nil, layer.b != nil else {
        throw refusal(.unfitFactors(layer.module))
      }
      if settings.usesDoRA, layer.magnitude == nil {
        throw refusal(.noLengths(layer.module))
      }
      if let entry = settings.savedModules(holding: layer.module + ".weight").first {
        throw .adapter(settings.path, .savedWithFactors(entry, module: layer.module))
      }
      if settings.parameters(of: layer.module).isEmpty,
        let member = targets.exclusion(of: owner(of: layer))
      {
        throw .adapter(settings.path, .leftOut(member, module: layer.module))
      }
    }
    var seen: Set<Key> = []
    for whole in wholes {
      guard seen.insert(Key(whole.name)).inserted else {
        throw refusal(.storedAgain(whole.source))
      }
      // What a layer with factors was before is called `base_layer`; PEFT does not load another name.
      if whole.name.ends(with: ".weight"), !whole.source.contains(".base_layer."),
        modules.contains(Key(whole.name).droppingLast(".weight"))
      {
        throw refusal(.storedWithFactors(whole.source))
      }
    }
    for part in rows {
      if modules.contains(Key(part.module)) || seen.contains(Key(part.module + ".weight")) {
        throw refusal(.storedWithChange(part.source))
      }
    }
    guard !layers.isEmpty else { throw refusal(.noFactors) }
  }

  /// The module that the configuration knows: the output projection of an attention that PEFT wraps as a whole
  /// belongs to the attention.
  func owner(of layer: Layer) -> String {
    let parts = Key(layer.wrapper).parts
    guard parts.count > 2, parts[parts.count - 2] == "base_layer", parts.last == "out_proj" else {
      return layer.module
    }
    return LoRAAdapter.module(parts.dropLast(2)).string
  }

  /// The path without the components that PEFT's wrapper of a layer adds.
  private static func module(_ parts: some Sequence<Key>) -> Key {
    Key(joining: parts.filter { $0 != "base_layer" })
  }
}

extension LoRASettings {
  /// The parameters of `module` that `target_parameters` names; `module` itself has no weight then.
  func parameters(of module: String) -> [String] {
    targetParameters.compactMap { target in
      let parts = Key(target).components
      let owner = parts.dropLast().joined(separator: ".")
      guard let parameter = parts.last, owner.isEmpty || LoRATargets.names([owner], name: module)
      else { return nil }
      return String(parameter)
    }
  }
}
