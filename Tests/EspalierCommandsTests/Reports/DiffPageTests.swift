import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite struct `The page of a difference` {
  private func checkpoint(_ name: String, _ tensors: [(String, [Float])]) throws -> Checkpoint {
    var members: OrderedDictionary<Key, Tensor> = [:]
    for (key, elements) in tensors {
      members[Key(key)] = Tensor(elements, shape: [elements.count])
    }
    var checkpoint = Checkpoint(tensors: members)
    checkpoint.path = name
    return checkpoint
  }

  private func page(
    _ a: [(String, [Float])], _ b: [(String, [Float])], paths: (String, String) = ("a", "b")
  ) throws -> String {
    let first = try checkpoint(paths.0, a)
    let second = try checkpoint(paths.1, b)
    let diff = try Diff(first, second, options: Diff.Options())
    return DiffPage(
      diff: diff, summary: DiffSummary(diff, first, second), a: first, b: second
    ).html
  }

  @Test func `escapes keys and paths for HTML and for a reader`() throws {
    let html = try page(
      [("<script>alert(1)</script>", [1]), ("a&\"b\u{202E}", [2])],
      [("<script>alert(1)</script>", [2]), ("x\u{1B}[2J", [2])], paths: ("<a>", "'b'"))
    let markup = Markup(html)
    #expect(markup.elements.isSubset(of: Markup.known))
    #expect(markup.contents["script"] == [DiffPageScript.text])
    #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    #expect(html.contains("<title>&lt;a&gt; and "))
    #expect(!html.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
  }

  @Test(arguments: [
    "</script><script>x()</script>", "</title><base href=//a>", "\" onmouseover=\"x()",
    "'><img src=x>",
    "\u{202E}abc\u{2066}", "\u{338}w", "e" + String(repeating: "\u{301}", count: 3000),
    "a\u{0}\u{1B}]0;x\u{7}",
    "-->", "&lt;b&gt;", "]]>", "\u{FF1C}script\u{FF1E}", "${x}",
  ])
  func `no key can become a part of the page, in any section`(_ key: String) throws {
    let a: [(String, [Float])] = [
      ("h.0.\(key)", [1]), ("h.1.\(key)", [2]), ("\(key).0.w", [1]), ("\(key).1.w", [1]),
      (key, [3]),
      ("gone\(key)", [5, 6]), ("p\(key).moved.a", [7, 8, 9]), ("p\(key).moved.b", [9, 8, 9]),
    ]
    let b: [(String, [Float])] = [
      ("h.0.\(key)", [2]), ("h.1.\(key)", [3]), ("\(key).0.w", [2]), ("\(key).1.w", [4]),
      (key, [4]),
      ("new\(key)", [5]), ("moved.a", [7, 8, 9]), ("moved.b", [9, 8, 9]),
    ]
    let html = try page(a, b, paths: (key, key))
    let markup = Markup(html)
    #expect(markup.elements.isSubset(of: Markup.known))
    #expect(
      markup.attributes.allSatisfy {
        $0 != "style" && $0 != "src" && $0 != "href" && !$0.hasPrefix("on")
      })
    #expect(markup.contents["script"] == [DiffPageScript.text])
    #expect(!html.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
    #expect(html.utf8.count < 60_000)
  }

  @Test func `has a section for what differs and none for what does not`() throws {
    let html = try page(
      [("same", [1]), ("gone", [1, 2]), ("w", [1])], [("same", [1]), ("w", [3])])
    #expect(html.contains("<h2>Changed tensors</h2>"))
    #expect(html.contains("<h2>Only in A</h2>"))
    #expect(!html.contains("<h2>Only in B</h2>"))
    let same = try page([("w", [1])], [("w", [1])])
    #expect(same.contains("<p>Nothing differs.</p>"))
    #expect(!same.contains("<script"))
  }

  @Test func `has no number that CSS or SVG cannot read`() throws {
    let html = try page([("h.0.w", [0]), ("h.1.w", [1])], [("h.0.w", [.nan]), ("h.1.w", [2])])
    #expect(!html.contains("width=\"nan") && !html.contains("width=\"inf"))
    #expect(Markup(html).values["width"]?.contains("100.0") == true)
  }

  @Test func `says which prefix is the only difference, as the command does`() throws {
    let html = try page(
      [("bert.a", [1, 2]), ("bert.b", [3, 4, 5])], [("a", [1, 2]), ("b", [3, 4, 5])])
    #expect(
      html.contains(
        "<p>2 keys differ only in the prefix &quot;bert.&quot;: pass <code>--ignore-prefix bert.</code>.</p>"
      ))
    #expect(try !page([("w", [1])], [("w", [2])]).contains("--ignore-prefix"))
  }

  @Test func `folds tensors that differ in numbers alone, and shows all of them without a script`()
    throws
  {
    let html = try page(
      [("h.0.w", [1]), ("h.1.w", [1]), ("x", [1])], [("h.0.w", [2]), ("h.1.w", [5]), ("x", [2])])
    #expect(
      html.contains(
        "<tr class=\"group\" data-g=\"0\" hidden><th scope=\"row\" class=\"name\">h[0:2].<wbr>w "
          + "<span class=\"count\">×2</span></th><td class=\"t\">F32</td><td class=\"t\">[1]</td><td>4</td>"
      ))
    #expect(html.split(separator: "<tr class=\"member\" data-g=\"0\">").count == 3)
    #expect(html.contains("<tr><th scope=\"row\" class=\"name\">x</th>"))
  }

  @Test func `stays bounded for a hundred thousand tensors`() throws {
    func tensors(_ value: Float) -> [(String, [Float])] {
      (0..<91_000).map { index in
        let part = ["w1", "w2", "w3"][index % 3]
        return (
          "model.layers.\(index / 768 % 120).mlp.experts.\(index / 3 % 256).\(part).weight", [value]
        )
      }
    }
    let a = Dictionary(tensors(1), uniquingKeysWith: { first, _ in first }).sorted {
      $0.key < $1.key
    }
    .map { ($0.key, $0.value) }
    let b = a.map { ($0.0, [Float(2)]) }
    let html = try page(a, b)
    #expect(a.count > 80_000)
    #expect(html.utf8.count < 1_000_000)
    #expect(html.contains("<p class=\"note\">… and \(grouped(a.count - 2000)) more.</p>"))
    #expect(html.contains("mlp.experts.*.w1.weight"))
    // Nothing in common, not even a shape: two lists of keys.
    let apart = try page(
      a.map { ($0.0, [1]) }, a.map { ("other.\($0.0).x", [1, 2]) })
    #expect(apart.utf8.count < 3_000_000)
  }
}

@Suite struct `The heat map of layers` {
  private func maps(
    _ a: [(String, [Float])], _ b: [(String, [Float])]
  ) throws -> [LayerHeatMap] {
    func checkpoint(_ tensors: [(String, [Float])]) -> Checkpoint {
      var members: OrderedDictionary<Key, Tensor> = [:]
      for (key, elements) in tensors {
        members[Key(key)] = Tensor(elements, shape: [elements.count])
      }
      return Checkpoint(tensors: members)
    }
    return LayerHeatMap.maps(try Diff(checkpoint(a), checkpoint(b), options: Diff.Options()))
  }

  @Test func `has a row for each layer and a column for each parameter that changed`() throws {
    let maps = try maps(
      [
        ("e.layer.0.a.w", [1]), ("e.layer.0.b", [1]), ("e.layer.1.a.w", [1]), ("e.layer.1.b", [4]),
        ("e.layer.10.a.w", [0]), ("e.layer.2.same", [1]), ("pooler.w", [1]),
      ],
      [
        ("e.layer.0.a.w", [1]), ("e.layer.0.b", [1]), ("e.layer.1.a.w", [1.5]),
        ("e.layer.1.b", [5]),
        ("e.layer.10.a.w", [1]), ("e.layer.2.same", [1]), ("pooler.w", [2]),
      ])
    #expect(maps.count == 1)
    let map = try #require(maps.first)
    #expect(map.stack == "e.layer")
    #expect(map.parameters == ["a.w", "b"])
    #expect(map.layers.map(\.number) == [0, 1, 2, 10])
    #expect(
      map.layers.map(\.cells) == [
        [.same, .same], [.changed(0.5), .changed(0.25)], [.absent, .absent],
        [.unmeasured, .absent],
      ])
    let table = map.table.text
    #expect(table.contains("<th scope=\"row\">10</th><td class=\"h8\">×</td><td></td>"))
    #expect(table.contains("<td class=\"h7\">0.5</td>"))
  }

  @Test func `takes the greatest change of all experts of a layer`() throws {
    let map = try #require(
      try maps(
        [("l.0.experts.0.w", [1]), ("l.0.experts.1.w", [1]), ("l.1.experts.0.w", [1])],
        [("l.0.experts.0.w", [1.25]), ("l.0.experts.1.w", [2]), ("l.1.experts.0.w", [1])]
      ).first)
    #expect(map.parameters == ["experts.*.w"])
    #expect(map.layers.map(\.cells) == [[.changed(1)], [.same]])
  }

  @Test func `is absent without numbered layers, and bounded with many`() throws {
    #expect(try maps([("a.w", [1])], [("a.w", [2])]).isEmpty)
    let many = (0..<400).flatMap { layer in (0..<70).map { ("l.\(layer).p\($0)", [Float(1)]) } }
    let map = try #require(try maps(many, many.map { ($0.0, [2]) }).first)
    #expect(map.layers.count == LayerHeatMap.maximumLayers)
    #expect(map.parameters.count == LayerHeatMap.maximumParameters)
    #expect(map.table.text.contains("… and 200 layers and 10 parameters more."))
  }

  @Test(arguments: [(1e-7, 1), (5e-6, 2), (0.05, 6), (0.25, 7), (1, 8), (1e9, 8)])
  func `has a colour for each power of ten`(_ value: Double, _ level: Int) {
    #expect(LayerHeatMap.Cell.changed(value).level == level)
  }
}
