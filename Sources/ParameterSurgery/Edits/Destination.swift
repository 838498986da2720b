internal import CheckpointFiles

/// A program whose key names a checkpoint is to have.
///
///     try plan.convert(to: .transformers)
///     print(plan.steps.map(\.operation))
///
/// What it does is a list of other operations, which depends on what the checkpoint holds.
public enum Destination: String, Sendable, Hashable, CaseIterable {
  /// `from_pretrained` of Hugging Face's transformers: the state dict of the model alone, without the names of wrappers
  /// and containers, without optimiser state, with today's names, and with each tied tensor once.
  case transformers

  /// The destination with this name.
  ///
  /// - Throws: ``SurgeryError`` of the kind `syntax` when there is none.
  public init(name: String) throws(SurgeryError) {
    guard let found = Destination.allCases.first(where: { Key($0.rawValue) == Key(name) }) else {
      throw .noSuchDestination(name)
    }
    self = found
  }

  /// The operations that it stands for in `plan`, and what the user should know of them.
  func steps(
    for plan: SurgeryPlan
  ) throws(SurgeryError) -> (steps: [SurgeryOperation], notes: [String]) {
    switch self {
    case .transformers:
      var keys = try TransformersKeys(plan)
      try keys.dropTies(of: plan)
      return (keys.steps, keys.notes)
    }
  }
}
