/// Cleans a text as BERT wants it: control characters out, ideographs spaced, accents stripped,
/// lower case. Each step is an option.
struct BertNormalizer: Sendable {
  private let cleans: Bool
  private let spacesIdeographs: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool
  private let tables = UnicodeTables.shared
  /// What becomes of each ASCII byte; ``nothing`` when it goes.
  private let ascii: [UInt8]
  private static let nothing: UInt8 = 0xFF

  init(cleans: Bool, spacesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool) {
    self.cleans = cleans
    self.spacesIdeographs = spacesIdeographs
    self.stripsAccents = stripsAccents
    self.lowercases = lowercases
    let tables = UnicodeTables.shared
    ascii = (0..<128).map { (byte: UInt8) in
      let flags = tables[UInt32(byte)]
      if cleans, flags.contains(.removed) { return BertNormalizer.nothing }
      if cleans, flags.contains(.whitespace) { return 0x20 }
      return lowercases && byte >= 65 && byte <= 90 ? byte + 32 : byte
    }
  }

  /// The normalized form of `text[range]`, which is valid UTF-8, in place of what `output` held.
  func normalize(_ text: [UInt8], _ range: Range<Int>, into output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    output.reserveCapacity(range.count)
    var marks = PendingMarks()
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = text[index]
      if byte < 0x80 {
        index += 1
        let mapped = ascii[Int(byte)]
        if mapped == BertNormalizer.nothing { continue }
        if !marks.isEmpty { marks.flush(into: &output) }
        output.append(mapped)
      } else {
        append(decodeScalar(text, &index), to: &output, &marks)
      }
    }
    marks.flush(into: &output)
  }

  private func append(_ scalar: UInt32, to output: inout [UInt8], _ marks: inout PendingMarks) {
    let flags = tables[scalar]
    if cleans {
      if flags.contains(.removed) { return }
      if flags.contains(.whitespace) {
        marks.flush(into: &output)
        output.append(0x20)
        return
      }
    }
    let isolated = spacesIdeographs && flags.contains(.ideograph)
    if isolated {
      marks.flush(into: &output)
      output.append(0x20)
    }
    if stripsAccents {
      tables.forEachDecomposed(scalar) { appendStripped($0, to: &output, &marks) }
    } else {
      appendLowercased(scalar, to: &output)
    }
    if isolated {
      marks.flush(into: &output)
      output.append(0x20)
    }
  }

  /// Drops nonspacing marks. Combining marks that stay (spacing ones, and those that are newer than
  /// the reference's tables) wait until their canonical order is known.
  private func appendStripped(
    _ scalar: UInt32, to output: inout [UInt8], _ marks: inout PendingMarks
  ) {
    let flags = tables[scalar]
    if flags.contains(.combining) {
      if !flags.contains(.mark) {
        marks.add(scalar, class: tables.combiningClass(of: scalar))
      }
      return
    }
    marks.flush(into: &output)
    if !flags.contains(.mark) { appendLowercased(scalar, to: &output) }
  }

  private func appendLowercased(_ scalar: UInt32, to output: inout [UInt8]) {
    if lowercases {
      tables.forEachLowercase(of: scalar) { appendScalar($0, to: &output) }
    } else {
      appendScalar(scalar, to: &output)
    }
  }
}

/// Combining marks in a row, put in canonical order before they are written.
private struct PendingMarks {
  private var marks: [(scalar: UInt32, place: Int)] = []

  var isEmpty: Bool { marks.isEmpty }

  mutating func add(_ scalar: UInt32, class value: UInt8) {
    // The place in the row breaks ties, so that the order of equal classes stays.
    marks.append((scalar, Int(value) << 48 | marks.count))
  }

  mutating func flush(into output: inout [UInt8]) {
    if marks.isEmpty { return }
    if marks.count > 1 { marks.sort { $0.place < $1.place } }
    for mark in marks { appendScalar(mark.scalar, to: &output) }
    marks.removeAll(keepingCapacity: true)
  }
}

/// The scalar that starts at `index` in valid UTF-8; moves `index` past it.
@inline(__always)
func decodeScalar(_ text: [UInt8], _ index: inout Int) -> UInt32 {
  let first = UInt32(text[index])
  let count = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  var scalar = count == 1 ? first : first & (0x7F >> UInt32(count))
  for offset in 1..<max(count, 1) { scalar = scalar << 6 | UInt32(text[index + offset] & 0x3F) }
  index += count
  return scalar
}

/// Appends the UTF-8 of a scalar.
@inline(__always)
func appendScalar(_ scalar: UInt32, to output: inout [UInt8]) {
  func tail(_ shift: UInt32) { output.append(UInt8(0x80 | scalar >> shift & 0x3F)) }
  switch scalar {
  case 0..<0x80: output.append(UInt8(scalar))
  case 0x80..<0x800:
    output.append(UInt8(0xC0 | scalar >> 6))
    tail(0)
  case 0x800..<0x10000:
    output.append(UInt8(0xE0 | scalar >> 12))
    tail(6)
    tail(0)
  default:
    output.append(UInt8(0xF0 | scalar >> 18 & 7))
    tail(12)
    tail(6)
    tail(0)
  }
}
