/// A name exactly as a file spells it: the dotted name of a tensor, the name of an entry of metadata or of a
/// member of JSON.
///
/// Two keys are equal when their UTF-8 bytes are. Swift's `String` calls canonically equivalent
/// spellings equal (`é` and `e` + U+0301), which would merge two tensors of one file into one.
///
///     let key: Key = "linear.0.weight"
///     print(key.components.last ?? "", base[key]?.shape as Any)
public struct Key: Sendable {
  /// The key as text.
  public let string: String

  /// A key spelled `string`.
  public init(_ string: String) {
    var string = string
    string.makeContiguousUTF8()
    self.string = string
  }

  /// The parts between dots. `"linear.0.weight"` has three. The empty key has one, empty.
  public var components: [Substring] {
    string.parts(separatedBy: ".")
  }
}

extension Key: Hashable, Comparable {
  /// Whether the UTF-8 bytes are the same.
  public static func == (a: Key, b: Key) -> Bool {
    utf8AreEqual(a.string, b.string)
  }

  /// Orders keys by their UTF-8 bytes.
  public static func < (a: Key, b: Key) -> Bool {
    utf8Precedes(a.string, b.string)
  }

  /// Feeds the UTF-8 bytes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(utf8Of: string)
    hasher.combine(0xFF as UInt8)
  }
}

extension Key: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A key written in code.
  public init(stringLiteral value: String) { self.init(value) }
  /// The key as text.
  public var description: String { string }
}
