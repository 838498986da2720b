package import CheckpointFiles

/// The names of the modules of one family of encoders: the table that loader, graft, lint, deltas and suggestions read.
///
/// A family is added with a table in `EncoderKeys+Families.swift`: a path for each module that it has. Paths have no
/// prefix such as `bert.` and no `.weight`; `*` is the number of a layer. A module that a family does not have is
/// not in its table.
package struct EncoderKeys: Sendable, Hashable {
  /// A module of an encoder, by what it computes.
  package enum Module: Sendable, Hashable, CaseIterable {
    case wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings, embeddingsNorm
    /// The dense layer between narrow embeddings and the first encoder layer.
    case embeddingsProjection
    case query, key, value
    /// The dense layer after the attention, and the norm after its residual connection.
    case attentionOutput, attentionNorm
    /// The two dense layers of the feed-forward block, and the norm after its residual connection.
    case intermediate, output, outputNorm
    /// The dense layer over the first token.
    case pooler

    /// Whether the module is a LayerNorm.
    package var isNorm: Bool {
      switch self {
      case .embeddingsNorm, .attentionNorm, .outputNorm: true
      default: false
      }
    }
  }

  /// The names of the layers of the family's own class for sequence classification.
  package struct Head: Sendable, Hashable {
    /// A dense layer before the output; `nil` when there is none.
    package let dense: String?
    /// The output.
    package let output: String
  }

  /// `model_type` of `config.json`.
  package let modelType: String
  /// The beginning of the names of the family's classes in transformers: `Bert` of `BertModel`.
  package let className: String
  /// The name that these classes give the encoder: `bert` of `bert.encoder.layer.0`.
  package let member: String
  /// The head of the family's class for sequence classification.
  package let head: Head
  /// Keys that only a pre-training head of the family has.
  package let pretrainingHeads: [Key]
  /// The member of `config.json` that counts the rows of the first dense layer of the feed-forward block.
  package let intermediateMember: String

  let paths: [Module: String]

  package init(
    _ modelType: String, className: String, member: String, head: Head,
    pretrainingHeads: [Key], intermediateMember: String = "intermediate_size",
    _ paths: [Module: String]
  ) {
    self.modelType = modelType
    self.className = className
    self.member = member
    self.head = head
    self.pretrainingHeads = pretrainingHeads
    self.intermediateMember = intermediateMember
    self.paths = paths
  }

  /// The same names for another `model_type` and other classes.
  package func named(_ modelType: String, className: String) -> EncoderKeys {
    EncoderKeys(
      modelType, className: className, member: member, head: head,
      pretrainingHeads: pretrainingHeads, intermediateMember: intermediateMember, paths)
  }

  /// Whether the family has the module.
  package func has(_ module: Module) -> Bool { paths[module] != nil }

  /// The path of a module, without a prefix; `nil` when the family does not have it.
  ///
  ///     EncoderKeys.distilBERT.path(.query, layer: 3)  // transformer.layer.3.attention.q_lin
  ///
  /// - Parameter layer: the number of the layer, for modules that layers have.
  package func path(_ module: Module, layer: Int = 0) -> String? {
    guard let path = paths[module] else { return nil }
    guard let star = path.utf8.firstIndex(of: UInt8(ascii: "*")) else { return path }
    return "\(path[..<star])\(layer)\(path[path.utf8.index(after: star)...])"
  }

  /// What precedes the number of a layer: `encoder.layer.`.
  package var layerPrefix: String {
    let path = paths[.output] ?? ""
    return String(path[..<(path.utf8.firstIndex(of: UInt8(ascii: "*")) ?? path.startIndex)])
  }

  /// The first components of the paths: `embeddings`, `encoder`, …
  package var roots: Set<Key> {
    Set(paths.values.map { Key(String(Key($0).components[0])) })
  }

  /// The end of a path, by which a module is recognised under any prefix: what follows the number of the layer, and
  /// the name of a table of embeddings.
  private func tail(of module: Module) -> Key? {
    guard let path = paths[module] else { return nil }
    let parts = Key(path).components
    if let number = parts.firstIndex(where: { $0.isSame(as: "*") }) {
      return Key(parts[(number + 1)...].joined(separator: "."))
    }
    switch module {
    case .wordEmbeddings, .positionEmbeddings, .tokenTypeEmbeddings:
      return Key(String(parts[parts.count - 1]))
    default: return Key(path)
    }
  }
}

extension EncoderKeys: CustomStringConvertible {
  /// The `model_type`: the table is the same in every run, and the order of a dictionary is not.
  package var description: String { modelType }
}

// MARK: - All families

extension EncoderKeys {
  /// What all families call the encoder: `bert`, `distilbert`, …, each once.
  static let members: [String] = unique(all.map(\.member))

  /// The first components of the keys of any encoder.
  package static let allRoots = all.reduce(into: Set<Key>()) { $0.formUnion($1.roots) }

  /// What precedes the numbers of layers in any family, each once.
  package static let allLayerPrefixes: [String] = unique(all.map(\.layerPrefix))

  /// The keys of the word embeddings in any family, each once: every encoder has one of them.
  package static let anchors: [Key] =
    unique(all.compactMap { $0.path(.wordEmbeddings) }).map { Key($0 + ".weight") }

  /// The keys of the output layers of classifiers, with the two heads that ``Graft`` adds by itself.
  static let outputLayers: Set<Key> = Set(
    (all.map(\.head.output) + ["score", "linear", "linear.2"]).map { Key($0 + ".weight") })

  /// The names of the norms at the end of layers, in any family.
  static let norms: Set<Key> = Set(
    all.compactMap { $0.path(.outputNorm).map { Key(String(Key($0).last)) } })

  /// The family with this `model_type`.
  package static func named(_ modelType: String) -> EncoderKeys? {
    all.first { $0.modelType.utf8.elementsEqual(modelType.utf8) }
  }

  /// The module that a key is the weight of, under any prefix, in the first family that has such a module.
  static func module(ofWeight key: Key) -> (module: Module, keys: EncoderKeys)? {
    let parts = key.components
    guard parts.count > 1, parts[parts.count - 1].isSame(as: "weight") else { return nil }
    for count in [3, 2, 1] {
      let tail = Key(parts.dropLast().suffix(count).joined(separator: "."))
      if let found = modules[tail] { return found }
    }
    return nil
  }

  private static let modules: [Key: (module: Module, keys: EncoderKeys)] = {
    var modules: [Key: (module: Module, keys: EncoderKeys)] = [:]
    for keys in all {
      for module in Module.allCases {
        guard let tail = keys.tail(of: module), modules[tail] == nil else { continue }
        modules[tail] = (module, keys)
      }
    }
    return modules
  }()

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}

// MARK: - Names of 2018

extension EncoderKeys {
  /// The names that checkpoints of 2018 have for the parameters of a LayerNorm, and the modern ones.
  package static let legacyNames: [(legacy: String, modern: String)] = [
    ("gamma", "weight"), ("beta", "bias"),
  ]

  /// `gamma` as `weight` and `beta` as `bias`; other components as they are.
  static func modern(component: Substring) -> Substring {
    for (legacy, modern) in legacyNames where component.isSame(as: legacy) { return modern[...] }
    return component
  }

  /// `LayerNorm.gamma` and `.beta` as `LayerNorm.weight` and `.bias`; other keys as they are.
  package static func modern(_ key: Key) -> Key { replacing(key) { ($0.legacy, $0.modern) } }

  /// `LayerNorm.weight` and `.bias` as `LayerNorm.gamma` and `.beta`; `nil` for other keys.
  package static func legacy(_ key: Key) -> Key? {
    let name = replacing(key) { ($0.modern, $0.legacy) }
    return name == key ? nil : name
  }

  private static func replacing(
    _ key: Key, _ names: ((legacy: String, modern: String)) -> (from: String, to: String)
  ) -> Key {
    for pair in legacyNames {
      let (from, to) = names(pair)
      let old = "LayerNorm." + from
      if key.string.isSame(as: old) || key.string.ends(with: "." + old) {
        let end = key.string.utf8.index(key.string.endIndex, offsetBy: -from.utf8.count)
        return Key(key.string[..<end] + to)
      }
    }
    return key
  }
}
