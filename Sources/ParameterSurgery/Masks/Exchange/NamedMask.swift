internal import CheckpointFiles
internal import OrderedCollections

/// Lists of names: what `named_parameters()` gives, ONNX Runtime's two lists, one name a line.
extension MaskReader {
  /// Components that torch.compile, FSDP and activation checkpointing put into names.
  private static let wrappers: Set<Substring> = [
    "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
  ]

  /// The key of a tensor that a list calls `name`, perhaps with what wrappers put into it.
  private func key(named name: Key) throws(SurgeryError) -> Key {
    if tree[name] != nil { return name }
    var parts = name.components.filter { !MaskReader.wrappers.contains($0) }
    while !parts.isEmpty {
      let plain = Key(parts.joined(separator: "."))
      if tree[plain] != nil { return plain }
      guard parts.first == "module" else { break }
      parts.removeFirst()
    }
    throw SurgeryError("\(quoted(name.string)) is no tensor of the checkpoint")
  }

  /// What `named_parameters()` gives; of tensors that are one, it gives the first name alone.
  mutating func readRequiresGrad(_ json: JSONValue) throws(SurgeryError) {
    guard let members = json.object else {
      throw SurgeryError("not an object of names and true or false")
    }
    var states: [Key: Bool] = [:]
    for (name, value) in members {
      guard let trains = value.bool else {
        throw SurgeryError("\(quoted(name.string)) is \(value.text()), expected true or false")
      }
      let key = try key(named: name)
      if let before = states.updateValue(trains, forKey: key), before != trains {
        throw SurgeryError("\(quoted(key.string)) is listed as true and as false")
      }
    }
    try finishList(states)
  }

  /// `requires_grad` and `frozen_params`; what is in neither is a constant of the graph.
  mutating func readOrt(_ settings: TrainerSettings) throws(SurgeryError) {
    var states: [Key: Bool] = [:]
    for (list, trains) in [("requires_grad", true), ("frozen_params", false)] {
      for name in try settings.texts(list) ?? [] {
        let key = try key(named: Key(name))
        if let before = states.updateValue(trains, forKey: key), before != trains {
          throw SurgeryError(
            "\(quoted(key.string)) is in `requires_grad` and in `frozen_params`")
        }
      }
    }
    guard states.values.contains(true) else {
      throw SurgeryError("`requires_grad` names no tensor")
    }
    trained = Set(states.filter(\.value).keys)
    let open = parameters.filter { states[$0.key] == nil }
    if let first = open.first {
      notes.append(
        "\(grouped(open.count)) tensors are in neither list, such as \(quoted(first.key.string)): they stay "
          + "frozen")
    }
  }

  /// One name a line, with `[start:end]` behind it when only these rows train.
  mutating func readNames(_ bytes: [UInt8]) throws(SurgeryError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SurgeryError("the file is not UTF-8")
    }
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() where !line.isEmpty {
      do throws(SurgeryError) {
        try readName(line)
      } catch {
        throw SurgeryError("line \(index + 1): \(error.description)")
      }
    }
    for key in trained { rows[key] = nil }
    spreadOverTies()
  }

  private mutating func readName(_ line: Substring) throws(SurgeryError) {
    if tree[Key(String(line))] == nil, line.hasSuffix("]"), let open = line.lastIndex(of: "[") {
      let parts = line[line.index(after: open)...].dropLast().split(
        separator: ":", omittingEmptySubsequences: false)
      if parts.count == 2, let start = Int(parts[0]), let end = Int(parts[1]), start >= 0 {
        let key = try key(named: Key(String(line[..<open])))
        guard start < end else {
          throw SurgeryError("\(quoted(String(line))) names no rows")
        }
        rows[key] = (rows[key] ?? RowSet([])).union(RowSet([start..<end]))
        return
      }
    }
    trained.insert(try key(named: Key(String(line))))
  }

  /// Takes over a list that must have every parameter.
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
      throw SurgeryError("\(quoted(lost.key.string)) is in the checkpoint and not in the list")
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
