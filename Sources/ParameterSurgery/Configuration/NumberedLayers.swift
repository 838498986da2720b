internal import CheckpointFiles
internal import OrderedCollections

/// The numbered layers below one node of a checkpoint, such as `model.decoder.layers`.
struct NumberedLayers {
  /// A layer of a checkpoint.
  struct Place: Hashable {
    let path: Key
    let index: Int
  }

  /// The key of the node.
  let path: Key
  /// The tensors of each layer, by what follows the layer's number.
  let layers: [Int: OrderedDictionary<Key, Key>]

  /// The numbers that exist, ascending.
  var indices: [Int] { layers.keys.sorted() }
  var count: Int { layers.count }
  /// Whether the numbers are 0, 1, 2, …
  var isContiguous: Bool { layers.keys.max() == layers.count - 1 }

  /// The names of the nodes that hold the layers of a model.
  private static let nodes: Set<Key> = [
    "layer", "layers", "h", "block", "blocks", "resblocks", "attentions", "ffns", "layer_norm1",
    "layer_norm2", "transformer_layers",
  ]
  /// Parts of models whose numbered members are not the layers that a configuration counts.
  static let others: Set<Key> = [
    "neck", "head", "heads", "feature_extractor", "adapter", "adapters", "merger", "decode_head",
    "mtp", "perceiver_resampler", "optimizer", "state",
  ]

  /// The layer that `key` belongs to, and what follows its number; `nil` for a key outside layers.
  static func split(_ key: Key) -> (place: Place, rest: Key)? {
    let parts = key.parts
    for index in parts.indices.dropFirst() {
      guard let number = parts[index].indexValue, number < 1 << 16 else { continue }
      // What is below another number is a part of a layer, or of a stage.
      guard nodes.contains(parts[index - 1]) else { return nil }
      if parts[..<index].contains(where: others.contains) { return nil }
      let path = Key(joining: parts[..<index])
      return (
        Place(path: path, index: number), Key(joining: parts[(index + 1)...])
      )
    }
    return nil
  }

  /// All of them, in the order of the keys.
  static func all(_ keys: some Sequence<Key>) -> [NumberedLayers] {
    var nodes: OrderedDictionary<Key, [Int: OrderedDictionary<Key, Key>]> = [:]
    for key in keys {
      guard let (place, rest) = split(key) else { continue }
      nodes[place.path, default: [:]][place.index, default: [:]][rest] = key
    }
    return nodes.map { NumberedLayers(path: $0, layers: $1) }
  }

  /// Where each layer comes from, in the order of the numbers, when `origins` has the former keys; `nil` for a
  /// layer that is new or put together from several.
  func sources(_ origins: [Key: Key]) -> [Place?] {
    indices.map { index in
      var found: Set<Place> = []
      for (_, key) in layers[index] ?? [:] {
        guard let origin = origins[key] else { continue }
        guard let (place, _) = NumberedLayers.split(origin) else { return nil }
        found.insert(place)
      }
      return found.count == 1 ? found.first : nil
    }
  }

  // MARK: - The members that count them

  /// Names of the count of a decoder's layers, beside that of an encoder's.
  private static let decoderCounts = [
    "decoder_layers", "num_decoder_layers", "decoder_num_hidden_layers",
  ]
  private static let counts = [
    "num_hidden_layers", "encoder_layers", "num_encoder_layers", "num_layers", "n_layers",
    "n_layer",
    "depth", "num_encoder_blocks", "num_stages",
  ]

  /// The members that count layers of another kind, by what their name says about it: `num_global_layers` counts those
  /// of `global_transformer`.
  private func ownCounts(_ parts: [Key], in section: ConfigurationSection) -> [String] {
    section.members.keys.map(\.string).filter { name in
      guard Key(name).ends(with: "_layers"), section.count(name) == count else { return false }
      var word = Key(name).droppingLast("_layers")
      if word.begins(with: "num_") { word = word.dropping("num_") }
      return word.string.utf8.count > 3 && !["hidden", "encoder", "decoder"].contains(word)
        && parts.contains { $0.contains(word.string) }
    }
  }

  /// The members that count these layers, aliases of one another, and their section; `nil` when there are none.
  ///
  /// - Parameters:
  ///   - sections: the sections of the configuration.
  ///   - hasEncoder: whether the checkpoint has an encoder with layers, too.
  func counts(in sections: [ConfigurationSection], hasEncoder: Bool) -> (
    section: Int, names: [String]
  )? {
    for (index, parts) in ConfigurationSection.candidates(path.parts, in: sections) {
      let section = sections[index]
      let own = ownCounts(parts, in: section)
      if !own.isEmpty { return (index, own) }
      let isDecoder = parts.contains { $0 == "decoder" || $0.begins(with: "decoder_") }
      if isDecoder {
        let names = NumberedLayers.decoderCounts.filter { section.count($0) != nil }
        if !names.isEmpty { return (index, names) }
        // T5 without a count of its own for the decoder has as many layers there as in the encoder.
        if hasEncoder, section.count("num_layers") == nil || section["d_kv"] == nil { continue }
        if hasEncoder { return (index, ["num_decoder_layers"]) }
      }
      let names = NumberedLayers.counts.filter { section.count($0) != nil }
      if !names.isEmpty { return (index, names) }
    }
    return nil
  }

  /// Whether `names` count all layers of a model, not those of a part with a count of its own.
  static func isMain(_ names: [String]) -> Bool {
    names.contains { counts.contains($0) || decoderCounts.contains($0) }
  }

  /// The node above.
  var parent: Key { Key(joining: path.parts.dropLast()) }

  /// Whether these are the layers of an encoder.
  var isEncoder: Bool { path.parts.contains { $0 == "encoder" } }
}
