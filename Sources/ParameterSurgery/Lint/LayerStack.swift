internal import CheckpointFiles
internal import OrderedCollections

/// Numbered siblings that should be alike: `encoder.layer.0`, `encoder.layer.1`, …
///
/// Members of a `Sequential` are numbered too and are not alike; a stack is three or more siblings, most of which have
/// the same tensors.
struct LayerStack {
  /// A tensor that one layer does not have, or that differs in it.
  struct Oddity {
    let key: Key
    var others = 0
    var found = ""
    var usual = ""
  }

  private struct Kind: Hashable, CustomStringConvertible {
    let dtype: DType
    let shape: Shape
    var description: String { "\(dtype) \(shape)" }
  }

  /// The key of the parent node, with its dot; empty at the root.
  let prefix: String
  /// The numbers that exist, ascending.
  let indices: [Int]
  private let layers: [Int: OrderedDictionary<Key, Kind>]

  /// The largest number of a layer: a hostile key must not cause a list of a billion gaps.
  private static let maximumIndex = 1 << 16

  static func all(in tree: ParameterTree) -> [LayerStack] {
    var nodes: OrderedDictionary<Key, [Int: OrderedDictionary<Key, Kind>]> = [:]
    for info in tree.entries {
      let parts = info.key.components
      // Only the outermost numbers: experts within layers are compared with the layers.
      guard let place = parts.firstIndex(where: { isIndex($0) }), place < parts.count - 1,
        let index = Int(parts[place]), index < maximumIndex,
        // An optimiser numbers the parameters that its state belongs to.
        place == 0 || !parts[place - 1].isSame(as: "state")
      else { continue }
      let prefix = Key(parts[..<place].map { $0 + "." }.joined())
      let suffix = Key(parts[(place + 1)...].joined(separator: "."))
      nodes[prefix, default: [:]][index, default: [:]][suffix] = Kind(
        dtype: info.dtype, shape: info.shape)
    }
    return nodes.compactMap { prefix, layers in
      LayerStack(prefix: prefix.string, indices: layers.keys.sorted(), layers: layers)
    }
    .filter { $0.isAlike }
  }

  private static func isIndex(_ component: Substring) -> Bool {
    !component.isEmpty && component.utf8.allSatisfy { (48...57).contains($0) }
  }

  /// Whether most layers have the same names.
  private var isAlike: Bool {
    guard indices.count >= 3 else { return false }
    var counts: [Set<Key>: Int] = [:]
    for layer in layers.values { counts[Set(layer.keys), default: 0] += 1 }
    return (counts.values.max() ?? 0) * 2 > indices.count
  }

  /// Whether all layers have the same names.
  var isUniform: Bool { Set(layers.values.map { Set($0.keys) }).count == 1 }

  func key(of index: Int) -> Key { Key("\(prefix)\(index)") }
  func key(of index: Int, _ suffix: Key) -> Key { Key("\(prefix)\(index).\(suffix)") }
  func suffixes(of index: Int) -> [Key] { Array(layers[index]?.keys ?? []) }

  /// The name of the node, without its path.
  private var name: Substring { Key(prefix).components.dropLast().last ?? "" }

  /// Whether the node has a name of layers of a model; members of a `Sequential` and of other lists may differ.
  var isNamed: Bool {
    let name = name
    if Key(prefix).parts.contains(where: NumberedLayers.others.contains) { return false }
    return name.isSame(as: "h")
      || ["layer", "layers", "block", "blocks"].contains { name.ends(with: $0) }
  }

  /// Whether the keys are those of a BERT.
  var isBERT: Bool { prefix.ends(with: EncoderKeys.bert.layerPrefix) }

  /// Whether some tensors hold packed integers.
  var isQuantised: Bool {
    layers.values.contains { $0.values.contains { !$0.dtype.isFloatingPoint && $0.shape.rank > 1 } }
  }

  /// Whether the members have only parameters and no modules: those of a `Sequential` are numbered together with the
  /// activations between them.
  private var isFlat: Bool {
    layers.values.allSatisfy { $0.keys.allSatisfy { !$0.string.utf8.contains(UInt8(ascii: ".")) } }
  }

  /// Numbers that no layer has: between those that exist, and from 0 when it is known that layers begin there.
  func missing(isCounted: Bool) -> [Int] {
    guard let first = indices.first, let last = indices.last else { return [] }
    if isFlat, !isCounted {
      let strides = Set(zip(indices.dropFirst(), indices).map { $0 - $1 })
      if name.utf8.last == UInt8(ascii: "s") || strides.count == 1 { return [] }
    }
    let known = Set(indices)
    return ((isCounted ? 0 : first)..<last).filter { !known.contains($0) }
  }

  /// Names that only one layer lacks, between layers that have them, and that has no other tensor in their place.
  var incompleteAlone: [Oddity] {
    guard indices.count >= 4 else { return [] }
    let all = incomplete
    let lacking = Set(
      indices.filter { index in common.keys.contains { layers[index]?[$0] == nil } })
    guard lacking.count == 1, let index = lacking.first, index != indices.first,
      index != indices.last,
      layers[index]?.keys.allSatisfy({ common[$0] != nil }) == true
    else { return [] }
    return all
  }

  /// Names that more than half of the layers have and a layer does not.
  var incomplete: [Oddity] {
    common.flatMap { suffix, count in
      indices.filter { layers[$0]?[suffix] == nil }.map {
        Oddity(key: key(of: $0, suffix), others: count)
      }
    }
  }

  /// Tensors whose dtype or shape differs from that in more than half of the layers.
  var unlike: [Oddity] {
    common.keys.flatMap { suffix -> [Oddity] in
      var counts: [Kind: Int] = [:]
      for index in indices {
        if let kind = layers[index]?[suffix] { counts[kind, default: 0] += 1 }
      }
      guard counts.count > 1, let usual = counts.max(by: { $0.value < $1.value }),
        usual.value * 2 > indices.count
      else { return [] }
      return indices.compactMap { index in
        guard let kind = layers[index]?[suffix], kind != usual.key else { return nil }
        return Oddity(
          key: key(of: index, suffix), found: kind.description, usual: usual.key.description)
      }
    }
  }

  private var common: OrderedDictionary<Key, Int> {
    var counts: OrderedDictionary<Key, Int> = [:]
    for index in indices {
      for suffix in layers[index]?.keys ?? [] { counts[suffix, default: 0] += 1 }
    }
    return counts.filter { $0.value * 2 > indices.count }
  }

  /// Layers whose statistics are those of an earlier one: candidates for the same bytes.
  func twins(_ statistics: [Key: TensorStatistics]) -> [(Int, Int)] {
    var first: [[TensorStatistics?]: Int] = [:]
    var twins: [(Int, Int)] = []
    for index in indices {
      let names = suffixes(of: index).sorted()
      let values = names.map { statistics[key(of: index, $0)] }
      // Fresh biases and norms are the same in all layers; other tensors are not.
      guard values.contains(where: { $0 != nil && $0?.minimum != $0?.maximum }) else { continue }
      if let one = first[values] { twins.append((one, index)) } else { first[values] = index }
    }
    return twins
  }
}
