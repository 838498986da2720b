/// Pieces of pickles.
enum PickleBytes {
  static let start: [UInt8] = [0x80, 2]
  static let stop: [UInt8] = [0x2E]

  static func string(_ text: String) -> [UInt8] {
    [0x58] + little(text.utf8.count, 4) + Array(text.utf8)
  }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + little(value, 8) }

  static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.joined() + [0x74] }

  static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }

  static func call(_ function: [UInt8], _ arguments: [[UInt8]]) -> [UInt8] {
    function + tuple(arguments) + [0x52]
  }

  static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + items.flatMap { string($0.0) + $0.1 } + [0x75]
  }

  static func storage(
    _ key: String, count: Int, type: (String, String) = ("torch", "FloatStorage")
  ) -> [UInt8] {
    tuple([
      string("storage"), global(type.0, type.1), string(key), string("cpu"), integer(count),
    ]) + [0x51]
  }

  /// A tensor of `_rebuild_tensor_v2`.
  static func tensor(
    _ storage: [UInt8], offset: Int = 0, size: [Int], strides: [Int]
  ) -> [UInt8] {
    call(
      global("torch._utils", "_rebuild_tensor_v2"),
      [
        storage, integer(offset), integers(size), integers(strides), [0x89],
        global("collections", "OrderedDict") + [0x29, 0x52],
      ])
  }

  /// A whole pickle of one value.
  static func whole(_ value: [UInt8]) -> [UInt8] { start + value + stop }

  /// A pickle of a dictionary.
  static func file(_ items: [(String, [UInt8])]) -> [UInt8] { whole(dictionary(items)) }
}
