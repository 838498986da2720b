import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// The tensors that train under a freeze mask, as text and as JSON.
struct MaskReport {
  private let mask: FreezeMask
  private let tree: ParameterTree?

  /// - Parameter tree: the tree of the checkpoint, for shapes and counts of elements; without it only names are
  ///   known.
  init(_ mask: FreezeMask, in tree: ParameterTree?) {
    self.mask = mask
    self.tree = tree
  }

  private struct Entry {
    let key: Key
    let rows: RowSet?
    let tensor: TensorInfo?

    var name: String { shown(key.string) + (rows.map { "[\($0.text)]" } ?? "") }

    /// Elements that train.
    var count: Int? {
      guard let tensor else { return nil }
      guard let rows, let rowCount = tensor.rowCount, rowCount > 0 else {
        return tensor.shape.count
      }
      return rows.count * (tensor.shape.count / rowCount)
    }
  }

  /// What trains, in the order of the file when there is one.
  private var entries: [Entry] {
    func entry(_ key: Key, _ tensor: TensorInfo?) -> Entry? {
      switch mask[key] {
      case .trainable?: Entry(key: key, rows: nil, tensor: tensor)
      case .rows(let rows)?: Entry(key: key, rows: rows, tensor: tensor)
      case .frozen?, nil: nil
      }
    }
    guard let tree else { return mask.states.keys.compactMap { entry($0, nil) } }
    return tree.entries.compactMap { entry($0.key, $0) }
  }

  /// - Parameter options: whether repeated layers take one line.
  func print(path: String, groups options: GroupOptions = GroupOptions(folding: nil)) {
    let output = StandardOutput.shared
    let entries = entries
    let train =
      "\(grouped(entries.count)) of \(Text.counted(mask.states.count, "tensor")) "
      + (entries.count == 1 ? "trains" : "train")
    var line = "\(oneLine(path)): \(train)"
    if let tree {
      let elements = entries.reduce(0) { $0 + ($1.count ?? 0) }
      let all = tree.entries.reduce(0) { $0 + $1.shape.count }
      line +=
        ", \(grouped(elements)) of \(grouped(all)) elements (\(percentText(elements, of: all)))"
    }
    output.paragraph(line)
    if tree == nil {
      for rule in mask.rules {
        output.paragraph(
          "\(rule.kind.rawValue) \(shown(rule.selector)) (matched \(Text.counted(rule.matched, "tensor")))",
          indent: 2)
      }
    }
    let folds = options.folds(entries.count)
    let groups = KeyGroups(entries.count, folds: folds, among: mask.states.keys) {
      [entries[$0].key]
    } trait: { index -> [TensorKind?]? in
      let entry = entries[index]
      guard entry.rows == nil else { return nil }
      return [entry.tensor.map { TensorKind(dtype: $0.dtype, dimensions: $0.shape.dimensions) }]
    }
    var table = Table(
      [.init("KEY", shrinks: true, breaks: folds)] + (folds ? [.init("COUNT", .right)] : [])
        + [.init("DTYPE"), .init("SHAPE"), .init("ELEMENTS", .right)])
    table.hasHeadings = false
    table.print(rowCount: groups.groups.count, indent: 2) { range, cells in
      var shape = Table.RepeatingCell<[Int]>()
      for index in range {
        let group = groups.groups[index]
        let entry = entries[group.first]
        cells.row(index) { cells in
          cells.add(group.rows.count > 1 ? group.name : entry.name)
          if folds { cells.add(group.times) }
          guard let tensor = entry.tensor else {
            for _ in 0..<3 { cells.add("") }
            return
          }
          cells.add(tensor.dtype.name)
          shape.add(tensor.shape.dimensions, to: &cells, shapeText)
          cells.add(grouped(group.rows.reduce(0) { $0 + (entries[$1].count ?? 0) }))
        }
      }
    }
    options.note([groups])
  }

  /// Writes a mask that was derived from others, and prints which tensors train.
  static func write(_ mask: FreezeMask, to path: String, json: Bool, in tree: ParameterTree?) throws
  {
    try mask.write(to: path)
    let report = MaskReport(mask, in: tree)
    if json { report.printJSON(path: path, warnings: []) } else { report.print(path: path) }
  }

  func printJSON(path: String, warnings: [String], patterns: [ImportedMask.Pattern]? = nil) {
    let entries = entries
    var json = JSONStream()
    json.member("mask", .string(path))
    json.member("layout_sha256", .string(mask.layoutDigest))
    json.member("tensors", .integer(mask.states.count))
    json.member("frozen", .integer(mask.states.count - entries.count))
    json.array("rules", mask.rules) { rule, text in
      text += "{\"\(rule.kind.rawValue)\":"
      JSONValue.writeString(rule.selector, to: &text)
      text += ",\"matched\":\(rule.matched)}"
    }
    json.array("trainable", entries) { entry, text in
      text += "{\"key\":"
      JSONValue.writeString(entry.key.string, to: &text)
      if let rows = entry.rows { text += ",\"train_rows\":\(rows.jsonValue.text())" }
      if let count = entry.count { text += ",\"elements\":\(count)" }
      text += "}"
    }
    if let patterns {
      json.array("patterns", patterns) { pattern, text in
        text += "{\"pattern\":"
        JSONValue.writeString(pattern.text, to: &text)
        text += ",\"matched\":\(pattern.matched.count)}"
      }
    }
    json.array("warnings", warnings) { warning, text in
      JSONValue.writeString(warning, to: &text)
    }
    json.finish()
  }
}
