internal import CheckpointFiles
internal import OrderedCollections

// Layers: their numbers, their tensors, and what `config.json` states about them.
extension CheckpointLint {
  /// - Parameters:
  ///   - stacks: the numbered layers of the checkpoint.
  ///   - family: the family of the model.
  ///   - json: the configuration, if there is one.
  mutating func checkLayers(_ stacks: [LayerStack], _ family: ModelFamily, _ json: JSONValue?) {
    let isQuantised = json?["quantization_config"] != nil
    for stack in stacks where stack.isNamed {
      for index in stack.missing(isCounted: family.isUniform).prefix(20) {
        add(
          .missingLayer, stack.key(of: index),
          "layer \(index) is missing; there are \(stack.indices.count) of 0 to "
            + "\(stack.indices.last ?? 0)")
      }
      let isUniform = family.isUniform || json == nil && stack.isBERT
      for layer in (isUniform ? stack.incomplete : stack.incompleteAlone).prefix(100) {
        add(
          .incompleteLayer, layer.key,
          "is missing; \(layer.others) of \(stack.indices.count) layers have it",
          isUniform ? nil : .warning)
      }
      // Quantised layers, and layers of several widths, differ on purpose.
      guard !isQuantised, json == nil || family.isUniform, !stack.isQuantised else { continue }
      for layer in stack.unlike.prefix(100) {
        add(.unlikeLayer, layer.key, "is \(layer.found), but \(layer.usual) in the other layers")
      }
    }
  }

  /// The counts of layers, and the lists with an entry for each.
  mutating func checkLayerCounts(
    _ checkpoint: Checkpoint, _ sections: [ConfigurationSection], _ family: ModelFamily
  ) {
    let nodes = NumberedLayers.all(checkpoint.tensors.keys)
    let hasEncoder = nodes.contains(where: \.isEncoder)
    var groups:
      OrderedDictionary<[String], (section: Int, names: [String], nodes: [NumberedLayers])> =
        [:]
    for node in nodes {
      guard let (section, names) = node.counts(in: sections, hasEncoder: hasEncoder) else {
        continue
      }
      groups[names.map { sections[section].name($0) }, default: (section, names, [])].nodes
        .append(node)
    }
    for (section, names, nodes) in groups.values {
      checkCount(nodes, names, sections[section], sections[section].path.isEmpty ? family : nil)
      if NumberedLayers.isMain(names) {
        for node in nodes { checkKinds(node, sections[section]) }
      }
    }
    for section in sections { checkLists(section) }
  }

  private static func extra(_ section: ConfigurationSection) -> Int {
    section.count("num_nextn_predict_layers") ?? section.count("mtp_num_hidden_layers") ?? 0
  }

  private mutating func checkCount(
    _ nodes: [NumberedLayers], _ names: [String], _ section: ConfigurationSection,
    _ family: ModelFamily?
  ) {
    let stated = names.compactMap { section.count($0) ?? section.count("num_layers") }
    let extra = CheckpointLint.extra(section)
    func agrees(_ node: NumberedLayers) -> Bool {
      stated.contains { node.count == $0 || node.count == $0.addingSaturated(extra) }
    }
    let agreeing = nodes.filter(agrees)
    var odd = nodes.filter { node in
      !agrees(node) && agreeing.contains { $0.parent == node.parent }
    }
    if agreeing.isEmpty, let most = nodes.max(by: { $0.count < $1.count }) { odd = [most] }
    let type = section["model_type"]?.string.map { ModelFamily($0) } ?? family
    for node in odd {
      guard let count = stated.first, let name = names.first else { continue }
      let isPlain = section.path.isEmpty && ["num_hidden_layers", "n_layers"].contains(Key(name))
      add(
        .configuration, nil,
        isPlain && nodes.count == 1
          ? "config.json has \(count) layers, the checkpoint has \(node.count)"
          : "config.json has \(count) for \(section.name(name)), but \(quoted(node.path.string)) has \(node.count) layers",
        type?.isKnown == false ? .warning : nil)
    }
  }

  private mutating func checkLists(_ section: ConfigurationSection) {
    let counts = [
      "num_hidden_layers", "encoder_layers", "num_layers", "n_layers", "n_layer", "depth",
    ]
    guard let count = counts.lazy.compactMap({ section.count($0) }).first else { return }
    let all = count.addingSaturated(CheckpointLint.extra(section))
    for name in LayerChange.demandedLists {
      guard let list = section[name]?.array, !list.isEmpty, list.count != count, list.count != all
      else { continue }
      add(
        .configuration, nil,
        "config.json has \(list.count) entries in \(section.name(name)) for \(count) layers")
    }
    for name in LayerChange.indexLists.sorted().map(\.string) {
      guard let list = section[name]?.array,
        let beyond = list.lazy.compactMap(\.integer).first(where: { $0 >= all })
      else { continue }
      add(
        .configuration, nil,
        "config.json names layer \(beyond) in \(section.name(name)), but has \(count) layers",
        .warning)
    }
  }
}
