internal import CheckpointFiles
internal import OrderedCollections

// What a configuration says about layers.
extension ConfigurationDraft {
  /// The layers below one node before and after an edit.
  struct Edited {
    let before: NumberedLayers
    /// `nil` when none is left.
    let after: NumberedLayers?
    /// The former number of each layer that is left; `nil` for one that is not from this node.
    let sources: [Int?]

    var isChanged: Bool {
      after != nil && sources.map { $0 ?? -1 } != before.indices
    }
    var path: String { quoted(before.path.string) }
  }

  mutating func followLayers(from base: Checkpoint, to result: Checkpoint, origins: [Key: Key]) {
    let before = NumberedLayers.all(base.tensors.keys)
    let after = NumberedLayers.all(result.tensors.keys)
    let edited = ConfigurationDraft.pairs(before, after, origins)
    guard edited.contains(where: \.isChanged) else { return }
    let hasEncoder = before.contains(where: \.isEncoder)
    var groups: OrderedDictionary<[String], (section: Int, names: [String], nodes: [Edited])> = [:]
    for node in edited {
      guard let (section, names) = node.before.counts(in: sections, hasEncoder: hasEncoder) else {
        let isStaged = sections.contains { section in
          ConfigurationDraft.stageCounts.contains { section[$0]?.array?.count == node.before.count }
        }
        guard node.isChanged, !isStaged, let after = node.after else { continue }
        if let section = silentSection(of: node.before), after.isContiguous {
          set("num_hidden_layers", in: section, to: .integer(after.count))
        } else {
          note(
            "config.json does not say how many layers \(node.path) has; there are \(after.count) now"
          )
        }
        continue
      }
      groups[names.map { sections[section].name($0) }, default: (section, names, [])].nodes
        .append(node)
    }
    for (section, names, nodes) in groups.values where nodes.contains(where: \.isChanged) {
      follow(nodes, names, in: section)
    }
    followSharedCount(edited)
    noteFirstLayers(edited, result, origins)
    notePerLayerTensors(edited, base, result, origins)
  }

  /// The section that describes these layers and leaves their number to the default of its family.
  private func silentSection(of node: NumberedLayers) -> Int? {
    ConfigurationSection.candidates(node.path.parts, in: sections).map(\.section).first {
      index in
      ModelFamily(sections[index]["model_type"]?.string).isUniform
        && sections[index]["num_hidden_layers"] == nil && sections[index]["n_layers"] == nil
    }
  }

  private static func pairs(
    _ before: [NumberedLayers], _ after: [NumberedLayers], _ origins: [Key: Key]
  ) -> [Edited] {
    let sources = after.map { $0.sources(origins) }
    let homes = sources.map { places -> Key? in
      var counts: OrderedDictionary<Key, Int> = [:]
      for place in places { if let place { counts[place.path, default: 0] += 1 } }
      return counts.max { $0.value < $1.value }?.key
    }
    return before.map { node in
      let found = after.indices.filter { homes[$0] == node.path }
      guard let chosen = found.first(where: { after[$0].path == node.path }) ?? found.first else {
        return Edited(before: node, after: nil, sources: [])
      }
      let numbers = sources[chosen].map { $0?.path == node.path ? $0?.index : nil }
      return Edited(before: node, after: after[chosen], sources: numbers)
    }
  }

  /// The count of layers, as far as the configuration says it.
  private func count(_ name: String, in section: Int) -> Int? {
    sections[section].count(name)
      ?? (name == "num_decoder_layers" ? sections[section].count("num_layers") : nil)
  }

  /// The layers that predict tokens further ahead and follow those that are counted.
  private static let extraCounts = ["num_nextn_predict_layers", "mtp_num_hidden_layers"]

  private mutating func follow(_ nodes: [Edited], _ names: [String], in section: Int) {
    let extraName = ConfigurationDraft.extraCounts.first { sections[section].count($0) != nil }
    let extra = extraName.flatMap { sections[section].count($0) } ?? 0
    let members = listed(names.map { sections[section].name($0) })
    func isCounted(_ node: Edited) -> Bool {
      names.contains { name in
        guard let value = count(name, in: section) else { return false }
        return node.before.count == value || node.before.count == value.addingSaturated(extra)
      }
    }
    let measures = nodes.filter { $0.after != nil && isCounted($0) }
    for node in nodes where node.isChanged && !isCounted(node) {
      note(
        "config.json does not mention the \(node.before.count) layers that \(node.path) had: \(members) stays as it is"
      )
    }
    guard let first = measures.first, measures.contains(where: \.isChanged) else { return }
    if let node = measures.first(where: { $0.after?.isContiguous == false }), let after = node.after
    {
      let numbers = listed(after.indices.prefix(20).map { "\($0)" })
      note(
        "\(quoted(after.path.string)) has the layers \(numbers), which loaders do not read: number them again; "
          + "\(members) in config.json stays as it is")
      return
    }
    if let other = measures.first(where: { $0.sources != first.sources }) {
      note(
        "\(first.path) has \(first.sources.count) layers now, \(other.path) \(other.sources.count) or in another order: "
          + "\(members) in config.json stays as it is")
      return
    }
    let before = first.before.count
    var main = before
    if let extraName, extra > 0, !names.contains(where: { count($0, in: section) == before }) {
      main = before - extra
      let mainCount = first.sources.prefix { $0.map { $0 < main } ?? true }.count
      let rest = first.sources.dropFirst(mainCount)
      guard rest.allSatisfy({ $0.map { $0 >= main } ?? false }) else {
        note(
          "\(first.path) has a layer of \(extraName) in front of another layer: \(members) in config.json stays as it is"
        )
        return
      }
      if rest.count != extra { set(extraName, in: section, to: .integer(rest.count)) }
    }
    let sources = first.sources.prefix { $0.map { $0 < main } ?? true }
    for name in names where count(name, in: section) == main && main != sources.count {
      set(name, in: section, to: .integer(sources.count))
    }
    if NumberedLayers.isMain(names) {
      followMembers(main, Array(sources), of: first, names, in: section)
    }
  }

  /// A T5 whose decoder has no count of its own, and is no longer as deep as its encoder.
  private mutating func followSharedCount(_ edited: [Edited]) {
    for (index, section) in sections.enumerated() {
      guard section["d_kv"] != nil, section.count("num_decoder_layers") == nil,
        value("num_decoder_layers", in: index)?.integer == nil,
        let layers = value("num_layers", in: index)?.integer,
        let decoder = edited.first(where: { $0.before.path.parts.contains("decoder") }),
        let count = decoder.after?.count, count != layers
      else { continue }
      set("num_decoder_layers", in: index, to: .integer(count))
    }
  }
}
