import CheckpointFiles
import ParameterSurgery

extension DiffPage {
  /// What the changed tensors of one group have in common.
  private struct Kind: Hashable {
    let dtypes: [DType]
    let shapes: [Shape]
  }

  /// The changed tensors. A group of tensors that differ only in numbers has a row of its own, which the script shows in
  /// place of its tensors when the table is folded; without the script all tensors are shown.
  var changes: HTML {
    let changed = diff.changed
    let groups = KeyGroups(changed.count) {
      changed[$0].key == changed[$0].keyInB
        ? [changed[$0].key] : [changed[$0].key, changed[$0].keyInB]
    } trait: {
      Kind(dtypes: changed[$0].dtypes, shapes: changed[$0].shapes)
    }.groups
    var table = HTMLTable(
      "Tensors of both whose dtype, shape or values differ",
      [
        "key", .words("dtype"), .words("shape"), "max abs", "relative L2", "cosine",
        "elements changed",
      ], kind: "sorts folds")
    var tensors = 0
    for (place, group) in groups.enumerated() where tensors < DiffPage.longest {
      let isGroup = group.rows.count > 1
      if isGroup {
        let worst = WorstDifference(group.rows.compactMap { changed[$0].values })
        table.append(
          "\(breakable(group.name)) <span class=\"count\">\(group.times)</span>",
          kinds(changed[group.first]) + figures(worst),
          attributes: " class=\"group\" data-g=\"\(place)\" hidden")
      }
      for row in group.rows.prefix(DiffPage.longest - tensors) {
        let change = changed[row]
        table.append(
          change.key == change.keyInB
            ? keyText(change.key.string)
            : "\(keyText(change.key.string)) → \(keyText(change.keyInB.string))",
          kinds(change) + figures(WorstDifference(change.values.map { [$0] } ?? [])),
          attributes: isGroup ? " class=\"member\" data-g=\"\(place)\"" : "")
        tensors += 1
      }
    }
    guard tensors > 0 else { return "" }
    let more: HTML =
      changed.count > tensors
      ? "<p class=\"note\">… and \(grouped(changed.count - tensors)) more.</p>" : ""
    return section("Changed tensors", changed.count, table.html + more, isOpen: true)
  }

  private func kinds(_ change: TensorDifference) -> [HTML] {
    let dtypes = change.dtypes.map(\.name)
    let shapes = change.shapes.map { clipped(shapeText($0.dimensions)) }
    return [
      "\(change.isDTypeChanged ? dtypes.joined(separator: " → ") : dtypes[0])",
      "\(change.isShapeChanged ? shapes.joined(separator: " → ") : shapes[0])",
    ]
  }

  private func figures(_ values: WorstDifference?) -> [HTML] {
    guard let values else { return ["", "", "", ""] }
    return [
      "\(number(values.maxAbs))", "\(number(values.relativeL2))",
      "\(significant(values.cosine, digits: 6))", "\(percentText(values.changedFraction))",
    ]
  }
}
