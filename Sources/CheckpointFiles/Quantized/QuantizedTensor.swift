internal import OrderedCollections

/// A tensor of quantised numbers and the tensors that say what its numbers mean.
///
/// The number that the model computes with is, depending on the scheme, the stored one times a scale, minus a zero
/// point, or an entry of a code book. Whatever changes the stored numbers, or takes one of the tensors away from
/// the others, makes other weights of them without any sign of it.
///
///     for tensor in checkpoint.quantizedTensors { print(tensor.payload, tensor.companions) }
public struct QuantizedTensor: Sendable, Hashable {
  /// The key of the stored numbers, such as `l.weight` or `l.qweight`.
  public let payload: Key
  /// The keys without which the numbers have no meaning: scales, zero points, code books.
  public internal(set) var companions: [Key]
  /// The keys of scales for what goes into the layer and comes out of it; the numbers mean the same without.
  public internal(set) var activationScales: [Key]
}

/// The quantised tensors of a checkpoint, found by the names and dtypes that quantisers give them.
package struct QuantizedTensors: Sendable {
  /// In the order of their payloads in the file.
  package let all: [QuantizedTensor]
  private let places: [Key: Int]
  /// Tensors that say how all others are stored.
  private let markers: Set<Key>

  /// The quantised tensors among `tensors`.
  package init(_ tensors: some Sequence<(key: Key, value: Tensor)>) {
    let tensors = Array(tensors)
    // Only stored numbers of few bits, or packed ones, need others to be understood.
    var payloads: [Key: Int] = [:]
    for (index, item) in tensors.enumerated() where item.value.mayBeQuantized {
      payloads[item.key] = index
    }
    var found: [Int: QuantizedTensor] = [:]
    var markers: Set<Key> = []
    // Most checkpoints hold floats of 16 bits and more alone.
    let isPlain = !tensors.contains { $0.value.mayBeQuantized && $0.value.isStoredNarrow }
    for (key, _) in isPlain ? [] : tensors {
      guard let role = QuantizationRole(of: key) else { continue }
      if role.isMarker {
        markers.insert(key)
        continue
      }
      for name in role.payloads {
        guard name != key, let place = payloads[name],
          role.allowsFloats || tensors[place].value.isStoredNarrow
        else { continue }
        var group =
          found[place] ?? QuantizedTensor(payload: name, companions: [], activationScales: [])
        if role.isActivation {
          group.activationScales.append(key)
        } else {
          group.companions.append(key)
        }
        found[place] = group
        break
      }
    }
    // A scale of activations alone says nothing about the numbers.
    let all = found.sorted { $0.key < $1.key }.map(\.value).filter { !$0.companions.isEmpty }
    var places: [Key: Int] = [:]
    for (place, group) in all.enumerated() {
      for key in [group.payload] + group.companions + group.activationScales {
        places[key] = place
      }
    }
    self.all = all
    self.places = places
    self.markers = all.isEmpty ? [] : markers
  }

  /// The quantised tensor that `key` is the payload of, or a companion, or an activation scale.
  package subscript(key: Key) -> QuantizedTensor? { places[key].map { all[$0] } }

  /// Whether `key` belongs to a quantised tensor, or says how they are stored.
  package func contains(_ key: Key) -> Bool { places[key] != nil || markers.contains(key) }
}

extension QuantizedTensor {
  /// What to say of an operation that would change the stored numbers.
  package var refusal: String {
    let list = Text.list(companions.prefix(4).map { quoted($0.string) })
    return
      "\(quoted(payload.string)) holds quantised numbers that mean something only together with \(list)"
  }
}

extension Checkpoint {
  /// The tensors of quantised numbers, each with the keys of its scales, zero points and code books.
  public var quantizedTensors: [QuantizedTensor] { QuantizedTensors(tensors.elements).all }
}

extension Tensor {
  /// Whether the elements may be numbers that others give their meaning: all but single integers, such as counters,
  /// and Booleans.
  fileprivate var mayBeQuantized: Bool {
    if dtype == .bool || dtype.isComplex || shape.count == 0 { return false }
    return dtype.isFloatingPoint || shape.count > 1
  }

  /// Whether the elements are integers, or floats of at most eight bits.
  fileprivate var isStoredNarrow: Bool { !dtype.isFloatingPoint || dtype.bitWidth <= 8 }
}
