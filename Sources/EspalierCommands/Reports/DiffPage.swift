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
  private static let longest = 2000

  /// The page.
  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(a.path)) and \(escaped(b.path)): differences</title>
    <style>
    :root { color-scheme: light dark }
    body { font: 15px/1.45 system-ui, sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em }
    h1 { font-size: 1.4em; overflow-wrap: anywhere } h2 { font-size: 1.15em; margin-top: 2em }
    table { border-collapse: collapse }
    td, th { padding: .2em .8em; text-align: right; white-space: nowrap }
    th { font-weight: 600; border-bottom: 1px solid #8888 }
    td:first-child, th:first-child { text-align: left; padding-left: 0 }
    td.name { font-family: ui-monospace, monospace; font-size: 13px }
    td.bar { width: 22em; min-width: 10em; text-align: left }
    td.bar div { background: #2b6fd6; height: .8em; border-radius: 2px }
    .figures { display: flex; flex-wrap: wrap; gap: 2.5em; margin: 1.2em 0 }
    .figures b { display: block; font-size: 1.7em; font-weight: 600 }
    .scroll { overflow-x: auto } .note { color: #888 }
    .removed { color: #c0392b } .added { color: #1e8449 }
    @media (prefers-color-scheme: dark) { .removed { color: #ff8a7a } .added { color: #6fd08c } }
    </style>
    </head>
    <body>
    <h1>\(escaped(a.path)) → \(escaped(b.path))</h1>
    \(figures)
    \(sections.joined(separator: "\n"))
    </body>
    </html>

    """
  }

  private var figures: String {
    let counts = [
      (diff.same, "the same"), (diff.changed.count, "changed"), (diff.onlyInA.count, "only in A"),
      (diff.onlyInB.count, "only in B"),
    ]
    return "<div class=\"figures\">"
      + counts.map { "<div><b>\(grouped($0.0))</b>\($0.1)</div>" }.joined() + "</div>"
      + "<p class=\"note\">A is \(escaped(a.path)), B is \(escaped(b.path)). "
      + "Relative L2 is ‖b − a‖ / ‖a‖.</p>"
  }

  private var sections: [String] {
    guard !diff.isEmpty else { return ["<p>Nothing differs.</p>"] }
    return [layers, histogram, groups, changes, keys(diff.onlyInA, in: a, "Only in A", "removed")]
      + [keys(diff.onlyInB, in: b, "Only in B", "added"), renames]
  }

  private var layers: String {
    let changed = summary.layers.filter { $0.counts.changed > 0 }
    let most = changed.compactMap(\.relativeL2).filter(\.isFinite).max() ?? 0
    return section(
      "Relative change of each layer", ["layer", "changed", "relative L2", ""],
      changed.map { layer in
        row(
          layer.name,
          [
            "\(layer.counts.changed) of \(layer.counts.tensors)", number(layer.relativeL2),
          ], bar: (layer.relativeL2 ?? 0, most))
      })
  }

  private var histogram: String {
    let bins = DiffSummaryDisplay.bins(summary)
    let most = Double(bins.map(\.tensors).max() ?? 0)
    return section(
      "Tensors by relative change", ["relative L2", "tensors", ""],
      bins.map { row($0.text, [grouped($0.tensors)], bar: (Double($0.tensors), most)) })
  }

  private var groups: String {
    let groups = summary.groups.filter(\.counts.differs)
    return section(
      "Groups",
      ["group", "tensors", "changed", "only in A", "only in B", "max abs", "relative L2"],
      groups.prefix(DiffPage.longest).map { group in
        row(
          group.selector,
          [group.counts.tensors, group.counts.changed, group.counts.onlyInA, group.counts.onlyInB]
            .map { grouped($0) } + [number(group.maxAbs), number(group.relativeL2)])
      }, of: groups.count)
  }

  private var changes: String {
    section(
      "Changed tensors",
      ["key", "dtype", "shape", "max abs", "relative L2", "cosine", "elements changed"],
      diff.changed.prefix(DiffPage.longest).map { change in
        let name =
          change.key == change.keyInB
          ? change.key.string : "\(change.key.string) → \(change.keyInB.string)"
        let dtypes = change.dtypes.map(\.name)
        let shapes = change.shapes.map { shapeText($0.dimensions) }
        return row(
          name,
          [
            change.isDTypeChanged ? dtypes.joined(separator: " → ") : dtypes[0],
            change.isShapeChanged ? shapes.joined(separator: " → ") : shapes[0],
            number(change.values?.maxAbs), number(change.values?.relativeL2),
            change.values.map { significant($0.cosine, digits: 6) } ?? "",
            change.values.map { percentText($0.changedFraction) } ?? "",
          ])
      }, of: diff.changed.count)
  }

  private func keys(
    _ keys: [Key], in checkpoint: Checkpoint, _ title: String, _ style: String
  ) -> String {
    section(
      title, ["key", "dtype", "shape", "size"],
      keys.prefix(DiffPage.longest).map { key in
        let tensor = checkpoint[key]
        return row(
          key.string,
          [
            tensor?.dtype.name ?? "", tensor.map { shapeText($0.shape.dimensions) } ?? "",
            tensor.map { byteText($0.byteCount) } ?? "",
          ], style: style)
      }, of: keys.count)
  }

  private var renames: String {
    section(
      "Likely renamed", ["in A", "in B", "evidence"],
      diff.likelyRenames.prefix(DiffPage.longest).map { rename in
        "<tr><td class=\"name\">\(escaped(rename.from.string))</td>"
          + "<td class=\"name\" style=\"text-align: left\">\(escaped(rename.to.string))</td>"
          + "<td>\(rename.isSameContent ? "the same bytes" : "the same ending and shape")</td></tr>"
      }, of: diff.likelyRenames.count)
  }

  // MARK: Parts

  private func section(
    _ title: String, _ head: [String], _ rows: [String], of count: Int = 0
  ) -> String {
    guard !rows.isEmpty else { return "" }
    let more =
      count > rows.count
      ? "<p class=\"note\">… and \(grouped(count - rows.count)) more.</p>" : ""
    return "<h2>\(title)</h2>\n<div class=\"scroll\"><table><thead><tr>"
      + head.map { "<th>\($0)</th>" }.joined() + "</tr></thead>\n<tbody>"
      + rows.joined(separator: "\n") + "</tbody></table></div>\(more)"
  }

  private func row(
    _ name: String, _ cells: [String], bar: (value: Double, most: Double)? = nil, style: String = ""
  ) -> String {
    var text = "<tr><td class=\"name \(style)\">\(escaped(name))</td>"
    for cell in cells { text += "<td>\(escaped(cell))</td>" }
    if let bar {
      let share = bar.most > 0 && bar.value.isFinite ? 100 * bar.value / bar.most : 0
      text += "<td class=\"bar\"><div style=\"width: \(fixed(share, digits: 2))%\"></div></td>"
    }
    return text + "</tr>"
  }

  private func number(_ value: Double?) -> String { value.map { significant($0) } ?? "" }

  private func escaped(_ text: String) -> String { EspalierCommands.escaped(shown(text)) }
}
