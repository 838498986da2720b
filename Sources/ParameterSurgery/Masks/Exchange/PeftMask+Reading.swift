internal import CheckpointFiles
internal import OrderedCollections

/// Which modules PEFT puts adapters on: `target_modules` with what narrows it.
private struct PeftTargets {
  private var whole: PythonRegex?
  private let names: [String]
  private var excludedWhole: PythonRegex?
  private let excluded: [String]
  private var saved: [PythonRegex] = []
  private let layers: Set<Int>?
  private var layerPatterns: [PythonRegex] = []

  /// - Throws: ``SurgeryError`` when `target_modules` leaves open which modules are meant.
  init(_ settings: TrainerSettings, saved modules: [String]) throws(SurgeryError) {
    let targets = try settings.value("target_modules")
    if let text = targets?.string {
      guard !text.lowercased().isSame(as: "all-linear") else { throw .allLinear }
      whole = try PythonRegex("(?:\(text))")
      names = []
    } else {
      guard let listed = try settings.texts("target_modules"), !listed.isEmpty else {
        throw .noTargets
      }
      names = listed
    }
    if let text = try settings.value("exclude_modules")?.string {
      excludedWhole = try PythonRegex("(?:\(text))")
      excluded = []
    } else {
      excluded = try settings.texts("exclude_modules") ?? []
    }
    for module in modules { saved.append(try PythonRegex("(^|.*\\.)\(module)($|\\..*)")) }
    if let value = try settings.value("layers_to_transform") {
      let numbers = value.array ?? [value]
      guard numbers.allSatisfy({ $0.integer != nil }) else {
        throw .setting("layers_to_transform", value, expected: "layer numbers")
      }
      layers = numbers.isEmpty ? nil : Set(numbers.compactMap(\.integer))
    } else {
      layers = nil
    }
    let patterns = (try settings.texts("layers_pattern") ?? []).filter { !$0.isEmpty }
    for pattern in patterns.isEmpty ? ["[^.]*"] : patterns {
      let before = patterns.isEmpty ? ".*?\\." : "(?:^|.*?\\.)"
      layerPatterns.append(try PythonRegex("\(before)\(pattern)\\.([0-9]+)\\."))
    }
  }

  mutating func contains(_ path: String) -> Bool {
    if excludedWhole?.fullMatch(path) ?? false { return false }
    if PeftTargets.isNamed(path, excluded) { return false }
    for index in saved.indices where saved[index].match(path) != nil { return false }
    if let matches = whole?.fullMatch(path) { return matches }
    guard PeftTargets.isNamed(path, names) else { return false }
    guard let layers else { return true }
    for index in layerPatterns.indices {
      guard let number = layerPatterns[index].firstGroup(path) else { continue }
      return Int(number).map(layers.contains) ?? false
    }
    return false
  }

  private static func isNamed(_ path: String, _ names: [String]) -> Bool {
    names.contains { path.isSame(as: $0) || path.ends(with: "." + $0) }
  }
}

extension MaskReader {
  /// The kinds of adapters that PEFT knows.
  private static let kinds: Set<Key> = [
    "PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "LORA", "ADALORA",
    "ADAMSS", "BOFT", "ADAPTION_PROMPT", "IA3", "BEFT", "LOHA", "LOKR", "OFT", "XLORA", "POLY",
    "LN_TUNING", "VERA", "FROD", "FOURIERFT", "HRA", "BONE", "MISS", "RANDLORA", "SHIRA", "C3A",
    "ROAD", "WAVEFT", "OSF", "DELORA", "GRALORA", "SHADOW", "DEFT", "TRAINABLE_TOKENS", "CPT",
    "VBLORA", "CARTRIDGE", "GLORA", "HIRA", "LILY", "PEANUT", "PSOFT", "PVERA", "SUPERTUNING",
    "TINYLORA", "UNILORA",
  ]

  /// What PEFT trains of the model itself: `modules_to_save`, biases, rows of embeddings, and the
  /// modules of LayerNorm tuning.
  mutating func readPeft(_ settings: TrainerSettings) throws(SurgeryError) {
    let kind = try settings.text("peft_type").map { Key($0) }
    if let kind, !MaskReader.kinds.contains(kind) {
      throw .unknownValue(kind.string, of: "peft_type")
    }
    guard kind != "OSF" else { throw .trainsDecomposedWeights }
    try settings.refuse([
      "layer_replication": "PEFT trains a model with other layers than those of the checkpoint"
    ])
    try settings.refuseUnknown(
      except: ["trainable_token_indices", "use_trainable_adapters", "num_frozen_tokens"], of: "PEFT"
    )
    let saved = try savedModules(settings, kind)
    for module in saved.all.map(\.string) {
      trained.formUnion(
        try match(module, in: "modules_to_save", isOptional: saved.implied.contains(Key(module))) {
          key in
          for path in PeftRules.modules(above: Key(key)) where path.string.ends(with: module) {
            let end = key.utf8.index(key.startIndex, offsetBy: path.string.utf8.count)
            return key.utf8.index(end, offsetBy: -module.utf8.count)..<end
          }
          return nil
        })
    }
    try readBiases(settings, saved: saved.all)
    switch kind {
    case "LN_TUNING":
      let modules = try targeted(settings, saved: saved.all)
      trained.formUnion(
        try match("target_modules", in: "the configuration") { key in
          PeftRules.modules(above: Key(key)).contains { modules.contains($0) }
            ? key.startIndex..<key.endIndex : nil
        })
    case "TRAINABLE_TOKENS":
      try readTokenAdapter(settings)
    default:
      if let tokens = try settings.value("trainable_token_indices") {
        try readTokens(tokens, in: "trainable_token_indices", saved: saved.all)
      }
      if let targets = try settings.value("target_modules"),
        targets != .string(PeftRules.noTargets)
      {
        notes.append(
          "PEFT also trains adapters for `target_modules`, which are not in the checkpoint")
      }
    }
    if trained.isEmpty, rows.isEmpty {
      throw .trainsAdaptersOnly(newHeads: saved.implied.sorted().map(\.string))
    }
    if try settings.flag("ensure_weight_tying") ?? false { spreadOverTies() }
    for group in tree.ties {
      if let first = group.first, let rows = rows[first] {
        for key in group { self.rows[key] = rows }
      }
    }
  }

  /// `modules_to_save`, and the heads that PEFT adds by itself for some tasks, whether the model has them or not.
  private mutating func savedModules(
    _ settings: TrainerSettings, _ kind: Key?
  ) throws(SurgeryError) -> (all: OrderedSet<Key>, implied: Set<Key>) {
    var implied: [Key]
    switch try settings.text("task_type").map({ Key($0) }) {
    case "SEQ_CLS", "TOKEN_CLS": implied = ["classifier", "score"]
    case "QUESTION_ANS": implied = ["qa_outputs"]
    case nil, "CAUSAL_LM", "SEQ_2_SEQ_LM", "FEATURE_EXTRACTION": implied = []
    case let task?: throw .unknownValue(task.string, of: "task_type")
    }
    // These kinds save no modules.
    if ["TRAINABLE_TOKENS", "ADAPTION_PROMPT", "XLORA"].contains(kind) { implied = [] }
    let listed = OrderedSet((try settings.texts("modules_to_save") ?? []).map { Key($0) })
    return (listed.union(implied), Set(implied))
  }

  /// `bias`: none, all, or those of the modules that have adapters.
  private mutating func readBiases(
    _ settings: TrainerSettings, saved: OrderedSet<Key>
  ) throws(SurgeryError) {
    guard let bias = try settings.text("bias"), !bias.isSame(as: "none") else { return }
    if bias.isSame(as: "all") {
      trained.formUnion(
        try match("all", in: "bias") { key in
          PeftRules.isBias(Key(key))
            ? key.utf8.index(key.endIndex, offsetBy: -4)..<key.endIndex : nil
        })
    } else if bias.lowercased().ends(with: "_only") {
      let modules = try targeted(settings, saved: saved)
      trained.formUnion(
        try match(bias, in: "bias", isOptional: true) { key in
          guard PeftRules.isBias(Key(key)), let path = PeftRules.modules(above: Key(key)).last,
            modules.contains(path)
          else { return nil }
          return key.startIndex..<key.endIndex
        })
    } else {
      throw .setting("bias", bias, expected: "\"none\", \"all\" or \"lora_only\"")
    }
  }

  /// The paths of the modules that have adapters.
  private func targeted(
    _ settings: TrainerSettings, saved: OrderedSet<Key>
  ) throws(SurgeryError) -> Set<Key> {
    var targets = try PeftTargets(settings, saved: saved.map(\.string))
    var modules: Set<Key> = []
    for path in Set(parameters.flatMap({ PeftRules.modules(above: $0.key) }))
    where targets.contains(path.string) {
      modules.insert(path)
    }
    guard !modules.isEmpty else { throw .targetsMatchNothing }
    return modules
  }

  /// The rows of a configuration of trainable tokens.
  private mutating func readTokenAdapter(_ settings: TrainerSettings) throws(SurgeryError) {
    guard let indices = try settings.value("token_indices") else {
      throw .missingSetting("token_indices")
    }
    guard let targets = try settings.texts("target_modules") else {
      return try readTokens(indices, in: "token_indices", saved: [])
    }
    let members = targets.map { ($0, indices) }
    try readTokens(.object(pairs: members), in: "token_indices", saved: [])
  }

  private mutating func readTokens(
    _ tokens: JSONValue, in name: String, saved: OrderedSet<Key>
  ) throws(SurgeryError) {
    let members: OrderedDictionary<Key, JSONValue>
    if let object = tokens.object {
      members = object
    } else {
      members = [try inputEmbeddings(in: name): tokens]
    }
    for (module, value) in members {
      let indices = value.array?.compactMap(\.integer) ?? []
      guard !indices.isEmpty, indices.count == value.array?.count,
        indices.allSatisfy({ $0 >= 0 && $0 < .max })
      else { throw .noRowNumbers(module, in: name) }
      guard !saved.contains(module) else { throw .savedAndInRows(module, name) }
      let ending = module.string + ".weight"
      for key in try match(
        module.string, in: name,
        { key in
          guard key.ends(with: ending) else { return nil }
          return key.utf8.index(key.endIndex, offsetBy: -ending.utf8.count)..<key.endIndex
        })
      {
        rows[key] = RowSet(indices.map { $0..<$0 + 1 })
        trained.remove(key)
      }
    }
  }

  /// The module that `get_input_embeddings()` returns, recognised by its usual names.
  private func inputEmbeddings(in name: String) throws(SurgeryError) -> Key {
    let known: Set<Key> = ["word_embeddings", "embed_tokens", "wte", "embed_in", "shared"]
    let modules = Set(
      parameters.compactMap { info -> Key? in
        guard info.key.last.isSame(as: "weight"),
          let module = PeftRules.modules(above: info.key).last,
          known.contains(Key(String(module.last)))
        else { return nil }
        return module
      })
    guard let module = modules.first, modules.count == 1 else {
      throw .ambiguousEmbedding(name)
    }
    return module
  }
}
