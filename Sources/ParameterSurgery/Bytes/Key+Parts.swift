internal import CheckpointFiles

extension Key {
  /// The components as keys, which are compared by their bytes.
  var parts: [Key] { components.map { Key(String($0)) } }
}
