/// The key of a dictionary that is neither a string nor an integer, in words.
struct PickleKeyText: Sendable {
  /// The key in full, never shortened; bytes that are text as that text.
  let name: String
  /// The key in full in a form that says its type.
  let typed: String
  /// The same for two keys exactly when Python calls them equal.
  let identity: Key
}

/// Keys of dictionaries.
extension PickleMachine {
  /// Tuples inside of each other in a key, at most.
  private static let deepestKey = 64

  /// Writes the keys of `items` in full, once for each value.
  ///
  /// - Parameter mustBeHashable: whether the items are of a dictionary, which refuses lists and other
  ///   values that may change.
  mutating func nameKeys(
    of items: [NodeID], mustBeHashable: Bool
  ) throws(CheckpointError) {
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      let id = items[index]
      switch node(id) {
      case .string, .integer, .bool, .none: continue
      default: break
      }
      guard keyTexts[id] == nil else { continue }
      if mustBeHashable, let type = try unhashableType(in: id, depth: 0) {
        throw failure(.unhashable(type, in: "the keys of a dictionary"))
      }
      keyTexts[id] = try keyText(id)
    }
  }

  private mutating func keyText(_ id: NodeID) throws(CheckpointError) -> PickleKeyText {
    var (written, identity) = ("", "")
    try write(id, comparably: false, depth: 0, to: &written)
    try write(id, comparably: true, depth: 0, to: &identity)
    switch node(id) {
    case .bytes(let bytes):
      let name = String(validating: bytes, as: UTF8.self) ?? written
      return PickleKeyText(name: name, typed: written, identity: Key(identity))
    case .tensor, .storage, .object:
      return PickleKeyText(name: written, typed: written, identity: Key(identity))
    default:
      return PickleKeyText(
        name: written, typed: nodes.typeName(id) + "(\(written))", identity: Key(identity))
    }
  }

  /// The type of a value in `id` that Python does not accept in a key, or `nil`.
  mutating func unhashableType(
    in id: NodeID, depth: Int
  ) throws(CheckpointError) -> String? {
    switch node(id) {
    case .list, .set, .dictionary, .byteArray: return nodes.typeName(id)
    case .tuple(let elements):
      guard depth < PickleMachine.deepestKey else {
        throw failure(.keyTooDeep(depth))
      }
      try charge(elements.count)
      for element in elements {
        if let type = try unhashableType(in: element, depth: depth + 1) { return type }
      }
      return nil
    default: return nil
    }
  }

  /// Writes a key in full.
  ///
  /// - Parameter comparably: whether values that Python calls equal (`1`, `1.0`, `True`) get the same
  ///   text, and different ones different texts.
  private mutating func write(
    _ id: NodeID, comparably: Bool, depth: Int, to text: inout String
  ) throws(CheckpointError) {
    let before = text.utf8.count
    switch node(id) {
    case .none: text += "None"
    case .bool(let value): text += comparably ? (value ? "1" : "0") : (value ? "True" : "False")
    case .integer(let value): text += String(value)
    case .bigInteger(let bytes): text += IntegerText.text(twosComplement: bytes)
    case .real(let value): text += realText(value, id, comparably)
    case .complex(let real, let imaginary):
      text +=
        comparably && imaginary == 0
        ? realText(real, id, true)
        : "(\(realText(real, id, comparably)) + \(realText(imaginary, id, comparably))j)"
    case .string(let value): text += quotedInFull(value)
    case .bytes(let bytes): text += "b" + quotedBytes(bytes)
    case .tuple(let elements):
      try write(elements, comparably, depth, to: &text)
    case .global(let global):
      let dtype = global.module.utf8.equals("torch") ? DType(torchName: global.name) : nil
      text += comparably ? dtype.map { "torch dtype \($0)" } ?? global.path : global.path
    case .object(let object):
      // A size is a tuple, a device equals another of the same name; of unknown classes nothing is known.
      guard !object.isForeign, case .global(let global) = node(object.function),
        case .tuple(let arguments) = node(object.arguments)
      else {
        text += comparably ? "<object \(id)>" : nodes.brief(id)
        return
      }
      if comparably, global.constructor == .size, let size = arguments.first,
        case .tuple(let elements) = node(size)
      {
        try write(elements, comparably, depth, to: &text)
      } else {
        text += global.path
        try write(arguments, comparably, depth, to: &text)
      }
    case .tensor: text += comparably ? "<tensor \(id)>" : "<tensor>"
    case .storage(let place): text += comparably ? "<storage \(place)>" : "<storage>"
    case .byteArray, .list, .set, .dictionary:
      text += comparably ? "<value \(id)>" : nodes.brief(id)
    }
    try charge(text.utf8.count - before + 1)
  }

  private mutating func write(
    _ elements: [NodeID], _ comparably: Bool, _ depth: Int, to text: inout String
  ) throws(CheckpointError) {
    guard depth < PickleMachine.deepestKey else {
      throw failure(.keyTooDeep(depth))
    }
    text += "("
    for (index, element) in elements.enumerated() {
      if index > 0 { text += ", " }
      try write(element, comparably: comparably, depth: depth + 1, to: &text)
    }
    text += ")"
  }

  private func realText(_ value: Double, _ id: NodeID, _ comparably: Bool) -> String {
    guard comparably else { return "\(value)" }
    // A value that is not a number equals itself alone.
    if value.isNaN { return "<nan \(id)>" }
    return IntegerText.text(whole: value) ?? "\(value)"
  }

  private func quotedBytes(_ bytes: [UInt8]) -> String {
    var text = "\""
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
      case 0x20...0x7E: text.unicodeScalars.append(UnicodeScalar(byte))
      default: text += "\\x" + Text.hexadecimal(byte)
      }
    }
    return text + "\""
  }
}

extension TorchStructure {
  /// What decides whether two keys of a dictionary are one, as in Python: `1`, `1.0` and `True` are.
  enum DictionaryKey: Hashable {
    case text(Key)
    case integer(Int)
    case other(Key)
  }

  func dictionaryKey(_ id: NodeID) -> DictionaryKey {
    switch self[id] {
    case .string(let text): .text(Key(text))
    case .integer(let value): .integer(value)
    case .bool(let value): .integer(value ? 1 : 0)
    case .real(let value): Int(exactly: value).map { .integer($0) } ?? other(id)
    case .complex(let value, 0): Int(exactly: value).map { .integer($0) } ?? other(id)
    default: other(id)
    }
  }

  private func other(_ id: NodeID) -> DictionaryKey {
    .other(keyTexts[id]?.identity ?? Key(nodes.brief(id)))
  }

  /// Gives each child of a dictionary a name that no other one has: a string its own text, every other
  /// key its text in full, with its type or a number when that text is taken.
  func nameChildren(_ children: inout [Child]) {
    var taken: Set<Key> = []
    var others: [Int] = []
    for (place, child) in children.enumerated() {
      if let key = child.key, case .string = self[key] {
        taken.insert(Key(child.name))
      } else if child.key != nil {
        others.append(place)
      }
    }
    // Names that are taken are counted, so that many equal ones take no quadratic time.
    var counts: [Key: Int] = [:]
    for place in others {
      guard let key = children[place].key else { continue }
      let text = keyTexts[key]
      let name = text?.name ?? nodes.brief(key)
      let typed = text?.typed ?? nodes.typeName(key) + "(\(name))"
      var chosen = name
      if taken.contains(Key(chosen)) { chosen = typed }
      while taken.contains(Key(chosen)) {
        let number = counts[Key(typed), default: 1] + 1
        counts[Key(typed)] = number
        chosen = "\(typed) #\(number)"
      }
      taken.insert(Key(chosen))
      children[place].name = chosen
    }
  }
}
