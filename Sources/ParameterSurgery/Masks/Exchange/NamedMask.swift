internal import CheckpointFiles
internal import OrderedCollections

/// Lists of names: those of `named_parameters()`, ONNX Runtime's two lists, one name a line.
extension MaskReader {
  /// Components that torch.compile, FSDP and activation checkpointing put into names.
  private static let wrappers: Set<Key> = [
    "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
  ]

  /// The key of a tensor that a list calls `name`, perhaps with what wrappers put into it.
  private func key(named name: Key) throws(SurgeryError) -> Key {
    if tree[name] != nil { return name }
    var parts = name.parts.filter { !MaskReader.wrappers.contains($0) }[...]
    while !parts.isEmpty {
      let plain = Key(parts.map(\.string).joined(separator: "."))
      if tree[plain] != nil { return plain }
      // DistributedDataParallel puts one such prefix before the names, and wrappers may be nested.
      guard parts.first == "module", name.components.count - parts.count < 8 else { break }
      parts.removeFirst()
    }
    throw .notATensor(name)
  }

  /// Reads what `named_parameters()` lists; of tied tensors, it lists only the first name.
  mutating func readRequiresGrad(_ json: JSONValue) throws(SurgeryError) {
    guard let members = json.object else { throw .notNamesAndFlags }
    var states: [Key: Bool] = [:]
    for (name, value) in members {
      guard let trains = value.bool else { throw .notAFlag(name, value) }
      let key = try key(named: name)
      if let before = states.updateValue(trains, forKey: key), before != trains {
        throw .contradictoryState(key)
      }
    }
    try finishList(states)
  }

  /// Reads `requires_grad` and `frozen_params`; what is in neither is a constant of the graph.
  mutating func readOrt(_ settings: TrainerSettings) throws(SurgeryError) {
    var states: [Key: Bool] = [:]
    for (list, trains) in [("requires_grad", true), ("frozen_params", false)] {
      for name in try settings.texts(list) ?? [] {
        let key = try key(named: Key(name))
        if let before = states.updateValue(trains, forKey: key), before != trains {
          throw .listedTwice(key)
        }
      }
    }
    guard states.values.contains(true) else { throw .gradientListIsEmpty }
    trained = Set(states.filter(\.value).keys)
    let open = parameters.filter { states[$0.key] == nil }
    if let first = open.first {
      notes.append(
        "\(grouped(open.count)) tensors are in neither list, such as \(quoted(first.key.string)): they stay "
          + "frozen")
    }
  }

  /// Reads one name a line, with `[start:end]` after it when only these rows train.
  mutating func readNames(_ bytes: [UInt8]) throws(SurgeryError) {
    var rest = bytes[...]
    var number = 0
    while !rest.isEmpty {
      number += 1
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      var line = rest[..<end]
      rest = rest[min(end + 1, rest.endIndex)...]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if line.isEmpty { continue }
      guard let text = String(validating: line, as: UTF8.self) else { throw .textIsNotUTF8 }
      do throws(SurgeryError) { try readName(text) } catch { throw error.inLine(number) }
    }
    for key in trained { rows[key] = nil }
    spreadOverTies()
  }

  private mutating func readName(_ line: String) throws(SurgeryError) {
    let text = line.unicodeScalars
    if tree[Key(line)] == nil, text.last == "]", let open = text.lastIndex(of: "[") {
      let parts = text[text.index(after: open)...].dropLast().split(
        separator: ":", omittingEmptySubsequences: false
      ).map { String($0) }
      if parts.count == 2, let start = Int(parts[0]), let end = Int(parts[1]), start >= 0 {
        let key = try key(named: Key(String(text[..<open])))
        guard start < end else { throw .emptyRows(line) }
        rows[key] = (rows[key] ?? RowSet([])).union(RowSet([start..<end]))
        return
      }
    }
    trained.insert(try key(named: Key(line)))
  }

  /// Takes the states of a list that must have every parameter.
  private mutating func finishList(_ states: [Key: Bool]) throws(SurgeryError) {
    trained = Set(states.filter(\.value).keys)
    var known = Set(states.keys)
    for group in tree.ties where group.contains(where: known.contains) {
      if group.contains(where: trained.contains) { trained.formUnion(group) }
      known.formUnion(group)
    }
    if let lost = tree.entries.first(where: {
      !known.contains($0.key) && MaskReader.isParameter($0)
    }) {
      throw .notListed(lost.key)
    }
  }
}

extension FreezeMask {
  var nameList: String {
    var text = ""
    for (key, state) in states {
      switch state {
      case .frozen: continue
      case .trainable: text += key.string + "\n"
      case .rows(let rows):
        for range in rows.ranges {
          text += "\(key.string)[\(range.lowerBound):\(range.upperBound)]\n"
        }
      }
    }
    return text
  }

  func ortNames() throws(SurgeryError) -> String {
    try refuseRows("ONNX Runtime")
    let json = JSONValue.members([
      "requires_grad": .array(trainableKeys.map { .string($0.string) }),
      "frozen_params": .array(frozenKeys.map { .string($0.string) }),
    ])
    return json.text(indent: 2) + "\n"
  }
}
