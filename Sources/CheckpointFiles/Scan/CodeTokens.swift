/// The words and symbols of code that has the form of Python: TorchScript, and expressions of
/// torch.export.
struct CodeTokens {
  enum Kind: Equatable {
    case name(String)
    case number
    /// The text between the quotes.
    case string(String)
    case symbol(UInt8)
  }

  struct Token {
    let kind: Kind
    /// The column, for the first token of a line outside of brackets.
    let indentation: Int?
  }

  private(set) var tokens: [Token] = []

  /// Splits `code`; `nil` when it has characters that such code does not have outside of strings, or a
  /// string without an end.
  init?(_ code: [UInt8]) {
    var place = 0
    var brackets = 0
    var lineStart: Int? = 0
    func byte(_ offset: Int) -> UInt8 { place + offset < code.count ? code[place + offset] : 0 }
    while place < code.count {
      let first = code[place]
      if first == 0x0A {
        place += 1
        if brackets == 0 { lineStart = place }
        continue
      }
      if first == 0x20 || first == 0x09 || first == 0x0D {
        place += 1
        continue
      }
      if first == UInt8(ascii: "#") {
        while place < code.count, code[place] != 0x0A { place += 1 }
        continue
      }
      let indentation = lineStart.map { place - $0 }
      lineStart = nil
      let start = place
      if CodeTokens.isLetter(first) {
        while CodeTokens.isLetter(byte(0)) || CodeTokens.isDigit(byte(0)) { place += 1 }
        let name = String(decoding: code[start..<place], as: UTF8.self)
        tokens.append(Token(kind: .name(name), indentation: indentation))
      } else if CodeTokens.isDigit(first)
        || first == UInt8(ascii: ".") && CodeTokens.isDigit(byte(1))
      {
        while place < code.count {
          let isSign = byte(0) == UInt8(ascii: "+") || byte(0) == UInt8(ascii: "-")
          let isExponent = place > start && code[place - 1] | 0x20 == UInt8(ascii: "e")
          guard
            CodeTokens.isLetter(byte(0)) || CodeTokens.isDigit(byte(0))
              || byte(0) == UInt8(ascii: ".") || isSign && isExponent
          else { break }
          place += 1
        }
        tokens.append(Token(kind: .number, indentation: indentation))
      } else if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
        let isTriple = byte(1) == first && byte(2) == first
        place += isTriple ? 3 : 1
        let content = place
        while true {
          guard place < code.count, isTriple || byte(0) != 0x0A else { return nil }
          if byte(0) == UInt8(ascii: "\\") {
            place += 2
            continue
          }
          if byte(0) == first, !isTriple || byte(1) == first && byte(2) == first { break }
          place += 1
        }
        guard place <= code.count else { return nil }
        tokens.append(
          Token(
            kind: .string(String(decoding: code[content..<place], as: UTF8.self)),
            indentation: indentation))
        place += isTriple ? 3 : 1
      } else if CodeTokens.symbols.contains(first) {
        if "([{".utf8.contains(first) { brackets += 1 }
        if ")]}".utf8.contains(first) { brackets -= 1 }
        guard brackets >= 0 else { return nil }
        tokens.append(Token(kind: .symbol(first), indentation: indentation))
        place += 1
      } else {
        return nil
      }
    }
  }

  private static let symbols = Set("()[]{}.,:;=+-*/%<>!&|^~@".utf8)

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
  }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

extension CodeTokens.Token {
  var name: String? { if case .name(let name) = kind { name } else { nil } }
  func isSymbol(_ symbol: Unicode.Scalar) -> Bool { kind == .symbol(UInt8(ascii: symbol)) }
}
