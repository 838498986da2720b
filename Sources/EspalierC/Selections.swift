// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation
// Each function is declared, and described, in espalier.h; the compiler compares both.

public import CEspalier
internal import CheckpointFiles
internal import ParameterSurgery

/// What selectors selected, as C reads it.
@safe final class SelectionResult: Sendable {
  private let arena = Arena()
  let items: ArenaArray<espalier_item>
  let explanations: ArenaArray<espalier_explanation>

  init(_ selection: Selection, in tree: ParameterTree) {
    let arena = arena
    unsafe items = ArenaArray(
      selection.items.map { item in
        let rows = item.rows?.ranges ?? []
        return unsafe espalier_item(
          index: item.index, rows: arena.ranges(rows), row_range_count: rows.count)
      }, in: arena)
    unsafe explanations = ArenaArray(
      selection.explanations.map { explanation in
        let matched = explanation.keys.compactMap { tree.index(of: $0) }
        return unsafe espalier_explanation(
          selector: arena.text(explanation.selector), is_negated: explanation.isNegated ? 1 : 0,
          matched: arena.array(matched), matched_count: matched.count,
          changed_count: explanation.changed)
      }, in: arena)
  }
}

extension Arena {
  /// Ranges of rows; `nil` when there are none.
  func ranges(_ ranges: [Range<Int>]) -> UnsafePointer<espalier_range>? {
    unsafe array(
      ranges.map { espalier_range(start: Int64($0.lowerBound), end: Int64($0.upperBound)) })
  }
}

@c @implementation
public func espalier_select(
  _ checkpoint: espalier_checkpoint, _ selectors: UnsafePointer<UnsafePointer<CChar>?>?,
  _ count: Int, _ selection: UnsafeMutablePointer<espalier_selection>?
) -> espalier_status {
  answer {
    guard let selection = unsafe selection else { throw Misuse.null }
    let tree = try Handles.object(checkpoint, as: OpenCheckpoint.self).tree
    let list = try SelectorList(try unsafe texts(selectors, count, "a selector"))
    let result = try list.resolve(in: tree)
    unsafe selection.pointee = Handles.add(SelectionResult(result, in: tree))
  }
}

@c @implementation
public func espalier_selection_items(
  _ selection: espalier_selection, _ items: UnsafeMutablePointer<UnsafePointer<espalier_item>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    try unsafe Handles.object(selection, as: SelectionResult.self).items.give(items, count)
  }
}

@c @implementation
public func espalier_selection_explanations(
  _ selection: espalier_selection,
  _ explanations: UnsafeMutablePointer<UnsafePointer<espalier_explanation>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    try unsafe Handles.object(selection, as: SelectionResult.self).explanations
      .give(explanations, count)
  }
}
