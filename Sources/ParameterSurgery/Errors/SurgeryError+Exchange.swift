internal import CheckpointFiles

/// Sentences about masks that are exported to other trainers.
extension SurgeryError {
  static func controlCharacter(in key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "the name \(quoted(key.string)) has a control character; export to torch or hf")
  }

  static func rowsNotSupported(by trainer: String, _ key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "\(trainer) cannot train some rows of a tensor, and the mask trains only rows of "
        + "\(quoted(key.string)); export to torch or hf, which can")
  }

  /// The nearest that a trainer can express trains too much.
  static func notExpressible(by trainer: String, alsoTraining key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "\(trainer) cannot express this mask: the nearest settings would also train "
        + "\(quoted(key.string)), which is frozen; export to torch or hf")
  }

  /// The nearest that a trainer can express trains too little.
  static func notExpressible(by trainer: String, notTraining key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "\(trainer) cannot express this mask: the nearest settings would not train "
        + "\(quoted(key.string)); export to torch or hf")
  }

  static func notExpressible(by trainer: String) -> SurgeryError {
    SurgeryError(.unsupported, "\(trainer) cannot express this mask; export to torch or hf")
  }

  static func notInAModule(_ key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "PEFT trains modules, and \(quoted(key.string)) is not in one; export to torch or hf")
  }

  static func rowsOfNoEmbedding(_ key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "PEFT trains only rows of the weight of an embedding, not rows of \(quoted(key.string))")
  }

  static func sameRows(of key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "PEFT cannot express this mask: it would train the same rows of \(quoted(key.string))")
  }

  static func allRows(of key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "PEFT cannot express this mask: it would train all rows of \(quoted(key.string))")
  }

  static func multimodal(_ part: String, exportedTo trainer: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "\(trainer) freezes parts of a model with \(quoted(part)) by a table of its own; export to "
        + "torch or hf")
  }
}
