internal import CheckpointFiles

/// Sentences about deltas.
extension SurgeryError {
  private static func malformedDelta(
    _ path: String, key: Key? = nil, _ sentence: String
  ) -> SurgeryError {
    SurgeryError(.malformed, path: path, key: key, "\(path): \(sentence)")
  }

  static func notADelta(_ path: String) -> SurgeryError {
    malformedDelta(path, "is not a delta: its metadata has no `espalier-delta`")
  }

  static func missingMetadata(_ name: String, _ path: String) -> SurgeryError {
    malformedDelta(path, "the metadata `\(name)` is missing")
  }

  static func invalidMetadata(
    _ name: String, _ path: String, _ error: CheckpointError
  ) -> SurgeryError {
    malformedDelta(path, "the metadata `\(name)`: \(error.description)")
  }

  static func malformedMetadata(_ name: String, _ path: String) -> SurgeryError {
    malformedDelta(path, "the metadata `\(name)` of the delta is not valid")
  }

  static func malformedRows(_ key: Key, _ path: String) -> SurgeryError {
    malformedDelta(path, key: key, "the rows of \(quoted(key.string)) are not valid")
  }

  static func otherRows(_ key: Key, _ path: String) -> SurgeryError {
    malformedDelta(
      path, key: key,
      "the number of rows of \(quoted(key.string)) is not the number that the metadata states")
  }

  static func unlistedTensor(_ key: Key, _ path: String) -> SurgeryError {
    malformedDelta(
      path, key: key, "\(quoted(key.string)) is in the file, but not in its list of keys")
  }

  static func tiedTensorsDiffer(_ key: Key, _ first: Key, _ path: String) -> SurgeryError {
    malformedDelta(
      path, key: key,
      "`tied` states that \(quoted(key.string)) is \(quoted(first.string)), which has another dtype or "
        + "shape")
  }

  static func absentTensor(_ key: Key, _ path: String) -> SurgeryError {
    malformedDelta(path, key: key, "neither the delta nor the base has \(quoted(key.string))")
  }

  static func otherBase(_ path: String, found: String, expected: String) -> SurgeryError {
    SurgeryError(
      .otherCheckpoint, path: path,
      "\(path): is not the base of this delta: its SHA-256 is \(found.prefix(12))…, the delta was "
        + "created from \(expected.prefix(12))…")
  }
}
