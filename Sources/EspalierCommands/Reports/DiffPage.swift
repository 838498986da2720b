import CheckpointFiles
import FineTuning
import ParameterSurgery

/// `--html`: a diff on one page that loads nothing from other hosts.
struct DiffPage {
  let diff: Diff
  let summary: DiffSummary
  let a: Checkpoint
  let b: Checkpoint

  /// The maximum number of rows of a table; the text output has all of them.
  static let longest = 2000
  /// Sections with more rows are closed at first, but for that of the changed tensors.
  private static let tall = 60

  /// The page.
  var html: String {
    let (nameA, nameB) = (clipped(shown(a.path)), clipped(shown(b.path)))
    let body: HTML = """
      <h1>\(nameA) → \(nameB)</h1>
      \(figures)
      \(hints)\(sections.joined(separator: "\n"))
      """
    return Page(
      title: "\(nameA) and \(nameB): differences", body: body,
      script: diff.isEmpty ? nil : DiffPageScript.text
    ).html
  }

  private var figures: HTML {
    let counts = [
      (diff.same, "the same"), (diff.changed.count, "changed"), (diff.onlyInA.count, "only in A"),
      (diff.onlyInB.count, "only in B"),
    ]
    let figures = counts.map { count, name -> HTML in
      "<div><b>\(grouped(count))</b><span>\(name)</span></div>"
    }.joined()
    return """
      <div class="figures">\(figures)</div>
      <p class="note">A is <bdi>\(clipped(shown(a.path)))</bdi>, B is <bdi>\(clipped(shown(b.path)))</bdi>. \
      Relative L2 is ‖b − a‖ / ‖a‖.</p>
      """
  }

  /// What `espalier diff` prints about prefixes.
  private var hints: HTML {
    RenamePrefixes(diff.likelyRenames).hints.prefix(8).map { hint -> HTML in
      let (sentence, option) = RenamePrefixes.text(hint)
      return "<p>\(clipped(sentence)): pass <code>\(clipped(option))</code>.</p>\n"
    }.joined()
  }

  private var sections: [HTML] {
    guard !diff.isEmpty else { return ["<p>Nothing differs.</p>"] }
    let maps = LayerHeatMap.maps(diff)
    return [layers]
      + maps.prefix(LayerHeatMap.maximumStacks).map {
        section("Layers and parameters of \(clipped(shown($0.stack)))", $0.layers.count, $0.table)
      } + [
        histogram, groups, changes, keys(diff.onlyInA, in: a, "A", "removed"),
        keys(diff.onlyInB, in: b, "B", "added"), renames,
      ]
  }

  private var layers: HTML {
    let changed = summary.layers.filter { $0.counts.changed > 0 }
    let most = changed.compactMap(\.relativeL2).filter(\.isFinite).max() ?? 0
    var table = HTMLTable(
      "‖b − a‖ / ‖a‖ over all elements of the changed tensors of a layer",
      ["layer", "changed", "relative L2", .words("")])
    for layer in changed.prefix(DiffPage.longest) {
      table.append(
        keyText(layer.name),
        [
          "\(layer.counts.changed) of \(layer.counts.tensors)", "\(number(layer.relativeL2))",
          HTMLTable.bar(layer.relativeL2 ?? 0, of: most),
        ])
    }
    return section("Relative change of each layer", table, of: changed.count)
  }

  private var histogram: HTML {
    let bins = DiffSummaryDisplay.bins(summary)
    let most = Double(bins.map(\.tensors).max() ?? 0)
    var table = HTMLTable(
      "Changed tensors by the power of ten of their relative L2",
      ["relative L2", "tensors", .words("")])
    for bin in bins {
      table.append(
        "\(bin.text)",
        ["\(grouped(bin.tensors))", HTMLTable.bar(Double(bin.tensors), of: most)], style: "")
    }
    return section("Tensors by relative change", table)
  }

  private var groups: HTML {
    let groups = summary.groups.filter(\.counts.differs)
    var table = HTMLTable(
      "Tensors whose keys differ only in the numbers of layers or experts; the name is a selector",
      ["group", "tensors", "changed", "only in A", "only in B", "max abs", "relative L2"],
      kind: "sorts")
    for group in groups.prefix(DiffPage.longest) {
      let counts = [
        group.counts.tensors, group.counts.changed, group.counts.onlyInA, group.counts.onlyInB,
      ]
      table.append(
        keyText(group.selector),
        counts.map { "\(grouped($0))" } + [
          "\(number(group.maxAbs))", "\(number(group.relativeL2))",
        ])
    }
    return section("Groups", table, of: groups.count)
  }

  private func keys(
    _ keys: [Key], in checkpoint: Checkpoint, _ side: String, _ style: HTML
  ) -> HTML {
    var table = HTMLTable(
      "Tensors that only \(side) has",
      ["key", .words("dtype"), .words("shape"), "size"], kind: "sorts")
    for key in keys.prefix(DiffPage.longest) {
      let tensor = checkpoint[key]
      table.append(
        keyText(key.string),
        [
          "\(tensor?.dtype.name ?? "")",
          "\(tensor.map { clipped(shapeText($0.shape.dimensions)) } ?? "")",
          tensor.map { "<span data-v=\"\($0.byteCount)\">\(byteText($0.byteCount))</span>" } ?? "",
        ], style: "name \(style)")
    }
    return section("Only in \(side)", table, of: keys.count)
  }

  private var renames: HTML {
    var table = HTMLTable(
      "Keys of A and B that look like one tensor under two names",
      ["in A", .words("in B"), .words("evidence")], kind: "sorts")
    for rename in diff.likelyRenames.prefix(DiffPage.longest) {
      table.append(
        keyText(rename.from.string),
        [
          "<span class=\"name\">\(keyText(rename.to.string))</span>",
          rename.isSameContent ? "the same bytes" : "the same ending and shape",
        ])
    }
    return section("Likely renamed", table, of: diff.likelyRenames.count)
  }

  // MARK: Parts

  func section(_ title: String, _ table: HTMLTable, of count: Int = 0) -> HTML {
    guard table.count > 0 else { return "" }
    let more: HTML =
      count > table.count
      ? "<p class=\"note\">… and \(grouped(count - table.count)) more.</p>" : ""
    return section(title, max(count, table.count), table.html + more)
  }

  func section(_ title: String, _ count: Int, _ content: HTML, isOpen: Bool? = nil) -> HTML {
    let state: HTML = isOpen ?? (count <= DiffPage.tall) ? " open" : ""
    return """
      <details class="part"\(state)><summary><h2>\(title)</h2> <span class="count">\(grouped(count))</span></summary>
      \(content)</details>
      """
  }

  func number(_ value: Double?) -> String { value.map { significant($0) } ?? "" }
}
