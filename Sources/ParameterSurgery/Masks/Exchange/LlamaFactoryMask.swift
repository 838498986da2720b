internal import CheckpointFiles
internal import OrderedCollections

/// LLaMA-Factory's freeze settings: some of the layers, or modules of them, and names of modules outside
/// of layers. Everything is looked for as a part of the parameter's name.
struct LlamaFactoryRules {
  /// The last layers when positive, the first when negative.
  var layers: Int
  /// Whether it is every n-th layer instead, as LLaMA Pro inserts new blocks at regular distances.
  var isSpread = false
  /// Modules of those layers; `all`.
  var modules: [String]
  /// Modules outside of layers.
  var extra: [String]

  /// The numbers of the layers.
  ///
  /// - Throws: ``SurgeryError`` when LLaMA Pro's layers do not divide the model's.
  func indices(layerCount: Int) throws(SurgeryError) -> [Int] {
    if isSpread {
      guard layers > 0, layerCount > 0, layerCount.isMultiple(of: layers) else {
        throw .layersNotDivisible(layerCount, by: layers)
      }
      let step = layerCount / layers
      return Array(stride(from: step - 1, to: layerCount, by: step))
    }
    return layers > 0
      ? Array(max(0, layerCount - layers)..<layerCount)
      : Array(0..<min(layers.magnitudeCapped, layerCount))
  }

  /// The parts of names that one setting stands for.
  func patterns(_ module: String, _ indices: [Int]) -> [String] {
    indices.map { ".\($0).\(module.isSame(as: "all") ? "" : module)" }
  }

  /// The keys that the settings train.
  ///
  /// - Throws: ``SurgeryError`` when LLaMA Pro's layers do not divide the model's.
  func keys(among keys: [Key], layerCount: Int) throws(SurgeryError) -> Set<Key> {
    let indices = try indices(layerCount: layerCount)
    let patterns = modules.flatMap { self.patterns($0, indices) } + extra
    return Set(
      keys.filter { key in patterns.contains { key.string.containsBytes(of: $0) } })
  }

  /// The number of layers: what `config.json` names, otherwise what the outermost numbered modules
  /// agree on.
  ///
  /// - Throws: ``SurgeryError`` when neither shows it.
  static func layerCount(
    of keys: some Sequence<Key>, configuration: JSONValue?
  ) throws(SurgeryError) -> Int {
    if let configuration {
      let inner = configuration["text_config"] ?? configuration
      for name in ["num_hidden_layers", "num_layers", "n_layer"] {
        if let count = inner[name]?.integer, count > 0 { return try checked(count) }
      }
      throw .noLayerCount
    }
    var stacks: OrderedDictionary<Key, Set<Int>> = [:]
    for key in keys {
      let parts = key.components
      // Parameters of a Sequential are directly below the number, those of a layer in modules of it.
      guard let place = parts.firstIndex(where: { $0.isIndex }), place + 2 < parts.count,
        let index = Int(parts[place])
      else { continue }
      stacks[Key(parts[..<place].joined(separator: ".")), default: []].insert(index)
    }
    let counts = Set(stacks.values.map { ($0.max() ?? 0) &+ 1 })
    guard counts.count <= 1 else {
      throw .ambiguousLayers(stacks.keys.prefix(4).map(\.string))
    }
    return try checked(counts.first ?? 0)
  }

  private static func checked(_ count: Int) throws(SurgeryError) -> Int {
    guard count <= 10_000 else {
      throw .tooManyLayers(count)
    }
    return count
  }

  /// The name after the last `.0.`, or `.1.`, of a parameter: a module that settings may name.
  static func hiddenModule(_ key: Key) -> Key? {
    let parts = key.components
    for index in ["0", "1"] {
      // As Python's `split(".0.")`: separators do not share a dot, and the first and the last component have a dot on
      // one side only.
      var place = 1
      var module: Substring?
      while place < parts.count - 1 {
        if parts[place].isSame(as: index) {
          module = parts[place + 1]
          place += 1
        }
        place += 1
      }
      if let module { return Key(String(module)) }
    }
    return nil
  }

  /// The module of a parameter outside of layers.
  static func outerModule(_ key: Key) -> Key? {
    let parts = key.components
    let isInside = parts.dropFirst().dropLast().contains { $0.isIndex }
    return isInside || parts.count < 2 ? nil : Key(String(parts[parts.count - 2]))
  }
}

extension MaskReader {
  private static let freezeSettings = [
    "freeze_trainable_layers", "freeze_trainable_modules", "freeze_extra_modules",
  ]

  /// Names are looked for anywhere in a parameter's name.
  mutating func readLlamaFactory(
    _ settings: TrainerSettings, configuration: JSONValue?
  ) throws(SurgeryError) {
    let names = MaskReader.freezeSettings
    let isFull = try demandFreeze(settings)
    try settings.refuse([
      "use_badam": "BAdam trains other blocks from time to time, which one mask cannot express",
      "adapter_name_or_path": "LLaMA-Factory takes adapters only with `finetuning_type` lora",
      "mixture_of_depths": "it gives the layers of the model other modules",
      "use_mca": "the settings act on Megatron's names of the parameters",
      "use_megatron_bridge": "the settings act on Megatron's names of the parameters",
      "quantization_bit": "LLaMA-Factory trains quantised models only with adapters",
    ])
    try settings.refuseUnknown(
      except: Set(
        names.map { Key($0) } + [
          "use_llama_pro", "freeze_vision_tower", "freeze_multi_modal_projector",
          "freeze_language_model", "badam_mode", "badam_start_block", "badam_switch_mode",
          "badam_switch_interval", "badam_update_ratio", "badam_mask_mode", "badam_verbose",
        ]), of: "LLaMA-Factory")
    if let part = MultimodalParts.first(in: parameters)
      ?? ["vision_config", "audio_config"].first(where: {
        configuration?[$0].map { $0 != .null } ?? false
      })
    {
      throw .multimodal(part, importedFrom: "LLaMA-Factory")
    }
    if let stage = try settings.text("stage"), ["rm", "ppo"].contains(Key(stage)) {
      notes.append("`stage` \(stage) also trains a value head, which is not in the checkpoint")
    }
    if isFull {
      guard try settings.flag("use_llama_pro") != true else {
        throw .llamaProWithFull
      }
      trained = Set(parameters.map(\.key))
      return spreadOverTies()
    }
    let rules = LlamaFactoryRules(
      layers: try settings.integer(names[0]) ?? 2,
      isSpread: try settings.flag("use_llama_pro") ?? false,
      modules: try split(settings.texts(names[1])) ?? ["all"],
      extra: try split(settings.texts(names[2])) ?? [])
    try read(rules, configuration)
    spreadOverTies()
  }

  private func split(_ texts: [String]?) -> [String]? {
    texts?.flatMap { text in
      Key(text).string.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        .map { String(Substring($0).trimmingBlanks) }
    }
  }

  /// Whether everything trains.
  private mutating func demandFreeze(_ settings: TrainerSettings) throws(SurgeryError) -> Bool {
    guard let type = try settings.text("finetuning_type") else {
      for name in MaskReader.freezeSettings + ["use_llama_pro"] {
        guard try settings.value(name) != nil else { continue }
        warnings.append(
          "finetuning_type is not given, and the default of LLaMA-Factory is lora; read as freeze")
        return false
      }
      throw .noSettings(MaskReader.freezeSettings)
    }
    guard type.isSame(as: "freeze") || type.isSame(as: "full") else {
      throw .setting("finetuning_type", type, expected: "\"freeze\"")
    }
    return type.isSame(as: "full")
  }

  private mutating func read(
    _ rules: LlamaFactoryRules, _ configuration: JSONValue?
  ) throws(SurgeryError) {
    let keys = parameters.map(\.key)
    let hidden = OrderedSet(keys.compactMap(LlamaFactoryRules.hiddenModule))
    let outer = OrderedSet(keys.compactMap(LlamaFactoryRules.outerModule))
    let count = try LlamaFactoryRules.layerCount(of: keys, configuration: configuration)
    let indices = try rules.indices(layerCount: count)
    for module in rules.modules {
      guard module.isSame(as: "all") || hidden.contains(Key(module)) else {
        throw .notALayerModule(module, known: hidden.map(\.string))
      }
      // Not every layer has every module: a mixture of experts may begin with dense layers.
      var empty = 0
      for pattern in rules.patterns(module, indices) {
        let found = try match(pattern, in: "the freeze settings", isOptional: true) {
          $0.utf8.firstRange(of: pattern.utf8)
        }
        trained.formUnion(found)
        if found.isEmpty { empty += 1 }
      }
      guard empty == 0 || empty < indices.count else {
        throw .noTensor(module, ofLayers: indices)
      }
      if empty > 0 {
        notes.append("\(grouped(empty)) of the layers that train have no module \(quoted(module))")
      }
    }
    for module in rules.extra {
      guard outer.contains(Key(module)) else {
        throw .notAnOuterModule(module, known: outer.map(\.string))
      }
      trained.formUnion(
        try match(module, in: "freeze_extra_modules") { $0.utf8.firstRange(of: module.utf8) })
    }
  }
}

extension FreezeMask {
  func llamaFactorySettings() throws(SurgeryError) -> String {
    try refuseRows("LLaMA-Factory")
    let keys = parameterKeys
    if let part = MultimodalParts.first(in: keys) {
      throw .multimodal(part, exportedTo: "LLaMA-Factory")
    }
    let wanted = Set(trainableKeys)
    let count = try LlamaFactoryRules.layerCount(of: keys, configuration: nil)
    var nearest: Set<Key>?
    for candidate in candidates(wanted, layerCount: count) {
      let rules = try rules(wanted, keys: keys, candidate, layerCount: count)
      let trained = try rules.keys(among: keys, layerCount: count)
      if trained == wanted { return LlamaFactoryRules.yaml(rules) }
      if nearest.map({
        trained.symmetricDifference(wanted).count < $0.symmetricDifference(wanted).count
      }) ?? true {
        nearest = trained
      }
    }
    try demand(nearest ?? [], by: "LLaMA-Factory")
    throw .notExpressible(by: "LLaMA-Factory")
  }

  /// How many layers from which end: as many as have something that trains.
  private func candidates(_ wanted: Set<Key>, layerCount: Int) -> [LlamaFactoryRules] {
    let touched = Set(
      wanted.flatMap { $0.components.dropFirst().dropLast() }.filter(\.isIndex).compactMap {
        Int($0)
      }
    ).count { $0 < layerCount }
    func rules(_ layers: Int, isSpread: Bool = false) -> LlamaFactoryRules {
      LlamaFactoryRules(layers: layers, isSpread: isSpread, modules: ["all"], extra: [])
    }
    if touched == 0 { return [rules(0)] }
    let spread = layerCount.isMultiple(of: touched) ? [rules(touched, isSpread: true)] : []
    return [rules(0), rules(touched), rules(-touched)] + spread
  }

  private func rules(
    _ wanted: Set<Key>, keys: [Key], _ candidate: LlamaFactoryRules, layerCount: Int
  ) throws(SurgeryError) -> LlamaFactoryRules {
    var rules = candidate
    rules.extra = OrderedSet(
      keys.filter(wanted.contains).compactMap(LlamaFactoryRules.outerModule)
    ).map(\.string)
    if rules.layers == 0 { return rules }
    if try rules.keys(among: keys, layerCount: layerCount) == wanted { return rules }
    var modules: [String] = []
    for module in OrderedSet(keys.compactMap(LlamaFactoryRules.hiddenModule)).map(\.string) {
      var one = rules
      one.modules = [module]
      one.extra = []
      if try one.keys(among: keys, layerCount: layerCount).isSubset(of: wanted) {
        modules.append(module)
      }
    }
    if !modules.isEmpty { rules.modules = modules }
    return rules
  }
}

extension LlamaFactoryRules {
  fileprivate static func yaml(_ rules: LlamaFactoryRules) -> String {
    func list(_ names: [String]) -> String {
      "[" + names.map(YAMLSections.scalar).joined(separator: ", ") + "]"
    }
    var text = "finetuning_type: freeze\nfreeze_trainable_layers: \(rules.layers)\n"
    text += "freeze_trainable_modules: \(list(rules.modules))\n"
    if !rules.extra.isEmpty { text += "freeze_extra_modules: \(list(rules.extra))\n" }
    if rules.isSpread { text += "use_llama_pro: true\n" }
    return text
  }
}

extension Int {
  /// The distance from zero, also of the lowest number.
  fileprivate var magnitudeCapped: Int { self == .min ? .max : Swift.abs(self) }
}

extension Substring {
  fileprivate var isIndex: Bool {
    !isEmpty && utf8.allSatisfy { (48...57).contains($0) }
  }
}

extension Substring {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmingBlanks: Substring {
    let blanks: [UInt8] = [0x20, 0x09]
    guard let start = utf8.firstIndex(where: { !blanks.contains($0) }),
      let last = utf8.lastIndex(where: { !blanks.contains($0) })
    else { return "" }
    return self[start..<utf8.index(after: last)]
  }
}
