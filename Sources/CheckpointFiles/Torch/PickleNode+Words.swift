/// Values of a pickle in words.
extension [PickleNode] {
  private subscript(at id: NodeID) -> PickleNode { self[Int(id)] }

  /// Python's name of a value's type.
  func typeName(_ id: NodeID) -> String {
    switch self[at: id] {
    case .none: "NoneType"
    case .bool: "bool"
    case .integer, .bigInteger: "int"
    case .real: "float"
    case .complex: "complex"
    case .string: "str"
    case .bytes: "bytes"
    case .byteArray: "bytearray"
    case .tuple: "tuple"
    case .list: "list"
    case .set: "set"
    case .dictionary(let dictionary):
      switch dictionary.kind {
      case .plain: "dict"
      case .ordered: "OrderedDict"
      case .counter: "Counter"
      }
    case .global: "type"
    case .storage: "storage"
    case .tensor: "tensor"
    case .object(let object):
      if case .global(let global) = self[at: object.function] { global.path } else { "object" }
    }
  }

  /// The value as a Python programmer would write it, shortened to one short line.
  func brief(_ id: NodeID) -> String {
    var text = ""
    write(id, depth: 0, to: &text)
    return text
  }

  private func write(_ id: NodeID, depth: Int, to text: inout String) {
    guard depth < 4, text.utf8.count < longestText else {
      text += "…"
      return
    }
    switch self[at: id] {
    case .none: text += "None"
    case .bool(let value): text += value ? "True" : "False"
    case .integer(let value): text += String(value)
    case .bigInteger(let bytes):
      // Up to 120 digits.
      text +=
        bytes.count <= 48
        ? IntegerText.text(twosComplement: bytes) : "<integer of \(bytes.count) bytes>"
    case .real(let value): text += "\(value)"
    case .complex(let real, let imaginary): text += "(\(real) + \(imaginary)j)"
    case .string(let value): text += quoted(value.scalars(upTo: longestText))
    case .bytes(let bytes), .byteArray(let bytes): text += "<\(bytes.count) bytes>"
    case .tuple(let elements): write(elements, "(", ")", depth, to: &text)
    case .list(let elements): write(elements, "[", "]", depth, to: &text)
    case .set(let elements): write(elements, "{", "}", depth, to: &text)
    case .dictionary(let dictionary):
      text += "{"
      for index in stride(from: 0, to: Swift.min(dictionary.items.count - 1, 16), by: 2) {
        if index > 0 { text += ", " }
        write(dictionary.items[index], depth: depth + 1, to: &text)
        text += ": "
        write(dictionary.items[index + 1], depth: depth + 1, to: &text)
      }
      if dictionary.items.count > 16 { text += ", … \(dictionary.items.count / 2) items" }
      text += "}"
    case .global(let global): text += global.path
    case .storage: text += "<storage>"
    case .tensor: text += "<tensor>"
    case .object(let object):
      write(object.function, depth: depth + 1, to: &text)
      if case .tuple(let arguments) = self[at: object.arguments] {
        write(arguments, "(", ")", depth, to: &text)
      }
    }
  }

  private func write(
    _ elements: [NodeID], _ open: String, _ close: String, _ depth: Int, to text: inout String
  ) {
    text += open
    for (index, element) in elements.prefix(8).enumerated() {
      if index > 0 { text += ", " }
      write(element, depth: depth + 1, to: &text)
    }
    if elements.count > 8 { text += ", … \(elements.count) elements" }
    text += close
  }
}

/// Longer values are cut.
private let longestText = 120
