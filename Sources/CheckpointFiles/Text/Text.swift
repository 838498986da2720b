/// `1,234,567`: digits in groups of three.
package func grouped(_ count: Int) -> String {
  let digits = Array(String(count.magnitude).utf8)
  var result: [UInt8] = count < 0 ? [UInt8(ascii: "-")] : []
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { result.append(UInt8(ascii: ",")) }
    result.append(digit)
  }
  return String(decoding: result, as: UTF8.self)
}

/// The small forms of text that every room needs: counts, lists, digits, durations.
package enum Text {
  // MARK: Numbers

  /// `1 tensor`, `2 tensors`, `1,234 indices`.
  ///
  /// - Parameter plural: the noun for all numbers but one, where it is not `noun` and an s.
  package static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// `number` with zeros before it, `width` digits in all: `00042`.
  package static func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  /// `value` as hexadecimal digits, two for each byte of its type: `0000002a`.
  package static func hexadecimal<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: T.bitWidth / 4 - digits.utf8.count) + digits
  }

  /// Whether `text` is a SHA-256 as this program writes it: 64 hexadecimal digits in lower case.
  package static func isSHA256(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
      }
  }

  /// The bytes as hexadecimal digits, two for each.
  package static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var result: [UInt8] = []
    for byte in bytes { result += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: result, as: UTF8.self)
  }

  /// A duration for a reader: `0:42`, `1:02:03`; `--:--` for what is not a number of seconds.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e7 else { return "--:--" }
    let whole = Int(seconds.rounded())
    let tail = padded(whole % 60, to: 2)
    return whole < 3600
      ? "\(whole / 60):\(tail)" : "\(whole / 3600):\(padded(whole / 60 % 60, to: 2)):\(tail)"
  }

  // MARK: Lists

  /// `a`, `a and b`, `a, b and c`; with a limit, `a, b and 3 more`.
  ///
  /// - Parameters:
  ///   - conjunction: what precedes the last item.
  ///   - limit: how many items are listed, of more than that.
  package static func list(
    _ items: [String], conjunction: String = "and", limit: Int? = nil
  ) -> String {
    var items = items
    if let limit, items.count > limit {
      items = items.prefix(limit) + ["\(grouped(items.count - limit)) more"]
    }
    guard let last = items.popLast() else { return "" }
    return items.isEmpty ? last : items.joined(separator: ", ") + " \(conjunction) " + last
  }
}
