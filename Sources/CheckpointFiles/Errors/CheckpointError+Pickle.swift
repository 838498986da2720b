// Pickles: what their opcodes carry and do.
extension CheckpointError {
  private static func pickle(_ reason: String) -> CheckpointError {
    CheckpointError(.malformed, reason)
  }

  // MARK: Bytes

  static func unknownOpcode(_ byte: UInt8) -> CheckpointError {
    pickle("unknown pickle opcode 0x\(String(byte, radix: 16))")
  }

  static func misplacedOpcode(_ name: String) -> CheckpointError {
    pickle("the opcode \(name) does not fit here")
  }

  static func unknownProtocol(_ version: Int) -> CheckpointError {
    CheckpointError(.unsupported, "pickle protocol \(version) is not known")
  }

  static var negativeLength: CheckpointError { pickle("a negative length in the pickle") }

  /// - Parameter text: what is not, such as `a line`.
  static func notUTF8(_ text: String) -> CheckpointError { pickle("\(text) that is not UTF-8") }

  static var loneSurrogate: CheckpointError { pickle("a string with half of a surrogate pair") }
  static var brokenEscape: CheckpointError { pickle("a string with a broken escape") }
  static var missingQuotes: CheckpointError { pickle("a string without quotes") }
  static var notANumber: CheckpointError { pickle("not a number") }
  static var notAnInteger: CheckpointError { pickle("an integer that is not a number") }
  static var integerTooLong: CheckpointError {
    CheckpointError(.tooLarge, "an integer of too many digits")
  }

  static func notEncodable(_ codec: String) -> CheckpointError {
    pickle("bytes that are spelled with a character that \(quoted(codec)) does not have")
  }

  // MARK: Stack and memo

  static var emptyStack: CheckpointError { pickle("the stack of the pickle is empty") }
  static var noMark: CheckpointError { pickle("no mark on the stack of the pickle") }
  static var memoWithoutNumber: CheckpointError { pickle("a memo entry without a number") }

  static func memoOutOfRange(_ index: Int) -> CheckpointError {
    pickle("memo entry \(index) is out of range")
  }

  static func noMemo(_ index: Int) -> CheckpointError {
    pickle("memo entry \(index) does not exist")
  }

  static var tooMuchCopying: CheckpointError {
    CheckpointError(.tooLarge, "the pickle copies its values over and over")
  }

  static var tooManyValues: CheckpointError {
    CheckpointError(.tooLarge, "the pickle makes more values than a file of its size holds")
  }

  // MARK: Classes and calls

  static var classNameIsNoText: CheckpointError { pickle("a class name that is not a string") }
  static var objectWithoutClass: CheckpointError { pickle("OBJ without a class") }

  static func ignoredArguments(of path: String) -> CheckpointError {
    pickle("NEWOBJ of \(path) with arguments, which have no effect there")
  }

  static func instanceOfFunction(_ path: String) -> CheckpointError {
    pickle("NEWOBJ of \(path), which is a function")
  }

  static var outsideBuffer: CheckpointError {
    CheckpointError(.unsupported, "a buffer outside of the pickle, which a file cannot have")
  }

  // MARK: Containers

  static var appendToNoList: CheckpointError {
    pickle("something is appended to a value that is not a list")
  }

  static var itemOfNoDictionary: CheckpointError {
    pickle("an item is set in a value that is not a dictionary")
  }

  static var keyWithoutValue: CheckpointError { pickle("a dictionary's key without a value") }

  /// - Parameter container: `a set`, or the keys of a dictionary.
  static func unhashable(_ type: String, in container: String) -> CheckpointError {
    pickle("a \(type) in \(container)")
  }

  static func keyTooDeep(_ depth: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "a dictionary's key is a tuple more than \(depth) deep")
  }

  static var notPairs: CheckpointError {
    pickle("an OrderedDict of values that are not pairs")
  }

  static func notElements(_ container: String, of type: String) -> CheckpointError {
    pickle("a \(container) of the elements of a \(type)")
  }

  static func containersTooDeep(_ limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "containers are nested more than \(limit) deep")
  }

  static var repeatedValues: CheckpointError {
    CheckpointError(.tooLarge, "the pickle refers to the same values over and over")
  }

  // MARK: Attributes

  static func noAttributes(_ type: String) -> CheckpointError {
    pickle("attributes for a \(type), which has none")
  }

  static func attributesAreNoDictionary(_ type: String) -> CheckpointError {
    pickle("attributes of a dictionary that are a \(type)")
  }

  static var attributesSetTwice: CheckpointError {
    pickle("attributes are set twice for one value")
  }
}
