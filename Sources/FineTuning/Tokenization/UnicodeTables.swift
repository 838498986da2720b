/// What the reference tokenizer knows about every Unicode scalar.
///
/// The tables are its own, asked one scalar at a time (`fixtures/make_unicode_tables.py`): the
/// crates it is built from carry older Unicode versions than Swift's standard library, and the ids
/// of a text must be the same on every machine.
struct UnicodeTables: Sendable {
  /// Properties of one scalar.
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt16
    /// `clean_text` removes it.
    static let removed = Flags(rawValue: 1)
    /// It separates words.
    static let whitespace = Flags(rawValue: 2)
    /// It is a separate word when ideographs are spaced.
    static let ideograph = Flags(rawValue: 4)
    /// It is a separate word.
    static let punctuation = Flags(rawValue: 8)
    /// `strip_accents` removes it.
    static let mark = Flags(rawValue: 16)
    /// `\w` in the crate's regular expressions.
    static let word = Flags(rawValue: 32)
    /// Its canonical combining class is not 0.
    static let combining = Flags(rawValue: 64)
    /// It has another lower case.
    static let cased = Flags(rawValue: 128)
    /// It has a canonical decomposition.
    static let composed = Flags(rawValue: 256)
    /// `\p{L}` in the crate's regular expressions.
    static let letter = Flags(rawValue: 512)
    /// `\p{N}` in the crate's regular expressions.
    static let number = Flags(rawValue: 1024)
  }

  private let flags: [Flags]
  private var combiningClasses: [UInt32: UInt8] = [:]
  private var lowercase: [UInt32: UInt32] = [:]
  private var decompositions: [UInt32: [UInt32]] = [:]

  /// The tables, unpacked at first use.
  static let shared = UnicodeTables()

  private init() {
    var flags = [Flags](repeating: [], count: 0x110000)
    func mark(_ packed: String, _ flag: Flags) {
      var numbers = PackedNumbers(packed)
      var end = 0
      while let gap = numbers.next(), let count = numbers.next() {
        for scalar in end + gap..<end + gap + count { flags[scalar].formUnion(flag) }
        end += gap + count
      }
    }
    mark(Packed.removed, .removed)
    mark(Packed.whitespace, .whitespace)
    mark(Packed.ideographs, .ideograph)
    mark(Packed.punctuation, .punctuation)
    mark(Packed.marks, .mark)
    mark(Packed.word, .word)
    mark(Packed.letters, .letter)
    mark(Packed.numbers, .number)

    var numbers = PackedNumbers(Packed.combining)
    var end = 0
    while let gap = numbers.next(), let count = numbers.next(), let value = numbers.next() {
      for scalar in end + gap..<end + gap + count {
        flags[scalar].formUnion(.combining)
        combiningClasses[UInt32(scalar)] = UInt8(value)
      }
      end += gap + count
    }

    numbers = PackedNumbers(Packed.lowercase)
    var last = 0
    while let gap = numbers.next(), let count = numbers.next(), let stride = numbers.next(),
      let distance = numbers.nextSigned()
    {
      last += gap
      for index in 0..<count {
        let scalar = last + index * stride
        flags[scalar].formUnion(.cased)
        lowercase[UInt32(scalar)] = UInt32(scalar + distance)
      }
      last += (count - 1) * stride
    }
    flags[UnicodeTables.dottedI].formUnion(.cased)

    numbers = PackedNumbers(Packed.decompositions)
    last = 0
    while let gap = numbers.next(), let count = numbers.next() {
      last += gap
      var scalars: [UInt32] = []
      var before = last
      for _ in 0..<count {
        before += numbers.nextSigned() ?? 0
        scalars.append(UInt32(before))
      }
      flags[last].formUnion(.composed)
      decompositions[UInt32(last)] = scalars
    }
    for syllable in Hangul.syllables { flags[Int(syllable)].formUnion(.composed) }
    self.flags = flags
  }

  /// U+0130, whose lower case is `i` and U+0307: the only one of two scalars.
  private static let dottedI = 0x130

  /// What is known of a scalar.
  subscript(scalar: UInt32) -> Flags { flags[Int(scalar)] }

  /// The canonical combining class.
  func combiningClass(of scalar: UInt32) -> UInt8 {
    self[scalar].contains(.combining) ? combiningClasses[scalar] ?? 0 : 0
  }

  /// Calls `body` with the lower case of a scalar, whatever stands around it: sigma has one lower
  /// case, as in Rust's `char::to_lowercase`.
  func forEachLowercase(of scalar: UInt32, _ body: (UInt32) -> Void) {
    guard self[scalar].contains(.cased) else { return body(scalar) }
    guard scalar != UnicodeTables.dottedI else {
      body(0x69)
      body(0x307)
      return
    }
    body(lowercase[scalar] ?? scalar)
  }

  /// Calls `body` with the full canonical decomposition of a scalar.
  func forEachDecomposed(_ scalar: UInt32, _ body: (UInt32) -> Void) {
    guard self[scalar].contains(.composed) else { return body(scalar) }
    guard !Hangul.syllables.contains(scalar) else {
      let index = scalar - Hangul.syllables.lowerBound
      body(0x1100 + index / Hangul.lead)
      body(0x1161 + index % Hangul.lead / Hangul.trail)
      if index % Hangul.trail != 0 { body(0x11A7 + index % Hangul.trail) }
      return
    }
    for part in decompositions[scalar] ?? [scalar] { body(part) }
  }

  /// The arithmetic of Hangul syllables.
  private enum Hangul {
    static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
    static let lead: UInt32 = 588
    static let trail: UInt32 = 28
  }
}

/// Reads the numbers of ``UnicodeTables/Packed``.
private struct PackedNumbers {
  private let text: [UInt8]
  private var position = 0

  init(_ text: String) { self.text = Array(text.utf8) }

  mutating func next() -> Int? {
    var number = 0
    var shift = 0
    while position < text.count {
      let letter = text[position]
      position += 1
      let digit: Int
      switch letter {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = Int(letter) - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = Int(letter) - 97 + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(letter) - 48 + 52
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      default: continue
      }
      number |= (digit & 31) << shift
      if digit < 32 { return number }
      shift += 5
    }
    return nil
  }

  mutating func nextSigned() -> Int? {
    guard let number = next() else { return nil }
    return number & 1 == 0 ? number >> 1 : -((number + 1) >> 1)
  }
}
