package import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// What a report says about the origin of a run.
extension TrainingRun {
  /// The arguments of the command that started the run; empty when a program did.
  package var arguments: [String] { invocation }
  /// The model as the user named it.
  package var modelName: String { model.name }

  /// What two runs must have in common to be repetitions of each other but for the seed: see ``stateSettings``.
  package var reportedSettings: JSONValue {
    var members = stateSettings.object ?? [:]
    var hash = SHA256Hash()
    hash.update(mask.jsonText)
    members["mask"] = .string(hash.hexadecimal())
    members["head"] = .string("\(head)")
    members["trained_tensors"] = .integer(mask.trainableKeys.count)
    members["trained_parameters"] = .integer(plan.phases.last?.trainedCount ?? plan.trainedCount)
    return .object(members)
  }
}
