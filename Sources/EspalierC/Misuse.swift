internal import CEspalier

/// A call that cannot be answered, whatever the files hold.
struct Misuse: Error {
  let status: espalier_status
  /// One word for the kind of thing that is wrong.
  let kind: String
  let sentence: String
  var key: String?

  private init(_ status: espalier_status, _ kind: String, _ sentence: String, key: String? = nil) {
    self.status = status
    self.kind = kind
    self.sentence = sentence
    self.key = key
  }

  static let null = Misuse(
    ESPALIER_INVALID_ARGUMENT, "invalidArgument", "an argument is NULL that must not be NULL")

  static func notUTF8(_ argument: String) -> Misuse {
    Misuse(ESPALIER_INVALID_ARGUMENT, "invalidArgument", "\(argument) is not valid UTF-8")
  }

  static func argument(_ sentence: String, key: String? = nil) -> Misuse {
    Misuse(ESPALIER_INVALID_ARGUMENT, "invalidArgument", sentence, key: key)
  }

  static func invalidHandle(_ handle: UInt64) -> Misuse {
    Misuse(
      ESPALIER_INVALID_HANDLE, "invalidHandle",
      handle == 0 ? "0 is not a handle" : "\(handle) is not an open handle")
  }

  static func otherKind(_ handle: UInt64) -> Misuse {
    Misuse(ESPALIER_INVALID_HANDLE, "invalidHandle", "handle \(handle) is of another kind")
  }

  static func index(_ index: Int, of count: Int) -> Misuse {
    Misuse(
      ESPALIER_OUT_OF_RANGE, "outOfRange",
      "index \(UInt(bitPattern: index)) is out of range: there are \(count)")
  }

  static func buffer(_ size: Int, for byteCount: Int, key: String) -> Misuse {
    Misuse(
      ESPALIER_TOO_SMALL, "tooSmall",
      "the buffer has \(UInt(bitPattern: size)) bytes, the tensor \(byteCount)", key: key)
  }

  static func noSuchKey(_ key: String, in place: String) -> Misuse {
    Misuse(ESPALIER_NO_SUCH_KEY, "noSuchKey", "\(place) has no key", key: key)
  }

  static func noView(_ key: String) -> Misuse {
    Misuse(
      ESPALIER_NO_VIEW, "noView",
      "the file does not hold the elements in this form: use espalier_read()",
      key: key)
  }

  static func noElements(_ key: String) -> Misuse {
    Misuse(
      ESPALIER_NO_ELEMENTS, "noElements", "the checkpoint is a description and has no elements",
      key: key)
  }
}
