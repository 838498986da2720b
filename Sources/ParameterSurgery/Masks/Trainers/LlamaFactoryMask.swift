internal import CheckpointFiles
internal import OrderedCollections

/// LLaMA-Factory's freeze settings: the first or last so many layers, or modules of them, and names
/// of modules outside of layers. Everything is looked for as a part of the parameter's name.
struct LlamaFactoryRules {
  /// The last layers when positive, the first when negative.
  var layers: Int
  /// Modules of those layers; `all`.
  var modules: [String]
  /// Modules outside of layers.
  var extra: [String]

  /// The patterns in the order of the settings.
  func patterns(layerCount: Int) -> [String] {
    let indices =
      layers > 0
      ? max(0, layerCount - layers)..<layerCount : 0..<min(layers.magnitudeCapped, layerCount)
    return modules.flatMap { module in
      indices.map { ".\($0).\(module == "all" ? "" : module)" }
    } + extra
  }

  /// What they train.
  func keys(among keys: [Key], layerCount: Int) -> Set<Key> {
    let patterns = patterns(layerCount: layerCount)
    return Set(
      keys.filter { key in patterns.contains { key.string.utf8.firstRange(of: $0.utf8) != nil } })
  }

  /// The number of layers that `config.json` will name: of the indexed nodes the one with the most
  /// children, at most as many as could be meant.
  static func layerCount(of keys: some Sequence<Key>) -> Int {
    var children: [String: Set<Int>] = [:]
    for key in keys {
      var path = ""
      for component in key.components {
        if let index = Int(component), index >= 0 { children[path, default: []].insert(index) }
        path += "." + component
      }
    }
    return children.values.map(\.count).max() ?? 0
  }

  /// The name after the last `.0.`, or `.1.`, of a parameter: a module that settings may name.
  static func hiddenModule(_ key: Key) -> String? {
    for index in [".0.", ".1."] where key.string.contains(index) {
      return key.string.split(separator: index, omittingEmptySubsequences: false).last.map {
        String($0.prefix { $0 != "." })
      }
    }
    return nil
  }

  /// The module of a parameter outside of layers.
  static func outerModule(_ key: Key) -> String? {
    let parts = key.components
    let isInside = parts.dropFirst().dropLast().contains { $0.allSatisfy(\.isASCIIDigit) }
    return isInside || parts.count < 2 ? nil : String(parts[parts.count - 2])
  }
}

extension FreezeMask {
  func llamaFactorySettings() throws(SurgeryError) -> String {
    try refuseRows("LLaMA-Factory")
    let keys = Array(states.keys)
    let wanted = Set(trainableKeys)
    let count = LlamaFactoryRules.layerCount(of: keys)
    var nearest: Set<Key>?
    for layers in candidates(wanted, layerCount: count) {
      let rules = rules(wanted, keys: keys, layers: layers, layerCount: count)
      let trained = rules.keys(among: keys, layerCount: count)
      if trained == wanted { return LlamaFactoryRules.yaml(rules) }
      if nearest.map({
        trained.symmetricDifference(wanted).count < $0.symmetricDifference(wanted).count
      }) ?? true {
        nearest = trained
      }
    }
    try demand(nearest ?? [], by: "LLaMA-Factory")
    throw SurgeryError("LLaMA-Factory has no words for this mask; export to torch or hf")
  }

  /// How many layers from which end: as many as have something that trains.
  private func candidates(_ wanted: Set<Key>, layerCount: Int) -> [Int] {
    let touched = (0..<layerCount).count { index in
      wanted.contains { $0.string.contains(".\(index).") }
    }
    return touched == 0 ? [0] : [0, touched, -touched]
  }

  private func rules(
    _ wanted: Set<Key>, keys: [Key], layers: Int, layerCount: Int
  ) -> LlamaFactoryRules {
    let extra = OrderedSet(
      keys.filter(wanted.contains).compactMap(LlamaFactoryRules.outerModule))
    var rules = LlamaFactoryRules(layers: layers, modules: ["all"], extra: Array(extra))
    if layers == 0 || rules.keys(among: keys, layerCount: layerCount) == wanted { return rules }
    let known = OrderedSet(keys.compactMap(LlamaFactoryRules.hiddenModule))
    let modules = known.filter { module in
      var one = rules
      one.modules = [module]
      one.extra = []
      return one.keys(among: keys, layerCount: layerCount).isSubset(of: wanted)
    }
    if !modules.isEmpty { rules.modules = Array(modules) }
    return rules
  }
}

extension LlamaFactoryRules {
  fileprivate static func yaml(_ rules: LlamaFactoryRules) -> String {
    func list(_ names: [String]) -> String {
      "[" + names.map(FlatYAML.quoted).joined(separator: ", ") + "]"
    }
    var text = "finetuning_type: freeze\nfreeze_trainable_layers: \(rules.layers)\n"
    text += "freeze_trainable_modules: \(list(rules.modules))\n"
    if !rules.extra.isEmpty { text += "freeze_extra_modules: \(list(rules.extra))\n" }
    return text
  }
}

extension Int {
  /// The distance from zero, also of the lowest number.
  fileprivate var magnitudeCapped: Int { self == .min ? .max : Swift.abs(self) }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
