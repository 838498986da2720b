internal import CheckpointFiles
internal import OrderedCollections

/// The columns that a user named for the training data: names, or numbers from 1.
///
/// A trained model remembers them, so that `evaluate` and `predict` read other files in the same way.
public struct ColumnNames: Sendable, Hashable, CustomStringConvertible {
  /// The text.
  public var text: String?
  /// The second text of a pair.
  public var pair: String?
  /// The label.
  public var label: String?
  /// The columns of 0 and 1, one for each label.
  public var labels: [String]

  /// Names of columns.
  public init(text: String?, pair: String?, label: String?, labels: [String] = []) {
    (self.text, self.pair, self.label, self.labels) = (text, pair, label, labels)
  }

  /// Whether no column is named.
  public var isEmpty: Bool { text == nil && pair == nil && label == nil && labels.isEmpty }

  /// The columns of the texts alone.
  public var withoutLabels: ColumnNames { ColumnNames(text: text, pair: pair, label: nil) }

  /// Such as `text "review", label "stars"`.
  public var description: String {
    let parts = [("text", text), ("second text", pair), ("label", label)].compactMap { role, name in
      name.map { "\(role) \(quoted($0))" }
    }
    return
      (parts
      + (labels.isEmpty ? [] : ["labels \(labels.prefix(12).map(quoted).joined(separator: ", "))"]))
      .joined(separator: ", ")
  }

  /// The names in `espalier.json`; `nil` when a member is of another type or unknown.
  init?(_ json: JSONValue) {
    guard let members = json.object,
      members.keys.allSatisfy({ ["text", "pair", "label", "labels"].contains($0) })
    else { return nil }
    for name in ["text", "pair", "label"] where json[name] != nil && json[name]?.string == nil {
      return nil
    }
    let labels = json["labels"].map { $0.array ?? [.null] } ?? []
    guard labels.allSatisfy({ $0.string != nil }) else { return nil }
    self.init(
      text: json["text"]?.string, pair: json["pair"]?.string, label: json["label"]?.string,
      labels: labels.compactMap(\.string))
  }

  /// The names as JSON.
  var json: JSONValue {
    var members: [(String, JSONValue)] = []
    for (name, value) in [("text", text), ("pair", pair), ("label", label)] {
      if let value { members.append((name, .string(value))) }
    }
    if !labels.isEmpty { members.append(("labels", .array(labels.map { .string($0) }))) }
    return .object(pairs: members)
  }
}
