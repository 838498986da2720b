import CheckpointFiles
import OrderedCollections

/// JSON that is one value in memory. ``JSONStream`` is for outputs that may be long.
enum JSONOutput {
  /// The value of the member `version`: of the meaning of all members. It changes when a member is removed or
  /// gets another meaning, not when one is added.
  static let version = 1

  /// `value` with the member `version` before its own.
  static func versioned(_ value: JSONValue) -> JSONValue {
    guard let members = value.object else { return value }
    var all: OrderedDictionary<Key, JSONValue> = ["version": .integer(version)]
    all.merge(members) { first, _ in first }
    return .object(all)
  }

  /// Prints an object over several lines.
  static func print(_ value: JSONValue) {
    StandardOutput.shared.line(versioned(value).text(indent: 2))
  }
}
