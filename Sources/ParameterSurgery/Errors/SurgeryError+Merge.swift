internal import CheckpointFiles

/// Sentences about merges.
extension SurgeryError {
  private static func merge(_ sentence: String) -> SurgeryError {
    merge(.invalidArgument, sentence)
  }

  private static func merge(
    _ kind: Kind, key: Key? = nil, advice: Advice? = nil, _ sentence: String
  ) -> SurgeryError {
    SurgeryError(kind, key: key, advice: advice, "merge: " + sentence)
  }

  // MARK: - Arguments

  static let noCheckpoints = merge("no checkpoints")

  static func needsBase(_ method: Merge.Method) -> SurgeryError {
    merge("\(method.rawValue) needs a base")
  }

  static func usesNoBase(_ method: Merge.Method) -> SurgeryError {
    merge("\(method.rawValue) does not use a base")
  }

  static func needsTwoCheckpoints(found: Int) -> SurgeryError {
    merge("slerp merges two checkpoints, not \(found)")
  }

  static func weightCount(_ weights: Int, checkpoints: Int) -> SurgeryError {
    merge("\(weights) weights for \(checkpoints) checkpoints")
  }

  static func usesNoWeights(_ method: Merge.Method) -> SurgeryError {
    merge("\(method.rawValue) does not use weights")
  }

  static let infiniteWeights = merge("the weights and lambda must be finite")
  static let weightsCancel = merge("the sum of the weights is 0")
  static let weightsOverflow = merge("the sum of the weights is larger than a number can be")
  static let densityRange = merge("the density must be above 0 and at most 1")
  static let shareRange = merge("t and decay must be between 0 and 1")

  // MARK: - Checkpoints

  static func onlyInOne(
    _ key: Key, more: Int, has path: String, lacks other: String
  ) -> SurgeryError {
    merge(
      .tensorMismatch, key: key, advice: .edit,
      "\(path) has \(quoted(key.string))\(more > 0 ? " and \(more) more" : ""), \(other) does not")
  }

  static func shapesDiffer(
    _ key: Key, _ a: Shape, in path: String, _ b: Shape, in other: String
  ) -> SurgeryError {
    merge(
      .tensorMismatch, key: key,
      "\(quoted(key.string)) has the shape \(a) in \(path), \(b) in \(other)")
  }

  static func dtypesDiffer(
    _ key: Key, _ a: DType, in path: String, _ b: DType, in other: String
  ) -> SurgeryError {
    merge(
      .tensorMismatch, key: key, advice: .edit,
      "\(quoted(key.string)) is \(a) in \(path) and \(b) in \(other), and floating-point numbers are "
        + "not averaged with others")
  }

  static func quantisedDiffers(
    _ tensor: QuantizedTensor, _ key: Key, _ path: String, _ other: String
  ) -> SurgeryError {
    merge(
      .quantised, key: key,
      "\(tensor.refusal), and \(quoted(key.string)) is not the same in \(path) and \(other); "
        + "merge the models as they were before they were quantised")
  }
}
