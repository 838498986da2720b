internal import CheckpointFiles
internal import OrderedCollections

// Tensors that depend on the number of a layer, which no member of a configuration describes.
extension ConfigurationDraft {
  /// Notes on tensors that the first layer alone had, or had not, when that is another layer's lot now: loaders
  /// expect them of the first.
  mutating func noteFirstLayers(_ edited: [Edited], _ result: Checkpoint, _ origins: [Key: Key]) {
    for node in edited {
      guard node.isChanged, let after = node.after, let first = node.before.layers[0],
        node.before.count > 1, after.isContiguous
      else { continue }
      let others = node.before.indices.dropFirst().map { Set(node.before.layers[$0]?.keys ?? []) }
      guard let same = others.first, others.allSatisfy({ $0 == same }) else { continue }
      let own = Set(first.keys)
      let formerFirst = node.sources.indices.filter { node.sources[$0] == 0 }
      if formerFirst == [0] { continue }
      let odd = own.symmetricDifference(same).sorted()
      guard !odd.isEmpty else { continue }
      // With a list of the kinds of layers, loaders expect of each what its kind has.
      let counted = node.before.counts(in: sections, hasEncoder: false)?.section ?? 0
      let section = sections[counted]
      let hasKinds = LayerChange.demandedLists.contains { section[$0]?.array != nil }
      if hasKinds && section["model_type"] != "modernbert" { continue }
      if section["first_k_dense_replace"] != nil { continue }
      if LayerChange.indexLists.contains(where: {
        section[$0.string]?.array?.contains(.integer(0)) == true
      }) {
        continue
      }
      let names = listed(odd.prefix(3).map { quoted($0.string) }) + (odd.count > 3 ? ", …" : "")
      note(
        "the first layer of \(node.path) \(own.isSuperset(of: same) ? "alone had" : "differed from the others in") "
          + "\(names), and is \(formerFirst.isEmpty ? "gone" : "not only the first layer now"): loaders expect that of layer 0"
      )
    }
  }

  /// The names of tensors outside the layers that hold a part for each layer.
  private static let perLayer = ["per_layer", "contact_head", "layer_weights"]

  /// Notes on tensors outside the layers that hold a part for each layer.
  mutating func notePerLayerTensors(
    _ edited: [Edited], _ base: Checkpoint, _ result: Checkpoint, _ origins: [Key: Key]
  ) {
    let counts = Set(edited.filter(\.isChanged).map(\.before.count)).filter { $0 > 1 }
    let keys = result.tensors.keys.filter { key in
      guard let origin = origins[key], NumberedLayers.split(origin) == nil,
        ConfigurationDraft.perLayer.contains(where: origin.string.contains),
        !origin.string.contains("norm"), let old = base[origin], let new = result[key]
      else { return false }
      return old.shape == new.shape
        && old.shape.dimensions.contains { extent in
          extent > 1 && counts.contains { extent % $0 == 0 || extent == $0 + 1 }
        }
    }
    guard let first = keys.first else { return }
    let names = keys.count == 1 ? quoted(first.string) : listed(keys.map { quoted($0.string) })
    note(
      "\(names) \(keys.count == 1 ? "holds" : "hold") a part for each layer, and "
        + "\(keys.count == 1 ? "stays as it is" : "stay as they are")")
  }
}
