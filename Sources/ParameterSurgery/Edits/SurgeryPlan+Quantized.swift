internal import CheckpointFiles
internal import OrderedCollections

/// What a tensor of a plan is of a quantised tensor.
struct QuantizedPart: Sendable, Hashable {
  /// Which of the plan's quantised tensors.
  let tensor: Int
  let role: Role

  enum Role: Sendable, Hashable {
    /// The stored numbers.
    case payload
    /// One of the tensors that give them their meaning, by its place in the list.
    case companion(Int)
    /// A scale that they have their meaning without.
    case activationScale(Int)
  }
}

// Tensors that mean something only together.
extension SurgeryPlan {
  /// Remembers quantised tensors of a checkpoint and returns what each of its tensors is of them.
  mutating func register(_ tensors: [QuantizedTensor]) -> [Key: QuantizedPart] {
    var parts: [Key: QuantizedPart] = [:]
    for tensor in tensors {
      let place = quantized.count
      quantized.append(tensor)
      parts[tensor.payload] = QuantizedPart(tensor: place, role: .payload)
      for (index, key) in tensor.companions.enumerated() {
        parts[key] = QuantizedPart(tensor: place, role: .companion(index))
      }
      for (index, key) in tensor.activationScales.enumerated() {
        parts[key] = QuantizedPart(tensor: place, role: .activationScale(index))
      }
    }
    return parts
  }

  /// The quantised tensors among the tensors as they are now.
  var quantizedNow: QuantizedTensors {
    quantized.isEmpty
      ? QuantizedTensors([])
      : QuantizedTensors(tensors.elements.map { (key: $0.key, value: $0.value.tensor) })
  }

  /// Of `items` those that do not belong to quantised tensors, for a step that leaves the others as they are and
  /// notes it.
  ///
  /// - Throws: ``SurgeryError`` when none is left: the step is about quantised tensors alone.
  mutating func leavingQuantized(
    _ items: [Selection.Item], _ operation: SurgeryOperation
  ) throws(SurgeryError) -> [Selection.Item] {
    guard !quantized.isEmpty else { return items }
    let quantized = quantizedNow
    let left = items.filter { quantized.contains($0.key) }
    guard let first = left.first else { return items }
    let example = left.lazy.compactMap { quantized[$0.key] }.first
    let reason = example?.refusal ?? "\(quoted(first.key.string)) says how others are stored"
    guard left.count < items.count else { throw .quantised(first.key, reason, operation) }
    stepNotes.append(
      "\(operation): \(left.count == 1 ? "1 tensor stays" : "\(left.count) tensors stay") as "
        + "\(left.count == 1 ? "it is" : "they are"): \(reason)")
    return items.filter { !quantized.contains($0.key) }
  }

  /// - Throws: ``SurgeryError`` when a step that makes other elements has changed a part of a quantised tensor.
  ///
  /// - Parameter before: what ``quantizedMembers`` was before the step.
  func checkQuantized(
    _ before: [QuantizedMember], after operation: SurgeryOperation
  ) throws(SurgeryError) {
    let mayVanish: Bool
    switch operation {
    case .split, .concatenate: mayVanish = false
    default: mayVanish = true
    }
    for member in before {
      if let now = tensors[member.key] {
        if TensorView(now.tensor) == TensorView(member.tensor) { continue }
      } else if mayVanish {
        continue
      }
      throw .quantised(member.whole, operation)
    }
  }

  /// A tensor whose elements mean something only together with those of others.
  struct QuantizedMember {
    let key: Key
    let tensor: Tensor
    let whole: QuantizedTensor
  }

  /// The tensors as they are now that belong to quantised tensors and change their meaning, in order.
  var quantizedMembers: [QuantizedMember] {
    guard !quantized.isEmpty else { return [] }
    let groups = quantizedNow
    return tensors.elements.compactMap { key, entry in
      guard let whole = groups[key], !whole.activationScales.contains(key) else { return nil }
      return QuantizedMember(key: key, tensor: entry.tensor, whole: whole)
    }
  }

  /// - Throws: ``SurgeryError`` when the stored numbers of a quantised tensor would be multiplied, or multiplied
  ///   more than once through its scales.
  func checkScaling(
    _ keys: [Key], _ operation: SurgeryOperation
  ) throws(SurgeryError) {
    guard !quantized.isEmpty else { return }
    let quantized = quantizedNow
    var scaled: [Key: Key] = [:]
    for key in keys {
      guard let tensor = quantized[key], !tensor.activationScales.contains(key) else { continue }
      guard tensor.payload != key else {
        let scale = tensor.companions.first { $0.string.contains("scale") }
        throw .scaledNumbers(tensor, scale, operation)
      }
      if let other = scaled.updateValue(key, forKey: tensor.payload) {
        throw .scaledTwice(tensor.payload, other, key, operation)
      }
    }
  }

  /// A quantised tensor that the steps have taken apart.
  struct PartedScale: CustomStringConvertible {
    let description: String
    /// Whether the stored numbers have lost their meaning; otherwise all are there, under names that do not say
    /// that they belong together.
    let isLoss: Bool
  }

  /// The quantised tensors that the steps have taken apart.
  var partedScales: [PartedScale] {
    guard !quantized.isEmpty else { return [] }
    let elements = tensors.elements
    var places: [QuantizedPart: [Key]] = [:]
    for (key, entry) in elements {
      if let part = entry.quantized { places[part, default: []].append(key) }
    }
    let now = quantizedNow
    var parted: [PartedScale] = []
    for (key, entry) in elements {
      guard let part = entry.quantized else { continue }
      let source = quantized[part.tensor]
      switch part.role {
      case .payload:
        let beside = now[key].map { $0.payload == key ? $0.companions : [] } ?? []
        for (index, companion) in source.companions.enumerated() {
          let wanted = QuantizedPart(tensor: part.tensor, role: .companion(index))
          if beside.contains(where: { tensors[$0]?.quantized == wanted }) { continue }
          parted.append(
            apart(key, from: places[wanted] ?? [], source.payload, companion))
          break
        }
      case .companion:
        let payload = QuantizedPart(tensor: part.tensor, role: .payload)
        if places[payload] == nil {
          parted.append(
            PartedScale(
              description:
                "\(quoted(key.string)) would be left without \(quoted(source.payload.string)), "
                + "whose numbers it gives their meaning: drop both or neither", isLoss: true))
        }
      case .activationScale: break
      }
    }
    return parted
  }

  /// The text for a payload at `key` whose companion is not beside it, but at `places`.
  private func apart(
    _ key: Key, from places: [Key], _ payload: Key, _ companion: Key
  ) -> PartedScale {
    let name = quoted(key.string)
    if let place = places.first(where: { $0 != companion }), key != payload {
      return PartedScale(
        description:
          "\(name) and \(quoted(place.string)), which gives its numbers their meaning, have "
          + "names that do not show that they belong together", isLoss: false)
    }
    let what = "\(quoted(companion.string)), which gives its numbers their meaning"
    return PartedScale(
      description: places.isEmpty
        ? "\(name) would be left without \(what): drop both or neither"
        : "\(name) would be taken from \(what): give both names that belong together", isLoss: true)
  }

  /// Throws what must not be written: a quantised tensor without the tensors that give its numbers their meaning.
  ///
  /// A step alone may take them apart when a later one brings them together again, so this is asked of the whole
  /// plan.
  ///
  /// - Throws: ``SurgeryError`` that names both.
  public func check() throws(SurgeryError) {
    if let parted = partedScales.first(where: \.isLoss) {
      throw .partedScale(parted.description)
    }
  }
}
