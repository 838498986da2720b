// JSON: headers, indices and documents.
extension CheckpointError {
  private static func json(_ reason: String) -> CheckpointError {
    CheckpointError(.malformed, "invalid JSON: " + reason)
  }

  package static var jsonEndsEarly: CheckpointError { json("the document ends early") }
  package static var jsonTextAfterEnd: CheckpointError {
    json("text after the end of the JSON document")
  }
  static var jsonNoValue: CheckpointError { json("expected a value") }
  static var jsonNoName: CheckpointError { json("expected a member's name") }
  static var jsonNoDigit: CheckpointError { json("expected a digit") }
  static var jsonLeadingZero: CheckpointError { json("a number with a leading zero") }
  static var jsonNoText: CheckpointError { json("expected a string") }
  static var jsonOpenString: CheckpointError { json("a string has no end") }
  static var jsonControl: CheckpointError { json("a control character in a string") }
  static var jsonNotUTF8: CheckpointError { json("a string that is not UTF-8") }
  static var jsonUnknownEscape: CheckpointError { json("an unknown escape") }
  static var jsonNoHexadecimal: CheckpointError { json("expected four hexadecimal digits") }
  static var jsonLoneSurrogate: CheckpointError { json("half of a surrogate pair") }
  static var jsonNumberTooLarge: CheckpointError { json("a number that does not fit 63 bits") }
  static var jsonNoInteger: CheckpointError {
    json("expected a non-negative integer without leading zeros")
  }
  static var jsonFraction: CheckpointError {
    json("expected an integer, without fraction or exponent")
  }

  static func jsonExpected(_ text: String) -> CheckpointError { json("expected \(text)") }

  static func jsonExpected(_ byte: UInt8) -> CheckpointError {
    json("expected '\(Unicode.Scalar(byte))'")
  }

  static func jsonTooDeep(_ limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "invalid JSON: nested deeper than \(limit) levels")
  }

  static func jsonTooManyValues(_ byteCount: Int) -> CheckpointError {
    CheckpointError(
      .tooLarge, "the JSON document has more values than are read from \(byteCount) bytes")
  }

  static func jsonDuplicateName(_ name: String) -> CheckpointError {
    json("the name \(quoted(name)) occurs twice in one object")
  }

  // MARK: Documents of checkpoints

  static func duplicateMember(_ name: String) -> CheckpointError { json("\(name) is duplicated") }
  static func missingMember(_ name: String) -> CheckpointError { json("\(name) is missing") }
  static func textAfterEnd(of document: String) -> CheckpointError {
    json("text after the end of the \(document)")
  }
  static var escapedField: CheckpointError { json("an escape in the name of a field") }

  static func metadataIsNotText(_ name: String) -> CheckpointError {
    json("the value of \(quoted(name)) in __metadata__ is not a string")
  }
  static func duplicateMetadata(_ name: String) -> CheckpointError {
    json("\(quoted(name)) is duplicated in __metadata__")
  }
  static func unknownDType(_ name: String) -> CheckpointError {
    json("unknown dtype \(quoted(name))")
  }
}
