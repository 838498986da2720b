import FineTuning
import Testing

@testable import EspalierCommands

@Suite struct `Pages` {
  /// The contrast of two colours by WCAG 2.
  private func contrast(_ a: String, _ b: String) -> Double {
    func luminance(_ colour: String) -> Double {
      let parts = PageColours.channels(colour).map { channel -> Double in
        let share = Double(channel) / 255
        return share <= 0.04045 ? share / 12.92 : power((share + 0.055) / 1.055)
      }
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    let (x, y) = (luminance(a), luminance(b))
    return (max(x, y) + 0.05) / (min(x, y) + 0.05)
  }

  /// x^2.4, from the fifth root of x^12 by Newton's method.
  private func power(_ x: Double) -> Double {
    let target = (0..<12).reduce(1.0) { product, _ in product * x }
    var root = 1.0
    for _ in 0..<200 {
      root -= (root * root * root * root * root - target) / (5 * root * root * root * root)
    }
    return root
  }

  @Test func `the contrast of black and white is 21, and that of known greys is known`() {
    #expect(abs(contrast("#000000", "#ffffff") - 21) < 1e-9)
    // The lightest grey that passes on white.
    #expect(abs(contrast("#767676", "#ffffff") - 4.54) < 0.005)
    #expect(contrast("#777777", "#ffffff") < 4.5)
  }

  @Test
  func `every text has a contrast of 4.5 on everything that it is written on, light and dark`() {
    for text in PageColours.texts {
      for ground in PageColours.grounds {
        #expect(contrast(text.light, ground.light) >= 4.5, "\(text.name) on \(ground.name), light")
        #expect(contrast(text.dark, ground.dark) >= 4.5, "\(text.name) on \(ground.name), dark")
      }
    }
    #expect(PageColours.heat.count == PageColours.levels)
    for ground in PageColours.heat + PageColours.miss {
      #expect(contrast(PageColours.text.light, ground.light) >= 4.5, "\(ground.name), light")
      #expect(contrast(PageColours.text.dark, ground.dark) >= 4.5, "\(ground.name), dark")
    }
  }

  @Test func `the style sheet has the colours of the palette and no others`() {
    let rules = PageStyle.sheet.replacing(PageColours.declarations(dark: false), with: "")
      .replacing(PageColours.declarations(dark: true), with: "")
    #expect(rules.firstMatch(of: /#[0-9a-fA-F]{3,8}\b/) == nil)
    #expect(rules.firstMatch(of: /\b(rgb|hsl|lab|lch|color)a?\(/) == nil)
    // Every colour that is used is declared.
    let declared = Set(
      PageColours.declarations(dark: true).matches(of: /--[a-z0-9]+/).map { String($0.0) })
    for use in rules.matches(of: /var\((--[a-z0-9]+)\)/) {
      #expect(declared.contains(String(use.1)), "\(use.1)")
    }
  }

  @Test func `a digest is the SHA-256 in base64`() {
    #expect(Page.digest(of: "") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    #expect(Page.digest(of: "abc") == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
  }

  @Test(arguments: [nil, DiffPageScript.text])
  func `the policy allows the style sheet and the script of the page and nothing else`(
    _ script: String?
  ) throws {
    let page = Page(title: "a", body: "<p>b</p>", script: script).html
    let markup = Markup(page)
    let policy = try #require(markup.values["content"]?.first)
    #expect(policy.hasPrefix("default-src 'none'; style-src 'sha256-"))
    #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
    let styles = try #require(markup.contents["style"])
    #expect(styles.count == 1)
    #expect(policy.contains("'sha256-\(Page.digest(of: styles[0]))'"))
    #expect((markup.contents["script"] ?? []) == (script.map { [$0] } ?? []))
    if let script {
      #expect(policy.contains("script-src 'sha256-\(Page.digest(of: script))'"))
    } else {
      #expect(!policy.contains("script-src"))
    }
    // A style attribute or a handler would not be allowed.
    #expect(markup.attributes.allSatisfy { $0 != "style" && !$0.hasPrefix("on") })
  }

  @Test func `neither the style sheet nor the script can end its element or load anything`() {
    for text in [PageStyle.sheet, DiffPageScript.text] {
      #expect(!text.contains("</") && !text.contains("<!--"))
      #expect(!text.contains("url(") && !text.contains("@import") && !text.contains("http"))
    }
    for name in ["innerHTML", "eval", "Function(", "fetch", "document.write", "insertAdjacentHTML"]
    {
      #expect(!DiffPageScript.text.contains(name))
    }
  }

  @Test func `a table has a caption, scopes, and a region that the keyboard scrolls`() {
    var table = HTMLTable("Tensors of <a>", ["key", .words("dtype"), "size"])
    table.append("w", ["F32", "4"])
    let html = table.html.text
    #expect(html.contains("<caption>Tensors of &lt;a&gt;</caption>"))
    #expect(html.contains("<th scope=\"col\" class=\"t\">key</th>"))
    #expect(
      html.contains("<th scope=\"row\" class=\"name\">w</th><td class=\"t\">F32</td><td>4</td>"))
    #expect(html.contains("role=\"region\" tabindex=\"0\" aria-label=\"Tensors of &lt;a&gt;\""))
  }

  // MARK: Text

  @Test func `text that is inserted into markup is escaped, and markup is not`() {
    let text = "</script><script>alert('1')</script>\" onclick=\"x\" & more"
    let inner: HTML = "<b>\(text)</b>"
    let html: HTML = "<p title=\"\(text)\">\(inner)</p>"
    let markup = Markup(html.text)
    #expect(markup.elements == ["p", "/p", "b", "/b"])
    #expect(markup.attributes == ["title"])
    #expect(
      escaped(text)
        == "&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onclick=&quot;x&quot; &amp; more"
    )
  }

  @Test func `what turns, breaks or hides text is replaced, and joiners of emoji stay`() {
    #expect(
      escaped("a\u{202E}b\u{2066}\u{200F}\u{1B}[2J\u{0}\u{85}\u{2028}\u{FEFF}")
        == "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}[2J\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    #expect(escaped("\u{1F469}\u{200D}\u{1F52C}") == "\u{1F469}\u{200D}\u{1F52C}")
  }

  @Test func `combining marks neither join with the markup before them nor pile up`() {
    // U+0338 after `>` is `≯` in composed form, and the tag would be gone.
    #expect(
      Array(escaped("\u{338}x").unicodeScalars.prefix(8)).map { String($0) }.joined() == "&#x338;x")
    let pile = escaped("e" + String(repeating: "\u{301}", count: 5000))
    #expect(pile.unicodeScalars.count == 10)
    #expect(pile.unicodeScalars.last == "\u{FFFD}")
    #expect(escaped("e\u{301}e\u{301}").unicodeScalars.count == 4)
  }

  @Test func `long texts keep their start and their end`() {
    let text = String(repeating: "a", count: 500) + String(repeating: "z", count: 500)
    let short = clipped(text, to: 100)
    #expect(short.unicodeScalars.count == 100)
    #expect(short.hasPrefix("aaa") && short.hasSuffix("zzz") && short.contains("…"))
    #expect(clipped("short", to: 100) == "short")
    #expect(excerpt("a\tb\r\nc") == "a b  c")
    #expect(excerpt(text, to: 10) == "aaaaaaaaaa…")
    #expect(keyText("a.b_c").text == "a.<wbr>b_<wbr>c")
    #expect(keyText("<i>.x").text == "&lt;i&gt;.<wbr>x")
  }
}
