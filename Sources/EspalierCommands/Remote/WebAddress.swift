/// Addresses on the web, taken apart no further than is needed here.
enum WebAddress {
  /// Whether `text` is an address of http or https.
  static func isAddress(_ text: String) -> Bool {
    text.utf8.starts(with: "https://".utf8) || text.utf8.starts(with: "http://".utf8)
  }

  /// Whether curl may be given `text`: no spaces or control characters.
  static func isClean(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
  }

  /// The address that `location`, which may leave out what it has in common with `address`, means there;
  /// `nil` when it is not an address of http or https.
  static func resolve(_ location: String, against address: String) -> String? {
    let location = location.replacing(" ", with: "%20")
    guard !location.isEmpty, isClean(location) else { return nil }
    // By scalars: a combining mark after a slash does not hide it.
    let (target, base) = (location.unicodeScalars, address.unicodeScalars)
    let scheme = base.prefix { $0 != ":" }
    let host = base.dropFirst(scheme.count + 3).prefix { !["/", "?", "#"].contains($0) }
    let origin = String(scheme) + "://" + String(host)
    let path = base.dropFirst(scheme.count + 3 + host.count).prefix { !["?", "#"].contains($0) }
    if let colon = target.firstIndex(of: ":"), target[..<colon].allSatisfy(isSchemePart) {
      let lower = String(target[..<colon]).lowercased() + String(target[colon...])
      return isAddress(lower) ? lower : nil
    }
    if target.starts(with: "//".unicodeScalars) { return String(scheme) + ":" + location }
    if target.first == "/" { return origin + location }
    if target.first == "?" { return origin + String(path) + location }
    guard let slash = path.lastIndex(of: "/") else { return origin + "/" + location }
    return origin + String(path[...slash]) + location
  }

  private static func isSchemePart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "+", "-", ".": true
    default: false
    }
  }

  /// The name of a file as part of an address: letters, digits, `-`, `.`, `_`, `~` and the slashes between
  /// folders are kept, everything else is escaped.
  static func encoded(_ name: String) -> String {
    var result = ""
    for byte in name.utf8 {
      let scalar = Unicode.Scalar(byte)
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~", "/":
        result.unicodeScalars.append(scalar)
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count < 2 ? "0" : "") + digits
      }
    }
    return result
  }
}
