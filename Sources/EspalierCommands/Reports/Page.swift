import ParameterSurgery

/// A page that is complete in one file.
///
/// Its content security policy allows its own style sheet and its own script, by their digests, and nothing else: a
/// text that became markup in spite of everything could not run, load or send anything.
struct Page {
  let title: String
  let body: HTML
  /// A script of the program; `nil` for a page without one.
  var script: String?

  /// The page.
  var html: String {
    let style = PageStyle.sheet
    let scripts: HTML = script.map { "<script>\(HTML.trusted($0))</script>\n" } ?? ""
    let page: HTML = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(HTML.trusted(policy(style)))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>
      <style>\(HTML.trusted(style))</style>
      </head>
      <body>
      <main>
      \(body)
      </main>
      \(scripts)</body>
      </html>

      """
    return page.text
  }

  private func policy(_ style: String) -> String {
    let sources =
      ["style-src 'sha256-\(Page.digest(of: style))'"]
      + (script.map { ["script-src 'sha256-\(Page.digest(of: $0))'"] } ?? [])
    return (["default-src 'none'"] + sources + ["base-uri 'none'", "form-action 'none'"])
      .joined(separator: "; ")
  }

  /// The SHA-256 of a text in base64, as a content security policy names it.
  static func digest(of text: String) -> String {
    var hash = SHA256Hash()
    hash.update(text)
    let digits = Array(hash.hexadecimal())
    let bytes = stride(from: 0, to: digits.count, by: 2).map {
      UInt32(String(digits[$0...$0 + 1]), radix: 16) ?? 0
    }
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var out = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let group = part.reduce(0) { $0 << 8 | $1 } << (8 * UInt32(3 - part.count))
      for place in 0..<4 {
        out.append(
          place <= part.count ? alphabet[Int(group >> (18 - 6 * UInt32(place)) & 63)] : "=")
      }
    }
    return out
  }
}
