/// Addresses on the web, taken apart no further than is needed here.
enum WebAddress {
  /// Whether `text` is an address of http or https.
  static func isAddress(_ text: String) -> Bool {
    text.hasPrefix("https://") || text.hasPrefix("http://")
  }

  /// Whether curl may be given `text`: no spaces or control characters.
  static func isClean(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
  }

  /// The address that `location`, which may leave out what it has in common with `address`, means
  /// there; `nil` when it is none of http or https.
  static func resolve(_ location: String, against address: String) -> String? {
    let location = location.replacing(" ", with: "%20")
    guard !location.isEmpty, isClean(location) else { return nil }
    let scheme = address.prefix { $0 != ":" }
    let rest = address.dropFirst(scheme.count + 3)
    let origin = scheme + "://" + rest.prefix { !"/?#".contains($0) }
    let path = address.dropFirst(origin.count).prefix { !"?#".contains($0) }
    if let colon = location.firstIndex(of: ":"),
      location[..<colon].allSatisfy({ $0.isASCII && ($0.isLetter || "+-.".contains($0)) })
    {
      let lower = location[..<colon].lowercased() + location[colon...]
      return isAddress(lower) ? lower : nil
    }
    if location.hasPrefix("//") { return scheme + ":" + location }
    if location.hasPrefix("/") { return origin + location }
    if location.hasPrefix("?") { return origin + path + location }
    guard let slash = path.lastIndex(of: "/") else { return origin + "/" + location }
    return origin + path[...slash] + location
  }

  /// The name of a file as part of an address: only letters, digits, `-`, `.`, `_`, `~` and the slashes
  /// between folders stand as they are.
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
