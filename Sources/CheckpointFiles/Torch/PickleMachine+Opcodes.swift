extension PickleMachine {
  /// Executes one instruction.
  mutating func execute(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch (instruction.opcode, instruction.argument) {
    case (.proto, .integer(let version)):
      guard version <= 5 else { throw failure(.unknownProtocol(version)) }
      if offset != start { remark("PROTO in the middle of the pickle") }
    case (.frame, _): break
    case (.mark, _): marks.append(stack.count)
    case (.pop, _):
      if stack.count == (marks.last ?? -1) { marks.removeLast() } else { _ = try pop() }
    case (.popMark, _): _ = try popToMark()
    case (.dup, _): stack.append(try top)

    case (.none, _): try push(.none)
    case (.newTrue, _): try push(.bool(true))
    case (.newFalse, _): try push(.bool(false))
    case (.binInt, .integer(let value)), (.binInt1, .integer(let value)),
      (.binInt2, .integer(let value)):
      try push(.integer(value))
    case (.binFloat, .real(let value)): try push(.real(value))
    case (.long1, .bytes(let range)), (.long4, .bytes(let range)):
      try push(integer(Array(reader.bytes[range])))
    case (.int, .bytes(let range)), (.long, .bytes(let range)):
      let value = try textInteger(range, isLong: instruction.opcode == .long)
      if value == nil { try refuse(failure(.integerTooLong)) }
      try push(value ?? .integer(0))
    case (.float, .bytes(let range)):
      guard let value = reader.text(range).flatMap(Double.init) else {
        throw failure(.notANumber)
      }
      try push(.real(value))

    case (.binUnicode, .bytes(let range)), (.shortBinUnicode, .bytes(let range)),
      (.binUnicode8, .bytes(let range)):
      let text = reader.text(range)
      if text == nil { try refuse(failure(.notUTF8("a string"))) }
      try push(.string(text ?? String(decoding: reader.bytes[range], as: UTF8.self)))
    case (.unicode, .bytes(let range)):
      let (text, hasSurrogates) = try rawUnicode(range)
      if hasSurrogates { try refuse(failure(.loneSurrogate)) }
      try push(.string(text))
    case (.binString, .bytes(let range)), (.shortBinString, .bytes(let range)):
      // Python 2 had one type for text and bytes.
      try push(reader.text(range).map { .string($0) } ?? .bytes(Array(reader.bytes[range])))
    case (.string, .bytes(let range)): try push(try quotedString(range))
    case (.binBytes, .bytes(let range)), (.shortBinBytes, .bytes(let range)),
      (.binBytes8, .bytes(let range)):
      try push(.bytes(Array(reader.bytes[range])))
    case (.byteArray8, .bytes(let range)): try push(.byteArray(Array(reader.bytes[range])))

    case (.emptyTuple, _): try push(.tuple([]))
    case (.tuple, _): try push(.tuple(try popToMark()))
    case (.tuple1, _): try push(.tuple([try pop()]))
    case (.tuple2, _):
      let second = try pop()
      try push(.tuple([try pop(), second]))
    case (.tuple3, _):
      let third = try pop()
      let second = try pop()
      try push(.tuple([try pop(), second, third]))
    case (.emptyList, _): try push(.list([]))
    case (.list, _): try push(.list(try popToMark()))
    case (.append, _):
      let value = try pop()
      try append([value], to: try top)
    case (.appends, _):
      let values = try popToMark()
      try append(values, to: try top)
    case (.emptySet, _): try push(.set([]))
    case (.addItems, _):
      let values = try popToMark()
      try insert(values, into: try top)
    case (.frozenSet, _):
      let values = try popToMark()
      let function = try name("builtins", "frozenset")
      let arguments = try add(.tuple([try add(.list(values))]))
      stack.append(try result(of: function, arguments, isInstance: false))
    case (.emptyDict, _): try push(.dictionary(PickleDictionary(kind: .plain)))
    case (.dict, _):
      let items = try popToMark()
      let dictionary = try add(.dictionary(PickleDictionary(kind: .plain)))
      try setItems(items, of: dictionary)
      stack.append(dictionary)
    case (.setItem, _):
      let value = try pop()
      let key = try pop()
      try setItems([key, value], of: try top)
    case (.setItems, _):
      let items = try popToMark()
      try setItems(items, of: try top)

    case (.put, .bytes(let range)): try remember(try index(range))
    case (.binPut, .integer(let index)), (.longBinPut, .integer(let index)): try remember(index)
    case (.memoize, _):
      try remember(memo.count)
    case (.get, .bytes(let range)): try recall(try index(range))
    case (.binGet, .integer(let index)), (.longBinGet, .integer(let index)): try recall(index)

    case (.global, .lines(let module, let name)):
      guard let module = reader.text(module), let name = reader.text(name) else {
        throw failure(.notUTF8("a class name"))
      }
      stack.append(try self.name(module, name))
    case (.stackGlobal, _):
      let name = try pop()
      let module = try pop()
      guard case .string(let module) = node(module), case .string(let name) = node(name) else {
        throw failure(.classNameIsNoText)
      }
      stack.append(try self.name(module, name))
    case (.ext1, .integer(let code)), (.ext2, .integer(let code)), (.ext4, .integer(let code)):
      remark("a class by its number in the extension registry")
      stack.append(try name("copyreg", "extension \(code)"))
    case (.reduce, _):
      let arguments = try pop()
      stack.append(try result(of: try pop(), arguments, isInstance: false))
    case (.newObj, _):
      let arguments = try pop()
      stack.append(try result(of: try pop(), arguments, isInstance: true))
    case (.newObjEx, _):
      let keywords = try pop()
      let arguments = try pop()
      let function = try pop()
      let all = try add(.tuple([arguments, keywords]))
      stack.append(try keep(function, all, isInstance: true, isForeign: true))
    case (.obj, _):
      let values = try popToMark()
      guard let function = values.first else { throw failure(.objectWithoutClass) }
      let arguments = try add(.tuple(Array(values.dropFirst())))
      remark("the opcode OBJ")
      stack.append(try result(of: function, arguments, isInstance: false))
    case (.inst, .lines(let module, let name)):
      guard let module = reader.text(module), let name = reader.text(name) else {
        throw failure(.notUTF8("a class name"))
      }
      let arguments = try add(.tuple(try popToMark()))
      remark("the opcode INST")
      stack.append(try result(of: try self.name(module, name), arguments, isInstance: false))
    case (.build, _):
      let state = try pop()
      let target = try top
      do throws(CheckpointError) { try build(target, state) } catch { try refuse(error) }

    case (.binPersistentID, _): stack.append(try persistent(try pop()))
    case (.persistentID, _):
      throw failure(.textPersistentID)
    case (.nextBuffer, _), (.readonlyBuffer, _):
      throw failure(.outsideBuffer)
    default: throw failure(.misplacedOpcode("\(instruction.opcode)"))
    }
  }
}
