extension JSONScanner {
  /// Takes any value and keeps nothing of it: members that a format does not know may be large. The grammar is
  /// checked as ``value()`` checks it, except that names may occur more than once.
  @_lifetime(self: copy self)
  mutating func skipValue() throws(CheckpointError) {
    // Whether each container around the position is an object.
    var containers: [Bool] = []
    repeat {
      switch current {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard containers.count < JSONParser.maximumDepth else {
          throw failure("nested more than \(JSONParser.maximumDepth) deep")
        }
        let isObject = take(UInt8(ascii: "{"))
        if !isObject { try expect(UInt8(ascii: "[")) }
        if !take(UInt8(ascii: isObject ? "}" : "]")) {
          containers.append(isObject)
          if isObject { try skipName() }
          continue
        }
      case UInt8(ascii: "\""): _ = try string()
      default: _ = try value()
      }
      // A value ends here, and with it perhaps what it is the last element of.
      while let isObject = containers.last {
        if try another(before: UInt8(ascii: isObject ? "}" : "]")) {
          if isObject { try skipName() }
          break
        }
        containers.removeLast()
      }
    } while !containers.isEmpty
  }

  @_lifetime(self: copy self)
  private mutating func skipName() throws(CheckpointError) {
    _ = try string()
    try expect(UInt8(ascii: ":"))
  }
}
