internal import CheckpointFiles
internal import OrderedCollections

// Steps that leave the elements alone.
extension SurgeryPlan {
  mutating func rename(_ operation: SurgeryOperation) throws(SurgeryError) -> Int {
    let rule = try KeyRewrite(operation.argument)
    let names = rule.apply(to: entries.keys)
    let count = names.count { $0 != nil }
    guard count > 0 else {
      // A plain path can say what is near.
      if !rule.from.contains(where: { "*?{/".contains($0) }) { _ = try select([rule.from]) }
      throw SurgeryError("\(operation): no key matches \(quoted(rule.from))")
    }
    let byKey = Dictionary(uniqueKeysWithValues: zip(entries.keys, names))
    try rename(operation.description) { byKey[$0].flatMap { $0 } ?? $0 }
    return count
  }

  mutating func changePrefix(_ operation: SurgeryOperation) throws(SurgeryError) -> Int {
    let prefix = operation.argument
    if operation.kind == .addPrefix {
      try rename(operation.description) { Key(prefix + $0.string) }
      return entries.count
    }
    let fits = entries.keys.filter { $0.string.utf8.starts(with: prefix.utf8) }
    guard !fits.isEmpty else {
      throw SurgeryError("\(operation): no key begins with \(quoted(prefix))")
    }
    let chosen = Set(fits)
    try rename(operation.description) { key in
      chosen.contains(key)
        ? Key(String(decoding: key.string.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)) : key
    }
    return fits.count
  }

  mutating func drop(_ operation: SurgeryOperation) throws -> Int {
    let items = try select(operation.arguments)
    for item in items {
      guard let rows = item.rows else {
        entries[item.key] = nil
        continue
      }
      let kept = rows.complement(in: item.tensor.rowCount ?? 0)
      try keepRows(kept.ranges, of: item.key, operation)
    }
    return items.count
  }

  mutating func keep(_ operation: SurgeryOperation) throws -> Int {
    let items = try select(operation.arguments)
    let kept = Set(items.map(\.key))
    entries = entries.filter { kept.contains($0.key) }
    for item in items {
      if let rows = item.rows { try keepRows(rows.ranges, of: item.key, operation) }
    }
    return items.count
  }

  mutating func copy(_ operation: SurgeryOperation) throws -> Int {
    let rule = try KeyRewrite(operation.argument)
    let pairs = zip(Array(entries.keys), rule.apply(to: entries.keys)).compactMap { key, name in
      name.map { (key, $0) }
    }
    guard !pairs.isEmpty else {
      throw SurgeryError("\(operation): no key matches \(quoted(rule.from))")
    }
    var copies = DetachedCopies()
    for (key, name) in pairs {
      guard var entry = entries[key] else { continue }
      entry.tensor = try copies.copy(of: entry.tensor)
      entry.deeds.append("copy of \(key.string)")
      try add(name, entry, operation.description)
    }
    return pairs.count
  }

  /// `NODE=LIST`: the children of a node with an index, in a new order and number.
  mutating func arrangeLayers(_ operation: SurgeryOperation) throws -> Int {
    let (node, list) = try operation.sides("NODE=LAYERS, such as encoder.layer=0:8,4:12")
    let tree = tree
    let path = Key(node.replacing("[", with: ".").replacing("]", with: ""))
    guard let place = tree.node(at: path), !place.childIndices.isEmpty else {
      _ = try select([node])
      throw SurgeryError("\(operation): there are no layers below \(quoted(node))")
    }
    let existing = place.childIndices
    var order: [Int] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let items = try Selector("x[\(part.trimmingSpaces)]").indices(among: existing)
      guard !items.isEmpty else {
        throw SurgeryError(
          "\(operation): \(quoted(node)) has \(listed(indices: existing)), none is \(part)")
      }
      order += items
      guard order.count <= 100_000 else { throw SurgeryError("\(operation): too many layers") }
    }
    // The tensors of each layer, and everything else, in their order.
    var layers: [Int: [(rest: String, entry: Entry)]] = [:]
    var result: OrderedDictionary<Key, Entry> = [:]
    let prefix = path.string.isEmpty ? "" : path.string + "."
    func layer(of key: Key) -> (index: Int, rest: String)? {
      guard key.string.utf8.starts(with: prefix.utf8) else { return nil }
      let tail = key.string.utf8.dropFirst(prefix.utf8.count)
      let digits = tail.prefix { $0 != UInt8(ascii: ".") }
      guard let index = Key(String(Substring(digits))).indexValue else { return nil }
      return (index, String(Substring(tail.dropFirst(digits.count))))
    }
    for (key, entry) in entries {
      if let (index, rest) = layer(of: key) { layers[index, default: []].append((rest, entry)) }
    }
    var isPlaced = false
    for (key, entry) in entries {
      guard layer(of: key) != nil else {
        result[key] = entry
        continue
      }
      if isPlaced { continue }
      isPlaced = true
      var seen: Set<Int> = []
      for (number, index) in order.enumerated() {
        let isCopy = !seen.insert(index).inserted
        var copies = DetachedCopies()
        for (rest, entry) in layers[index] ?? [] {
          var entry = entry
          if isCopy {
            entry.tensor = try copies.copy(of: entry.tensor)
            entry.deeds.append("copy of layer \(index)")
          }
          result[Key("\(prefix)\(number)\(rest)")] = entry
        }
      }
    }
    entries = result
    return order.count
  }

  mutating func tie(_ operation: SurgeryOperation) throws(SurgeryError) -> Int {
    let (name, other) = try operation.sides("KEY=OTHER")
    let source = try selectWhole([other], for: operation.description)
    guard source.count == 1, let key = source.first, let entry = entries[key] else {
      throw SurgeryError("\(operation): \(quoted(other)) is \(source.count) tensors, not one")
    }
    let target = Key(name)
    if let old = entries[target], old.tensor.shape != entry.tensor.shape {
      throw SurgeryError(
        "\(operation): \(quoted(name)) has the shape \(old.tensor.shape), "
          + "\(quoted(other)) \(entry.tensor.shape)")
    }
    var tied = entries[target] ?? Entry(tensor: entry.tensor, origin: nil)
    tied.tensor = entry.tensor
    tied.quantized = entry.quantized
    tied.deeds.append("tied to \(key.string)")
    entries[target] = tied
    return 2
  }

  mutating func untie(_ operation: SurgeryOperation) throws -> Int {
    let tied = Set(
      Tensor.tiedGroups(entries.values.map(\.tensor)).flatMap { $0.map { entries.keys[$0] } })
    let keys = try selectWhole(operation.arguments, for: operation.description)
      .filter(tied.contains)
    for key in keys {
      guard let tensor = entries[key]?.tensor else { continue }
      replace(key, with: try tensor.detached(), deed: "untied")
    }
    if keys.isEmpty { stepNotes.append("\(operation): nothing selected is tied") }
    return keys.count
  }

  mutating func take(_ operation: SurgeryOperation) throws -> Int {
    guard let colon = operation.argument.firstIndex(of: ":") else {
      throw SurgeryError.form("\(operation): is not FILE:SELECTOR")
    }
    let path = String(operation.argument[..<colon])
    let other = try Checkpoint.open(path)
    try demandKnown(other)
    let selector = String(operation.argument[operation.argument.index(after: colon)...])
    let items = try SelectorList([selector]).resolve(in: ParameterTree(other)).items
    let there = QuantizedTensors(other.tensors.elements)
    let parts = quantizedParts[path] ?? register(there.all)
    quantizedParts[path] = parts
    let here = quantizedNow
    for item in items {
      guard let tensor = other[item.key] else { continue }
      var entry = entries[item.key] ?? Entry(tensor: tensor, origin: nil)
      if let rows = item.rows {
        guard entry.tensor.dtype == tensor.dtype,
          entry.tensor.shape.dimensions.dropFirst() == tensor.shape.dimensions.dropFirst(),
          let last = rows.ranges.last, last.upperBound <= entry.tensor.shape.dimensions.first ?? 0,
          entries[item.key] != nil
        else {
          throw SurgeryError(
            "\(operation): rows of \(quoted(item.key.string)) need a tensor of the same dtype and "
              + "row shape here")
        }
        if let quantized = here[item.key] ?? there[item.key] {
          throw SurgeryError("\(operation): \(quantized.refusal)")
        }
        let new = try SurgeryPlan.rows(rows.ranges, of: tensor)
        entry.tensor = try entry.tensor.replacingRows(rows.ranges, with: new)
        entry.deeds.append("\(rows.count) rows from \(path)")
      } else {
        entry.tensor = tensor
        entry.quantized = parts[item.key]
        entry.deeds.append("from \(path)")
      }
      entries[item.key] = entry
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

  mutating func changeMetadata(_ operation: SurgeryOperation) throws(SurgeryError) -> Int {
    guard let equals = operation.argument.firstIndex(of: "="),
      equals != operation.argument.startIndex
    else { throw SurgeryError.form("\(operation): is not NAME=VALUE") }
    let name = String(operation.argument[..<equals])
    let value = String(operation.argument[operation.argument.index(after: equals)...])
    if value.isEmpty {
      guard metadata[Key(name)] != nil else {
        throw SurgeryError("\(operation): there is no metadata \(quoted(name))")
      }
      metadata[Key(name)] = nil
    } else {
      metadata[Key(name)] = value
    }
    return 0
  }
}

extension Selector {
  /// The indices in the brackets of `x[…]` among those that exist, in the order that is written.
  func indices(among existing: [Int]) throws(SurgeryError) -> [Int] {
    guard case .paths(let paths) = pattern, paths.count == 1, paths[0].count == 2,
      case .index(let expression, _) = paths[0][1], expression.items.count == 1
    else { throw SurgeryError("\(quoted(text)) is neither an index nor a slice") }
    let values = expression.choose(from: existing).values.sorted()
    if case .slice(_, _, let step) = expression.items[0], step < 0 { return values.reversed() }
    return values
  }
}

extension Substring {
  var trimmingSpaces: Substring {
    var text = drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}
