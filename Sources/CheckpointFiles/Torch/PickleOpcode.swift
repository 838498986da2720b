/// The opcodes of the pickle protocols 0 to 5, under the names of Python's `pickletools`.
enum PickleOpcode: UInt8, Sendable, CaseIterable {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2E  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case dup = 0x32  // 2
  case binBytes = 0x42  // B
  case shortBinBytes = 0x43  // C
  case float = 0x46  // F
  case binFloat = 0x47  // G
  case int = 0x49  // I
  case binInt = 0x4A  // J
  case binInt1 = 0x4B  // K
  case long = 0x4C  // L
  case binInt2 = 0x4D  // M
  case none = 0x4E  // N
  case persistentID = 0x50  // P
  case binPersistentID = 0x51  // Q
  case reduce = 0x52  // R
  case string = 0x53  // S
  case binString = 0x54  // T
  case shortBinString = 0x55  // U
  case unicode = 0x56  // V
  case binUnicode = 0x58  // X
  case emptyList = 0x5D  // ]
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case dict = 0x64  // d
  case appends = 0x65  // e
  case get = 0x67  // g
  case binGet = 0x68  // h
  case inst = 0x69  // i
  case longBinGet = 0x6A  // j
  case list = 0x6C  // l
  case obj = 0x6F  // o
  case put = 0x70  // p
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDict = 0x7D  // }
  case proto = 0x80
  case newObj = 0x81
  case ext1 = 0x82
  case ext2 = 0x83
  case ext4 = 0x84
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
  case long4 = 0x8B
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes8 = 0x8E
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjEx = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  case byteArray8 = 0x96
  case nextBuffer = 0x97
  case readonlyBuffer = 0x98
}

/// One opcode of a pickle, with what follows it.
struct PickleInstruction {
  /// What an opcode carries.
  enum Argument {
    case none
    case integer(Int)
    case real(Double)
    /// Bytes of the pickle: a string, a number in two's complement, a line.
    case bytes(Range<Int>)
    /// Two lines: module and name.
    case lines(Range<Int>, Range<Int>)
  }

  let opcode: PickleOpcode
  let argument: Argument
  /// The offset of the opcode.
  let offset: Int

  /// Takes the next instruction. Lengths are checked before anything is taken.
  init(_ reader: inout ByteReader) throws(CheckpointError) {
    offset = reader.position
    let byte = try reader.byte()
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw .unknownOpcode(byte).located(offset: offset)
    }
    self.opcode = opcode
    switch opcode {
    case .proto, .binInt1, .binGet, .binPut, .ext1: argument = .integer(Int(try reader.byte()))
    case .binInt2, .ext2: argument = .integer(try reader.short())
    case .binInt:
      argument = .integer(Int(Int32(truncatingIfNeeded: try reader.word())))
    case .longBinGet, .longBinPut, .ext4: argument = .integer(try reader.word())
    case .binFloat:
      argument = .real(Double(bitPattern: try reader.number(UInt64.self).byteSwapped))
    case .long1, .shortBinBytes, .shortBinString, .shortBinUnicode:
      argument = .bytes(try reader.take(Int(try reader.byte())))
    case .long4, .binString:
      let length = Int32(truncatingIfNeeded: try reader.word())
      guard length >= 0 else {
        throw .negativeLength.located(offset: offset)
      }
      argument = .bytes(try reader.take(Int(length)))
    case .binBytes, .binUnicode: argument = .bytes(try reader.take(try reader.word()))
    case .binUnicode8, .binBytes8, .byteArray8:
      argument = .bytes(try reader.take(try reader.long()))
    case .frame: argument = .integer(try reader.long())
    case .float, .int, .long, .persistentID, .string, .unicode, .get, .put:
      argument = .bytes(try reader.line())
    case .global, .inst: argument = .lines(try reader.line(), try reader.line())
    default: argument = .none
    }
  }
}
