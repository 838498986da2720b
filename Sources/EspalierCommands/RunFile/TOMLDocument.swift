import CheckpointFiles
import ParameterSurgery

/// The part of TOML that the file of a run needs: tables, texts, integers, floats, booleans, lists of those, comments.
///
/// Everything else that TOML 1.0 has (dates, inline tables, lists of tables, dotted keys, texts over several lines, numbers
/// that are not decimal) is refused with its line, never misread. The file may come from anyone: its size is bounded, and
/// nothing here recurses.
struct TOMLDocument {
  /// A value and where it is.
  struct Value: Hashable {
    /// What a value can be.
    indirect enum Kind: Hashable {
      case text(String)
      /// The digits, without underscores.
      case integer(String)
      /// A number with a fraction or an exponent, without underscores, or `inf`.
      case float(String)
      case flag(Bool)
      case list([Value])
    }

    let kind: Kind
    /// The line, from 1.
    let line: Int
  }

  /// A name and its value.
  struct Member: Hashable {
    let name: String
    let value: Value
    let line: Int
  }

  /// The members of a table, in their order. The name of the first table, before any heading, is empty.
  struct Table: Hashable {
    let name: String
    let line: Int
    var members: [Member]
  }

  let tables: [Table]

  /// Bytes and values that are read.
  static let (maximumSize, maximumValues) = (1 << 20, 10_000)

  /// The tables of a document.
  ///
  /// - Throws: `TOMLError` with the line that cannot be read.
  init(_ bytes: [UInt8]) throws(TOMLError) {
    guard bytes.count <= TOMLDocument.maximumSize else {
      throw TOMLError(.tooLong, line: 1)
    }
    var reader = TOMLReader(bytes)
    tables = try reader.document()
  }
}

/// Why a document cannot be read.
struct TOMLError: Error, Hashable {
  /// What is wrong.
  enum Reason: Hashable {
    case tooLong, notUTF8, controlCharacter, missingKey, missingEquals, missingValue, unfinishedText
    case unknownEscape, notAScalar, afterValue, unfinishedList, missingComma, unfinishedHeading
    case wrongNumber(String)
    case unknownValue(String)
    /// Something that TOML has and these files do not.
    case unsupported(String)
    /// A name and the line where it is first.
    case duplicate(String, Int)
  }

  let reason: Reason
  /// The line, from 1.
  let line: Int

  init(_ reason: Reason, line: Int) { (self.reason, self.line) = (reason, line) }

  /// The sentence, without the file and the line.
  var sentence: String {
    switch reason {
    case .tooLong: "the file is too long; expected at most 1 MiB and 10,000 values"
    case .notUTF8: "the text is not UTF-8"
    case .controlCharacter: "a control character; write it as an escape, such as \\u001B"
    case .missingKey: "a name is missing; write NAME = VALUE"
    case .missingEquals: "`=` is missing after the name"
    case .missingValue: "a value is missing after `=`"
    case .unfinishedText: "the text has no closing quote on its line"
    case .unknownEscape:
      "unknown escape; use one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX, or a text in single quotes"
    case .notAScalar: "the escape is not a Unicode scalar value"
    case .afterValue: "more text after the value; write one member on each line"
    case .unfinishedList: "the list has no closing bracket"
    case .missingComma: "a comma or a closing bracket is missing in the list"
    case .unfinishedHeading: "the heading of a table is not of the form [NAME]"
    case .wrongNumber(let text): "\(quoted(text)) is not a number as TOML writes it"
    case .unknownValue(let text):
      "\(quoted(text)) is not a value; put a text in quotes"
    case .unsupported(let what): "\(what) cannot be used in the file of a run"
    case .duplicate(let name, let line):
      "\(quoted(name)) is duplicated; it is first on line \(line)"
    }
  }
}
