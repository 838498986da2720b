public import CheckpointFiles
internal import OrderedCollections

extension Diff {
  /// `{"only_in_a", "only_in_b", "changed", "same"}`. Distances that are not finite, or do not exist, are
  /// `null`.
  public var json: JSONValue {
    .members([
      "only_in_a": .array(onlyInA.map { .string($0.string) }),
      "only_in_b": .array(onlyInB.map { .string($0.string) }),
      "changed": .array(changed.map(\.json)),
      "same": .integer(same),
    ])
  }

  /// ``likelyRenames`` as `[{"from", "to", "same_bytes"}]`.
  public var renamesJSON: JSONValue {
    .array(
      likelyRenames.map {
        .members([
          "from": .string($0.from.string), "to": .string($0.to.string),
          "same_bytes": .bool($0.isSameContent),
        ])
      })
  }
}

extension TensorDifference {
  /// One member of `changed` in ``Diff/json``.
  public var json: JSONValue {
    .members([
      "key": .string(key.string),
      "dtype": .array(dtypes.map { .string($0.name) }),
      "shape": .array(shapes.map { .array($0.dimensions.map { .integer($0) }) }),
      "max_abs": values.map { .real($0.maxAbs) } ?? .null,
      "rel_l2": values.map { .real($0.relativeL2) } ?? .null,
      "cosine": values.map { .real($0.cosine) } ?? .null,
      "changed_fraction": values.map { .real($0.changedFraction) } ?? .null,
    ])
  }
}
