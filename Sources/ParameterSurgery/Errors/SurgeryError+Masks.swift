internal import CheckpointFiles

/// Sentences about freeze masks: their files, rules and fit.
extension SurgeryError {
  // MARK: Files

  static func notAMask(_ error: CheckpointError) -> SurgeryError {
    SurgeryError(.malformed, underlying: nil, "not a freeze mask: \(error.description)")
  }

  static func malformedMask(_ sentence: String) -> SurgeryError {
    SurgeryError(.malformed, "freeze mask: \(sentence)")
  }

  static func otherFormat(than name: String) -> SurgeryError {
    SurgeryError(.malformed, "not a freeze mask: `format` is not \"\(name)\"")
  }

  static func unsupportedMaskVersion(_ found: Int, supported: Int) -> SurgeryError {
    SurgeryError(
      .unsupported, "freeze mask: version \(found) is not supported, only \(supported) is")
  }

  static func notAnObject(_ name: String) -> SurgeryError {
    malformedMask("\(name) is not an object")
  }

  static func unknownMember(_ member: Key, of name: String) -> SurgeryError {
    malformedMask("\(name) has an unknown member \(quoted(member.string))")
  }

  static func duplicateMember(_ member: Key, of name: String) -> SurgeryError {
    SurgeryError(
      .duplicateKey, key: member, "freeze mask: \(quoted(member.string)) is duplicated in \(name)")
  }

  static func missingMember(_ member: String) -> SurgeryError {
    malformedMask("the member `\(member)` is missing")
  }

  static let malformedDigest = malformedMask(
    "`layout_sha256` is not 64 lower-case hexadecimal digits")

  static func otherTensorCount(stated: Int, listed: Int) -> SurgeryError {
    malformedMask("`checkpoint` states \(stated) tensors, but \(listed) are listed")
  }

  static func malformedRule(_ index: Int) -> SurgeryError {
    malformedMask(
      "rule \(index) is not {\"train\": SELECTOR, \"matched\": N} "
        + "or {\"freeze\": SELECTOR, \"matched\": N}")
  }

  static func malformedState(of key: Key) -> SurgeryError {
    SurgeryError(
      .malformed, key: key,
      "freeze mask: \(quoted(key.string)) is neither true, false nor "
        + "{\"train_rows\": [[FROM, TO], …]}")
  }

  static func malformedRange(of key: Key, _ lower: Int, _ upper: Int) -> SurgeryError {
    malformedRows(
      of: key, "[\(lower), \(upper)] is not a range [FROM, TO] with 0 ≤ FROM < TO")
  }

  static func malformedRange(of key: Key) -> SurgeryError {
    malformedRows(
      of: key, "`train_rows` is not a list of ranges [FROM, TO] with 0 ≤ FROM < TO")
  }

  static func unorderedRanges(of key: Key) -> SurgeryError {
    malformedRows(of: key, "the ranges of `train_rows` overlap or are not ascending")
  }

  static func noRanges(of key: Key) -> SurgeryError {
    malformedRows(of: key, "`train_rows` is empty; write false")
  }

  private static func malformedRows(of key: Key, _ sentence: String) -> SurgeryError {
    SurgeryError(.malformed, key: key, "freeze mask: \(quoted(key.string)): \(sentence)")
  }

  // MARK: Rules

  static let noRules = SurgeryError(
    .invalidArgument, "a mask needs a selector of what trains or of what is frozen")

  static func nothingTrains(selecting tensor: TensorInfo?) -> SurgeryError {
    SurgeryError(
      .nothingTrains, key: tensor?.key,
      tensor.map {
        "nothing would train: \(quoted($0.key.string)) holds \($0.dtype), which has no gradient"
      } ?? "nothing would train: the rules freeze everything that they train")
  }

  // MARK: Fit

  static func doesNotFit(_ name: String, _ mismatch: FreezeMask.Mismatch) -> SurgeryError {
    SurgeryError(
      .otherCheckpoint, path: name.isEmpty ? nil : name,
      "the mask does not fit \(name.isEmpty ? "the checkpoint" : name): \(mismatch)")
  }

  static func otherLayouts(onlyOneLists key: Key?) -> SurgeryError {
    SurgeryError(
      .otherCheckpoint, key: key,
      "the masks belong to different checkpoints: "
        + (key.map { "only one of them lists \(quoted($0.string))" } ?? "layout_sha256 differs"))
  }
}
