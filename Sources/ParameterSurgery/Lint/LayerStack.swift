internal import CheckpointFiles
internal import OrderedCollections

/// Numbered siblings that are meant to be alike: `encoder.layer.0`, `encoder.layer.1`, …
///
/// Members of a `Sequential` are numbered too and are not alike; a stack is three siblings or more, of
/// which most have the same tensors.
struct LayerStack {
  /// A tensor that one layer has not, or has otherwise.
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

  /// The key of the node above, with its dot; empty at the root.
  let prefix: String
  /// The numbers that exist, ascending.
  let indices: [Int]
  private let layers: [Int: OrderedDictionary<String, Kind>]

  /// How far numbers may lie apart: a hostile key must not make a list of a billion gaps.
  private static let maximumIndex = 1 << 16

  static func all(in tree: ParameterTree) -> [LayerStack] {
    var nodes: OrderedDictionary<String, [Int: OrderedDictionary<String, Kind>]> = [:]
    for info in tree.entries {
      let parts = info.key.components
      // Outermost numbers alone: experts within layers are compared with the layers.
      guard let place = parts.firstIndex(where: { isIndex($0) }), place < parts.count - 1,
        let index = Int(parts[place]), index < maximumIndex,
        // An optimiser numbers the parameters that its state belongs to.
        place == 0 || parts[place - 1] != "state"
      else { continue }
      let prefix = parts[..<place].map { $0 + "." }.joined()
      let suffix = parts[(place + 1)...].joined(separator: ".")
      nodes[prefix, default: [:]][index, default: [:]][suffix] = Kind(
        dtype: info.dtype, shape: info.shape)
    }
    return nodes.compactMap { prefix, layers in
      LayerStack(prefix: prefix, indices: layers.keys.sorted(), layers: layers)
    }
    .filter { $0.isAlike }
  }

  private static func isIndex(_ component: Substring) -> Bool {
    !component.isEmpty && component.utf8.allSatisfy { (48...57).contains($0) }
  }

  /// Whether most layers have the same names.
  private var isAlike: Bool {
    guard indices.count >= 3 else { return false }
    var counts: [Set<String>: Int] = [:]
    for layer in layers.values { counts[Set(layer.keys), default: 0] += 1 }
    return (counts.values.max() ?? 0) * 2 > indices.count
  }

  /// Whether all layers have the same names.
  var isUniform: Bool { Set(layers.values.map { Set($0.keys) }).count == 1 }

  func key(of index: Int) -> Key { Key("\(prefix)\(index)") }
  func key(of index: Int, _ suffix: String) -> Key { Key("\(prefix)\(index).\(suffix)") }
  func suffixes(of index: Int) -> [String] { Array(layers[index]?.keys ?? []) }

  /// Numbers below the highest that no layer has.
  var missing: [Int] {
    let known = Set(indices)
    return (0..<(indices.last ?? 0)).filter { !known.contains($0) }
  }

  /// Names that more than half of the layers have and one has not.
  var incomplete: [Oddity] {
    common.flatMap { suffix, count in
      indices.filter { layers[$0]?[suffix] == nil }.map {
        Oddity(key: key(of: $0, suffix), others: count)
      }
    }
  }

  /// Tensors whose dtype or shape another one is in more than half of the layers.
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

  private var common: OrderedDictionary<String, Int> {
    var counts: OrderedDictionary<String, Int> = [:]
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
      // Fresh biases and norms are alike everywhere; a layer has something else too.
      guard values.contains(where: { $0 != nil }) else { continue }
      if let one = first[values] { twins.append((one, index)) } else { first[values] = index }
    }
    return twins
  }
}
