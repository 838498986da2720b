import CheckpointFiles

/// The colours of pages and plots, for light and for dark screens.
///
/// Texts have a contrast of at least 4.5 on every colour that they are written on (WCAG 2, level AA), lines and dots
/// one of at least 3 on the page.
struct PageColours {
  /// A colour by its role, for a light and a dark screen, as `#rrggbb`.
  struct Colour {
    let name: String
    let light: String
    let dark: String

    /// Its use in a style sheet.
    var use: String { "var(--\(name))" }
  }

  static let background = Colour(name: "background", light: "#ffffff", dark: "#14161a")
  /// Behind headings of tables and code.
  static let surface = Colour(name: "surface", light: "#f2f4f7", dark: "#20242b")
  static let text = Colour(name: "text", light: "#1b1f24", dark: "#e6e8eb")
  static let muted = Colour(name: "muted", light: "#57606a", dark: "#a5afba")
  /// Rules between rows and grid lines, which carry no meaning.
  static let rule = Colour(name: "rule", light: "#d0d7de", dark: "#3a414a")
  /// Bars, borders of inputs, and what is evaluated.
  static let accent = Colour(name: "accent", light: "#1f5fbf", dark: "#7fb0ff")
  static let added = Colour(name: "added", light: "#1a7036", dark: "#6fd08c")
  static let removed = Colour(name: "removed", light: "#b42318", dark: "#ff9a8c")
  static let train = Colour(name: "train", light: "#a8520a", dark: "#f0a04b")
  static let best = Colour(name: "best", light: "#1a7036", dark: "#62d183")

  /// Colours of texts.
  static let texts = [text, muted, accent, added, removed, train, best]
  /// Colours that any of ``texts`` is written on.
  static let grounds = [background, surface]
  /// Grounds of cells, on which ``text`` is written: from nothing to most.
  static let heat = ramp("heat", light: "#6ea8fe", dark: "#1f4f9e")
  /// The same for what is wrong.
  static let miss = ramp("miss", light: "#f4a26b", dark: "#8a3d10")

  /// The number of levels of a ramp above nothing.
  static let levels = 8

  /// Levels 1 to ``levels`` from the background to a colour.
  private static func ramp(_ name: String, light: String, dark: String) -> [Colour] {
    (1...levels).map { level in
      let share = Double(level) / Double(levels)
      return Colour(
        name: "\(name)\(level)", light: mixed(background.light, light, share),
        dark: mixed(background.dark, dark, share))
    }
  }

  /// The declarations of all colours, for the light or the dark screen.
  static func declarations(dark: Bool) -> String {
    (grounds + texts + [rule] + heat + miss).map { "--\($0.name): \(dark ? $0.dark : $0.light)" }
      .joined(separator: "; ")
  }

  /// Red, green and blue of `#rrggbb`.
  static func channels(_ colour: String) -> [Int] {
    let digits = Array(colour.utf8.dropFirst())
    return stride(from: 0, to: digits.count, by: 2).map {
      Int(String(decoding: digits[$0..<min($0 + 2, digits.count)], as: UTF8.self), radix: 16) ?? 0
    }
  }

  private static func mixed(_ a: String, _ b: String, _ share: Double) -> String {
    "#"
      + zip(channels(a), channels(b)).map { a, b in
        Text.hexadecimal(UInt8((Double(a) + (Double(b) - Double(a)) * share).rounded()))
      }.joined()
  }
}
