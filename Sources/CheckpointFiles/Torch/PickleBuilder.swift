/// Appends opcodes of pickle protocol 2, the one that every PyTorch reads.
struct PickleBuilder {
  private(set) var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]
  private var memoCount = 0
  private var globals: [PickleGlobal: Int] = [:]
  private var words: [Key: Int] = [:]

  mutating func append(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  /// Remembers the value on top of the stack; its number.
  mutating func remember() -> Int {
    defer { memoCount += 1 }
    if memoCount < 256 {
      append(.binPut)
      bytes.append(UInt8(memoCount))
    } else {
      append(.longBinPut)
      number(UInt64(memoCount), 4)
    }
    return memoCount
  }

  mutating func recall(_ index: Int) {
    if index < 256 {
      append(.binGet)
      bytes.append(UInt8(index))
    } else {
      append(.longBinGet)
      number(UInt64(index), 4)
    }
  }

  private mutating func number(_ value: UInt64, _ count: Int) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }

  // MARK: Values

  mutating func bool(_ value: Bool) { append(value ? .newTrue : .newFalse) }

  mutating func integer(_ value: Int) {
    if let value = UInt8(exactly: value) {
      append(.binInt1)
      bytes.append(value)
    } else if let value = UInt16(exactly: value) {
      append(.binInt2)
      number(UInt64(value), 2)
    } else if let value = Int32(exactly: value) {
      append(.binInt)
      number(UInt64(UInt32(bitPattern: value)), 4)
    } else {
      var digits = (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      // The least bytes that keep the sign.
      while let last = digits.last, digits.count > 1,
        last == (digits[digits.count - 2] & 0x80 == 0 ? 0 : 0xFF)
      {
        digits.removeLast()
      }
      bigInteger(digits)
    }
  }

  /// Two's complement, little-endian.
  mutating func bigInteger(_ digits: [UInt8]) {
    if digits.count < 256 {
      append(.long1)
      bytes.append(UInt8(digits.count))
    } else {
      append(.long4)
      number(UInt64(digits.count), 4)
    }
    bytes += digits
  }

  mutating func real(_ value: Double) {
    append(.binFloat)
    number(value.bitPattern.byteSwapped, 8)
  }

  mutating func string(_ text: String) {
    append(.binUnicode)
    number(UInt64(text.utf8.count), 4)
    bytes += text.utf8
  }

  /// A string that comes again and again.
  mutating func word(_ text: String) {
    if let index = words[Key(text)] { return recall(index) }
    string(text)
    words[Key(text)] = remember()
  }

  mutating func global(_ module: String, _ name: String) throws(CheckpointError) {
    let global = PickleGlobal(module: module, name: name)
    if let index = globals[global] { return recall(index) }
    guard !module.utf8.contains(0x0A), !name.utf8.contains(0x0A) else {
      throw .classNotWritten(global.path)
    }
    append(.global)
    bytes += module.utf8
    bytes.append(0x0A)
    bytes += name.utf8
    bytes.append(0x0A)
    globals[global] = remember()
  }

  /// A tuple of integers.
  mutating func integers(_ values: [Int]) {
    if values.isEmpty { return append(.emptyTuple) }
    if values.count > 3 { append(.mark) }
    for value in values { integer(value) }
    tuple(values.count)
  }

  /// Makes a tuple of the values on top of the stack; more than three need a mark below.
  mutating func tuple(_ count: Int) {
    switch count {
    case 0: append(.emptyTuple)
    case 1: append(.tuple1)
    case 2: append(.tuple2)
    case 3: append(.tuple3)
    default: append(.tuple)
    }
  }

  /// `OrderedDict()`.
  mutating func emptyOrderedDictionary() throws(CheckpointError) {
    try global("collections", "OrderedDict")
    append(.emptyTuple)
    append(.reduce)
  }

  /// Bytes, for which protocol 2 has no opcode: a call of `function` with the text whose characters
  /// they are.
  mutating func encoded(
    _ raw: [UInt8], _ module: String, _ function: String, _ encoding: String
  ) throws(CheckpointError) {
    try global(module, function)
    var text = ""
    for byte in raw { text.unicodeScalars.append(Unicode.Scalar(byte)) }
    string(text)
    word(encoding)
    append(.tuple2)
    append(.reduce)
  }
}
