import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// The rows of `espalier ls`: tensors, or rows of tensors, in the order in which they are shown.
struct Listing {
  /// A tensor, or the selected rows of one.
  struct Row {
    let tensor: TensorInfo
    /// The selected rows; `nil` for the whole tensor.
    let rows: RowSet?
    /// The file that holds it, when there are several.
    var file: String?
    /// The first key that lies in the same bytes.
    var shares: Key?

    /// The number of elements, of the selected rows where there are any.
    var count: Int {
      guard let rows, let rowCount = tensor.rowCount, rowCount > 0 else {
        return tensor.shape.count
      }
      return rows.count * (tensor.shape.count / rowCount)
    }

    /// The bytes of those elements.
    var bytes: Int {
      if rows == nil { return tensor.byteCount }
      let (count, width) = (count, tensor.dtype.bitWidth)
      return count / 8 * width + count % 8 * width / 8
    }

    /// The key, with the selected rows in brackets.
    var name: String { shown(tensor.key.string) + suffix }

    /// The selected rows in brackets, where there are any.
    @inline(__always)
    var suffix: String { rows.map { "[\($0.text)]" } ?? "" }

    /// The extents of what is listed.
    @inline(__always)
    var dimensions: [Int] {
      guard let rows else { return tensor.shape.dimensions }
      return [rows.count] + tensor.shape.dimensions.dropFirst()
    }
  }

  private(set) var rows: [Row]
  /// The rows of each line, when repeated layers take one line.
  private(set) var groups: KeyGroups?
  /// One for each line, when they were asked for.
  private(set) var statistics: [TensorStatistics?] = []
  /// One for each row, when they were asked for.
  private(set) var digests: [String?] = []

  /// All tensors of a checkpoint, as it was opened, in which each has a storage of its own; `nil` for
  /// others.
  init?(untied checkpoint: Checkpoint) {
    if checkpoint.isPickled {
      let storages = Set(checkpoint.tensors.values.map { ObjectIdentifier($0.storage) })
      guard storages.count == checkpoint.tensors.count else { return nil }
    }
    let sharded = checkpoint.format == .sharded
    rows = []
    rows.reserveCapacity(checkpoint.tensors.count)
    for (key, tensor) in checkpoint.tensors {
      rows.append(
        Row(
          tensor: TensorInfo(key: key, dtype: tensor.dtype, shape: tensor.shape), rows: nil,
          file: sharded ? tensor.shardName : nil))
    }
  }

  /// What is selected of the tensors of a checkpoint, of which `tree` is the tree.
  init(_ checkpoint: Checkpoint, _ tree: ParameterTree, _ selection: Selection?) {
    var first: [Key: Key] = [:]
    for group in tree.ties {
      for key in group.dropFirst() { first[key] = group[0] }
    }
    let sharded = checkpoint.format == .sharded
    func row(_ tensor: TensorInfo, _ rows: RowSet?, _ index: Int) -> Row {
      Row(
        tensor: tensor, rows: rows,
        file: sharded ? checkpoint.tensors.values[index].shardName : nil,
        shares: first.isEmpty ? nil : first[tensor.key])
    }
    if let selection {
      rows = selection.items.map { row($0.tensor, $0.rows, $0.index) }
    } else {
      rows = tree.entries.enumerated().map { row($1, nil, $0) }
    }
  }

  mutating func sort(by order: ListCommand.Order) {
    switch order {
    case .file: break
    case .natural: rows.sort { $0.tensor.key.naturallyPrecedes($1.tensor.key) }
    case .size:
      // Equal sizes keep the order of the file.
      let order = rows.indices.sorted { (-rows[$0].bytes, $0) < (-rows[$1].bytes, $1) }
      rows = order.map { rows[$0] }
    }
  }

  /// Puts tensors of one dtype and shape whose keys differ only in numbers on one line.
  mutating func fold(_ checkpoint: Checkpoint) {
    groups = KeyGroups(rows.count, among: checkpoint.keys) {
      [rows[$0].tensor.key]
    } trait: { index in
      let row = rows[index]
      // What is special about a tensor is not lost in a group.
      return row.rows != nil || row.shares != nil
        ? nil : TensorKind(dtype: row.tensor.dtype, dimensions: row.tensor.shape.dimensions)
    }
  }

  /// Fills in what needs the elements, of lines that are in their final order. Digests are those of single rows.
  mutating func readElements(
    of checkpoint: Checkpoint, statistics hasStatistics: Bool, digests hasDigests: Bool,
    mode: ProgressMode
  ) throws {
    let lines = groups?.groups.map(\.rows) ?? rows.indices.map { [$0] }
    let passes = (hasStatistics ? 1 : 0) + (hasDigests ? 1 : 0)
    if hasStatistics { statistics = Array(repeating: nil, count: lines.count) }
    if hasDigests { digests = Array(repeating: nil, count: rows.count) }
    let bar = Progress(
      "reading", total: passes * rows.reduce(0) { $0 + $1.bytes }, unit: .bytes, mode: mode)
    defer { bar.finish() }
    for (line, members) in lines.enumerated() {
      for index in members {
        let row = rows[index]
        guard let tensor = checkpoint[row.tensor.key] else { continue }
        let parts = row.rows.map { $0.ranges.compactMap { tensor.rows($0) } } ?? [tensor]
        do throws(CheckpointError) {
          if hasStatistics, tensor.dtype.hasNumbers {
            var sums = statistics[line] ?? TensorStatistics()
            for part in parts { try sums.insert(part) { bar.advance(by: $0) } }
            statistics[line] = sums
          }
          if hasDigests {
            digests[index] = try TensorDigest.hexadecimal(of: parts) { bar.advance(by: $0) }
          }
        } catch {
          var error = error
          if error.path.isEmpty { error.path = checkpoint.path }
          if error.key == nil { error.key = row.tensor.key }
          throw error
        }
      }
    }
  }

  // MARK: - Totals

  /// Numbers over several rows.
  struct Total: Hashable {
    var tensors = 0
    var elements = 0
    var bytes = 0

    /// The numbers of `count` times these rows.
    func times(_ count: Int) -> Total {
      func product(_ value: Int) -> Int {
        let (product, overflow) = value.multipliedReportingOverflow(by: count)
        return overflow ? .max : product
      }
      return Total(
        tensors: product(tensors), elements: product(elements), bytes: product(bytes))
    }

    mutating func add(_ row: Row) {
      tensors += 1
      elements = saturated(elements, row.count)
      bytes = saturated(bytes, row.bytes)
    }

    private func saturated(_ a: Int, _ b: Int) -> Int {
      let (sum, overflow) = a.addingReportingOverflow(b)
      return overflow ? .max : sum
    }
  }

  var total: Total { rows.reduce(into: Total()) { $0.add($1) } }

  /// A total for each dtype, in the order in which they appear.
  var totalsByDType: [(dtype: DType, total: Total)] {
    var order: [DType] = []
    var totals: [DType: Total] = [:]
    for row in rows {
      if totals[row.tensor.dtype] == nil { order.append(row.tensor.dtype) }
      totals[row.tensor.dtype, default: Total()].add(row)
    }
    return order.map { ($0, totals[$0] ?? Total()) }
  }

  /// `203 tensors, 109.5 M elements, 438.0 MB (safetensors)`.
  func summary(of checkpoint: Checkpoint) -> String {
    let total = total
    return "\(Text.counted(total.tensors, "tensor")), \(countText(total.elements)) elements, "
      + "\(byteText(total.bytes)) (\(checkpoint.format.rawValue))"
  }
}

extension RowSet {
  /// `0:10,30522:30530`.
  var text: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }
      .joined(separator: ",")
  }
}
