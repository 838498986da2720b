import CheckpointFiles
import OrderedCollections
import ParameterSurgery

extension Listing {
  /// One object; docs/json.md describes it.
  func printJSON(_ checkpoint: Checkpoint, totals: Bool, values: [Checkpoint.Value]?) {
    var json = JSONStream()
    json.member("path", .string(checkpoint.path))
    json.member("format", .string(checkpoint.format.rawValue))
    json.member("metadata", .object(Listing.members(of: checkpoint.metadata)))
    json.array("tensors", count: rows.count) { index, text in write(index, to: &text) }
    json.array("unsupported", checkpoint.unsupported) { entry, text in
      text += "{\"key\":"
      JSONValue.writeString(entry.key.string, to: &text)
      text += ",\"reason\":"
      JSONValue.writeString(entry.reason, to: &text)
      text += "}"
    }
    if let values {
      json.array("values", values) { value, text in
        text += "{\"key\":"
        JSONValue.writeString(value.key.string, to: &text)
        text += ",\"type\":"
        JSONValue.writeString(value.type, to: &text)
        text += ",\"text\":"
        JSONValue.writeString(value.text, to: &text)
        text += "}"
      }
    }
    if totals {
      json.member("totals", Listing.value(total))
      json.array("totals_by_dtype", totalsByDType) { entry, text in
        text += "{\"dtype\":\"\(entry.dtype.name)\",\"tensors\":\(entry.total.tensors)"
        text += ",\"elements\":\(entry.total.elements),\"bytes\":\(entry.total.bytes)}"
      }
    }
    json.finish()
  }

  private func write(_ index: Int, to text: inout String) {
    let row = rows[index]
    text += "{\"key\":"
    JSONValue.writeString(row.tensor.key.string, to: &text)
    text += ",\"dtype\":\"\(row.tensor.dtype.name)\",\"shape\":["
    for (index, extent) in row.dimensions.enumerated() {
      if index > 0 { text += "," }
      text += String(extent)
    }
    text += "],\"bytes\":\(row.bytes)"
    if let rows = row.rows { text += ",\"rows\":\(rows.jsonValue.text())" }
    if let file = row.file {
      text += ",\"file\":"
      JSONValue.writeString(file, to: &text)
    }
    if !digests.isEmpty, let digest = digests[index] { text += ",\"sha256\":\"\(digest)\"" }
    if let shares = row.shares {
      text += ",\"shares\":"
      JSONValue.writeString(shares.string, to: &text)
    }
    if !statistics.isEmpty, let statistics = statistics[index] {
      text += ",\"stats\":\(statistics.jsonValue.text())"
    }
    text += "}"
  }

  private static func members(
    of metadata: OrderedDictionary<Key, String>
  ) -> OrderedDictionary<Key, JSONValue> {
    OrderedDictionary(
      metadata.map { ($0.key, .string($0.value)) }, uniquingKeysWith: { first, _ in first })
  }

  private static func value(_ total: Total) -> JSONValue {
    .members([
      "tensors": .integer(total.tensors), "elements": .integer(total.elements),
      "bytes": .integer(total.bytes),
    ])
  }
}

extension RowSet {
  /// `[[0,10],[30522,30530]]`: half-open ranges.
  var jsonValue: JSONValue {
    .array(ranges.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) })
  }
}

extension TensorStatistics {
  /// `null` where there is no number.
  var jsonValue: JSONValue {
    func real(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
    return .members([
      "min": real(minimum), "max": real(maximum), "mean": real(mean),
      "std": real(standardDeviation), "norm": real(norm), "nan": .integer(nanCount),
      "inf": .integer(infiniteCount),
    ])
  }
}
