internal import CheckpointFiles
internal import OrderedCollections

// Steps that leave the elements as they are.
extension SurgeryPlan {
  mutating func rename(
    _ rule: KeyRewrite, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    let mark = tensors.mark
    switch rule.moves(in: tensors) {
    case .relabelled(let nodes, let name):
      if let count = tensors.relabel(nodes, as: name), count > 0 { return count }
    case .moved(let moves): if let count = tensors.move(moves), count > 0 { return count }
    case nil: break
    }
    // Key by key: the rule looks at whole keys, or two tensors would have one.
    tensors.rollBack(to: mark)
    let slots = tensors.liveSlots
    let names = rule.apply(to: slots.map { tensors.key(of: $0) })
    let renamed = zip(slots, names).compactMap { slot, name in name.map { (slot: slot, name: $0) } }
    guard !renamed.isEmpty else {
      // A plain path can say what is near.
      if rule.source?.literal != nil { _ = try select(SelectorList([rule.from])) }
      throw .noKeyMatches(rule.from, operation)
    }
    return try rename(renamed, operation)
  }

  private mutating func rename(
    _ renamed: [(slot: Int, name: Key)], _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    if let (first, second, name) = tensors.rename(renamed) {
      throw .sameName(oldKey(first), oldKey(second), name, operation)
    }
    return renamed.count
  }

  private func oldKey(_ slot: Int) -> Key { tensors.key(of: slot) }

  mutating func addPrefix(
    _ prefix: String, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    guard tensors.count > 0 else { return 0 }
    if let path = SurgeryPlan.path(ofPrefix: prefix) {
      let mark = tensors.mark
      if let count = tensors.move([NodeRenaming(node: 0, path: path, isBelowOnly: true)]) {
        return count
      }
      tensors.rollBack(to: mark)
    }
    return try rename(
      tensors.liveSlots.map { ($0, Key(prefix + tensors.key(of: $0).string)) }, operation)
  }

  mutating func stripPrefix(
    _ prefix: String, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    if let path = SurgeryPlan.path(ofPrefix: prefix) {
      let mark = tensors.mark
      guard let node = tensors.node(at: Key(path)), tensors.nodes[Int(node)].firstChild >= 0 else {
        throw .noKeyBegins(prefix, operation)
      }
      if let count = tensors.move([NodeRenaming(node: node, path: "", isBelowOnly: true)]) {
        return count
      }
      tensors.rollBack(to: mark)
    }
    let renamed = tensors.liveSlots.compactMap { slot in
      let key = tensors.key(of: slot)
      return key.begins(with: prefix) ? (slot: slot, name: key.dropping(prefix)) : nil
    }
    guard !renamed.isEmpty else { throw .noKeyBegins(prefix, operation) }
    return try rename(renamed, operation)
  }

  /// The path of the node that a prefix such as `bert.` is the beginning of; `nil` for other prefixes.
  private static func path(ofPrefix prefix: String) -> String? {
    guard prefix.utf8.count > 1, prefix.utf8.last == UInt8(ascii: "."),
      Key(prefix).components.count < PlanTensors.deepestMove
    else { return nil }
    return String(decoding: prefix.utf8.dropLast(), as: UTF8.self)
  }

  mutating func drop(_ selectors: SelectorList) throws -> Int {
    let items = try select(selectors)
    for item in items {
      guard let rows = item.rows else {
        tensors.remove(item.index)
        continue
      }
      try keepRows(rows.complement(in: item.tensor.rowCount ?? 0), of: item.index)
    }
    return items.count
  }

  mutating func keep(_ selectors: SelectorList) throws -> Int {
    let items = try select(selectors)
    let kept = Set(items.map(\.index))
    for slot in tensors.liveSlots where !kept.contains(slot) { tensors.remove(slot) }
    for item in items {
      if let rows = item.rows { try keepRows(rows, of: item.index) }
    }
    return items.count
  }

  private mutating func keepRows(_ rows: RowSet, of slot: Int) throws {
    let tensor = tensors.slots[slot].entry.tensor
    let part = try SurgeryPlan.rows(rows.ranges, of: tensor)
    replace(slot, with: part, .cut(from: tensor.shape, to: part.shape))
  }

  /// The tensors that a rule is about, in their order, with their keys and what the rule makes of them.
  func matches(_ rule: KeyRewrite) -> [(slot: Int, key: Key, name: Key)] {
    // Where the rule leads to nodes, the keys below them alone are looked at.
    var slots = tensors.liveSlots
    switch rule.moves(in: tensors) {
    case .relabelled(let nodes, _): slots = tensors.sortedSlots(below: nodes)
    case .moved(let moves): slots = tensors.sortedSlots(below: moves.map(\.node))
    case nil: break
    }
    let keys = slots.map { tensors.key(of: $0) }
    return zip(slots, zip(keys, rule.apply(to: keys))).compactMap { slot, names in
      names.1.map { (slot, names.0, $0) }
    }
  }

  mutating func copy(_ rule: KeyRewrite, _ operation: SurgeryOperation) throws -> Int {
    let found = matches(rule)
    guard !found.isEmpty else { throw SurgeryError.noKeyMatches(rule.from, operation) }
    var copies = DetachedCopies()
    for (slot, key, name) in found {
      var entry = tensors.slots[slot].entry
      entry.tensor = try copies.copy(of: entry.tensor)
      entry.effects.append(.copied(from: key))
      try add(name, entry, operation)
    }
    return found.count
  }

  mutating func tie(
    _ target: Key, _ other: SelectorList, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    let source = try selectWhole(other, operation)
    guard source.count == 1, let item = source.first else {
      throw .notOneTensor(other, source.count, operation)
    }
    let entry = tensors.slots[item.index].entry
    let slot = tensors.slot(of: target)
    var tied = slot.map { tensors.slots[$0].entry } ?? Entry(tensor: entry.tensor, origin: nil)
    guard tied.tensor.shape == entry.tensor.shape else {
      throw .otherShape(target, tied.tensor.shape, item.key, entry.tensor.shape, operation)
    }
    tied.tensor = entry.tensor
    tied.quantized = entry.quantized
    tied.effects.append(.tied(to: item.key))
    if let slot { tensors.replace(slot, with: tied) } else { try add(target, tied, operation) }
    return 2
  }

  mutating func untie(_ selectors: SelectorList, _ operation: SurgeryOperation) throws -> Int {
    let slots = tensors.liveSlots
    let groups = Tensor.tiedGroups(slots.map { tensors.slots[$0].entry.tensor })
    let tied = Set(groups.flatMap { $0.map { slots[$0] } })
    let items = try selectWhole(selectors, operation).filter { tied.contains($0.index) }
    for item in items {
      replace(item.index, with: try tensors.slots[item.index].entry.tensor.detached(), .untied)
    }
    if items.isEmpty { stepNotes.append("\(operation): nothing selected is tied") }
    return items.count
  }

  mutating func take(
    _ selectors: SelectorList, _ path: String, _ operation: SurgeryOperation
  ) throws -> Int {
    let other = try Checkpoint.open(path)
    try demandKnown(other)
    let items = try selectors.resolve(in: ParameterTree(other)).items
    let there = QuantizedTensors(other.tensors.elements)
    let parts = quantizedParts[path] ?? register(there.all)
    quantizedParts[path] = parts
    let here = quantizedNow
    for item in items {
      guard let tensor = other[item.key] else { continue }
      let slot = tensors.slot(of: item.key)
      var entry = slot.map { tensors.slots[$0].entry } ?? Entry(tensor: tensor, origin: nil)
      if let rows = item.rows {
        guard entry.tensor.dtype == tensor.dtype,
          entry.tensor.shape.dimensions.dropFirst() == tensor.shape.dimensions.dropFirst(),
          let last = rows.ranges.last, last.upperBound <= entry.tensor.shape.dimensions.first ?? 0,
          slot != nil
        else { throw SurgeryError.otherRows(item.key, operation) }
        if let quantized = here[item.key] ?? there[item.key] {
          throw SurgeryError.quantised(quantized, operation)
        }
        let new = try SurgeryPlan.rows(rows.ranges, of: tensor)
        entry.tensor = try entry.tensor.replacingRows(rows.ranges, with: new)
        entry.effects.append(.taken(from: path, rows: rows.count))
      } else {
        entry.tensor = tensor
        entry.quantized = parts[item.key]
        entry.effects.append(.taken(from: path, rows: nil))
      }
      if let slot {
        tensors.replace(slot, with: entry)
      } else {
        try add(item.key, entry, operation)
      }
    }
    inputs += other.inputs
    return items.count
  }

  /// Throws when `other` holds what cannot be read; notes it when that is to be left out.
  mutating func demandKnown(_ other: Checkpoint) throws(CheckpointError) {
    guard ignoresForeign else { return try other.refuseForeign() }
    for name in other.foreignGlobals {
      stepNotes.append("\(other.path): values of \(quoted(name)) are left out")
    }
    for entry in other.unsupported {
      stepNotes.append("\(other.path): \(quoted(entry.key.string)) is left out: \(entry.reason)")
    }
  }

  mutating func changeMetadata(
    _ name: String, _ value: String, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> Int {
    guard value.isEmpty else {
      metadata[Key(name)] = value
      return 0
    }
    guard metadata.removeValue(forKey: Key(name)) != nil else { throw .noMetadata(name, operation) }
    return 0
  }
}

extension PlanTensors {
  /// The slots of the tensors at and below nodes, each once, in their order.
  fileprivate func sortedSlots(below nodes: [Int32]) -> [Int] {
    var found = Array(Set(nodes.flatMap { slots(below: $0) }))
    sortSlots(&found)
    return found
  }
}
