/// The elements and attributes of a page, as a parser of HTML finds them.
struct Markup {
  /// The names of all elements.
  private(set) var elements: Set<String> = []
  /// The names of all attributes.
  private(set) var attributes: Set<String> = []
  /// The values of each attribute.
  private(set) var values: [String: [String]] = [:]
  /// The contents of each `style` and `script`.
  private(set) var contents: [String: [String]] = [:]
  /// The characters outside of tags, references as they are written.
  private(set) var text = ""

  init(_ page: String) {
    let scalars = Array(page.unicodeScalars)
    var place = 0
    func text(_ range: Range<Int>) -> String {
      String(String.UnicodeScalarView(scalars[range]))
    }
    while place < scalars.count {
      guard scalars[place] == "<" else {
        self.text.unicodeScalars.append(scalars[place])
        place += 1
        continue
      }
      place += 1
      let start = place
      while place < scalars.count, !" \n>".unicodeScalars.contains(scalars[place]) { place += 1 }
      let name = text(start..<place)
      elements.insert(name.lowercased())
      while place < scalars.count, scalars[place] != ">" {
        guard !" \n".unicodeScalars.contains(scalars[place]) else {
          place += 1
          continue
        }
        let begin = place
        while place < scalars.count, !"= \n>".unicodeScalars.contains(scalars[place]) { place += 1 }
        let attribute = text(begin..<place)
        attributes.insert(attribute)
        guard place < scalars.count, scalars[place] == "=" else { continue }
        place += 2
        let first = place
        while place < scalars.count, scalars[place] != "\"" { place += 1 }
        values[attribute, default: []].append(text(first..<min(place, scalars.count)))
        place += 1
      }
      place += 1
      // The content of these two is not markup.
      if ["style", "script"].contains(name) {
        let end = Array("</\(name)".unicodeScalars)
        let first = place
        while place < scalars.count, !scalars[place...].starts(with: end) { place += 1 }
        contents[name, default: []].append(text(first..<place))
      }
    }
  }

  /// All elements that pages of the program have.
  static let known: Set<String> = {
    let names = [
      "html", "head", "title", "style", "script", "body", "main", "h1", "h2", "h3", "p", "div", "b",
      "span", "bdi", "code", "pre", "dl", "dt", "dd", "ul", "li", "table", "caption", "thead",
      "tbody", "tr", "th", "td", "details", "summary", "abbr", "svg", "desc", "line", "text",
      "polyline",
    ]
    return Set(
      names + names.map { "/\($0)" } + ["!doctype", "meta", "br", "wbr", "rect", "circle"]
        + ["rect", "line", "circle", "polyline"].map { "\($0)/" })
  }()
}
