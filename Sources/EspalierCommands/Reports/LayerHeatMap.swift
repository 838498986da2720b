import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// How much each parameter of each layer changed: one map for each stack of numbered layers.
struct LayerHeatMap {
  /// A parameter of a layer.
  enum Cell: Equatable {
    /// The layer does not have the parameter in both checkpoints.
    case absent
    /// Nothing changed.
    case same
    /// The relative L2 of what changed; of several tensors, such as experts, the greatest.
    case changed(Double)
    /// Something changed and has no distance: the shapes differ, the values were zero, or NaN occurs.
    case unmeasured

    /// A colour from 1 to ``PageColours/levels``, by powers of ten from 1e-6 to 1; 0 for nothing.
    var level: Int {
      switch self {
      case .absent, .same: return 0
      case .unmeasured: return PageColours.levels
      case .changed(let value):
        var level = 1
        var limit = 1e-6
        while value >= limit, level < PageColours.levels {
          level += 1
          limit *= 10
        }
        return level
      }
    }
  }

  /// The node of the layers: `encoder.layer`.
  let stack: String
  /// The rest of the keys after the number of the layer, of those parameters that changed in a layer; numbers in it
  /// are `*`.
  let parameters: [String]
  /// The number of each layer, with a cell for each parameter.
  let layers: [(number: Int, cells: [Cell])]
  /// Layers and parameters that are left out.
  let omitted: (layers: Int, parameters: Int)

  /// The most stacks, rows and columns of a page.
  static let (maximumStacks, maximumLayers, maximumParameters) = (8, 200, 60)

  /// The maps of a difference, of stacks in which something changed.
  static func maps(_ diff: Diff) -> [LayerHeatMap] {
    let changed = Dictionary(
      diff.changed.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var stacks: OrderedDictionary<Key, OrderedDictionary<Key, [Int: Cell]>> = [:]
    for key in diff.sharedKeys {
      guard let (stack, layer, parameter) = place(of: key) else { continue }
      let cell = changed[key].map(Cell.init) ?? .same
      stacks[stack, default: [:]][parameter, default: [:]][layer, default: cell].join(cell)
    }
    return stacks.compactMap { stack, parameters in
      let shown = parameters.filter { $1.values.contains { $0 != .same } }
      let numbers = Set(parameters.values.flatMap(\.keys)).sorted()
      guard !shown.isEmpty, numbers.count > 1 else { return nil }
      let columns = shown.prefix(maximumParameters)
      return LayerHeatMap(
        stack: stack.string, parameters: columns.map(\.key.string),
        layers: numbers.prefix(maximumLayers).map { number in
          (number, columns.map { $0.value[number] ?? .absent })
        },
        omitted: (
          max(0, numbers.count - maximumLayers), max(0, shown.count - maximumParameters)
        ))
    }
  }

  /// The stack, the number of the layer and the parameter of a key; `nil` outside of layers.
  private static func place(of key: Key) -> (stack: Key, layer: Int, parameter: Key)? {
    let parts = key.components
    guard let place = parts.firstIndex(where: { KeyGroups.number($0.utf8) != nil }), place > 0,
      place < parts.count - 1, let layer = KeyGroups.number(parts[place].utf8)
    else { return nil }
    let rest = parts[(place + 1)...].map { KeyGroups.number($0.utf8) == nil ? String($0) : "*" }
    return (
      Key(parts[..<place].joined(separator: ".")), layer, Key(rest.joined(separator: "."))
    )
  }

  // MARK: The page

  /// The map as a table.
  var table: HTML {
    var table = HTMLTable(
      "Relative L2 of each parameter of \(clipped(shown(stack))), by layer. Stronger colours changed more; "
        + "· is unchanged, × has no distance, and an empty cell is not in the layer.",
      ["layer"]
        + parameters.map { name in
          .init("<div class=\"up\">\(clipped(shown(name), to: 80))</div>")
        }, kind: "grid")
    for (number, cells) in layers {
      table.append(
        row: "<tr><th scope=\"row\">\(number)</th>\(cells.map(LayerHeatMap.cell).joined())</tr>")
    }
    let parts = [(omitted.layers, "layer"), (omitted.parameters, "parameter")]
      .filter { $0.0 > 0 }.map { Text.counted($0.0, $0.1) }
    return table.html
      + (parts.isEmpty ? "" : "<p class=\"note\">… and \(Text.list(parts)) more.</p>")
  }

  private static func cell(_ cell: Cell) -> HTML {
    switch cell {
    case .absent: "<td></td>"
    case .same: "<td>·</td>"
    case .changed(let value): "<td class=\"h\(cell.level)\">\(significant(value, digits: 2))</td>"
    case .unmeasured: "<td class=\"h\(cell.level)\">×</td>"
    }
  }
}

extension LayerHeatMap.Cell {
  init(_ change: TensorDifference) {
    self =
      if let value = change.values?.relativeL2, value.isFinite { .changed(value) } else {
        .unmeasured
      }
  }

  /// The cell of several tensors.
  fileprivate mutating func join(_ other: Self) {
    switch (self, other) {
    case (.unmeasured, _), (_, .unmeasured): self = .unmeasured
    case (.changed(let a), .changed(let b)): self = .changed(max(a, b))
    case (_, .changed): self = other
    default: break
    }
  }
}
