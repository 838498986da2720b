import CheckpointFiles
import EspalierTestSupport
import OrderedCollections

@testable import ParameterSurgery

/// The folder of an adapter: the members of `adapter_config.json` beside the usual ones, and tensors under their
/// names in the model.
final class AdapterFolder {
  private let folder: TemporaryFolder
  var path: String { folder.path }
  var weights: String { folder.path("adapter_model.safetensors") }
  var config: String { folder.path("adapter_config.json") }

  convenience init(_ members: String, _ tensors: KeyValuePairs<Key, Tensor>) throws {
    try self.init(members, tensors: tensors.map { ($0.key, $0.value) })
  }

  init(_ members: String, tensors: [(Key, Tensor)]) throws {
    folder = try TemporaryFolder()
    let type = members.contains("peft_type") ? "" : #""peft_type": "LORA", "#
    let config = "{\(type)\"r\": 1, \"lora_alpha\": 1\(members.isEmpty ? "" : ", ")\(members)}"
    try folder.write("adapter_config.json", config)
    var checkpoint = Checkpoint()
    for (key, tensor) in tensors {
      checkpoint.tensors[Key("base_model.model." + key.string)] = tensor
    }
    try checkpoint.write(to: weights)
  }

  /// What merging makes of tensors.
  func merged(into tensors: KeyValuePairs<Key, Tensor>) throws -> Checkpoint {
    try plan(for: tensors).apply()
  }

  /// The plan that merges into tensors.
  func plan(for tensors: KeyValuePairs<Key, Tensor>) throws -> SurgeryPlan {
    var base = Checkpoint(path: "base.safetensors")
    for (key, tensor) in tensors { base.tensors[key] = tensor }
    var plan = SurgeryPlan(for: base)
    try plan.append(SurgeryOperation(.mergeLora, [path]))
    return plan
  }
}

/// A tensor of F32.
func tensor(_ elements: [Float], _ shape: Shape) -> Tensor {
  guard let tensor = Tensor(elements, shape: shape) else {
    preconditionFailure("a test gives a shape all its elements")
  }
  return tensor
}

/// A tensor of F32 with one value everywhere.
func filled(_ value: Float, _ shape: Shape) -> Tensor {
  tensor([Float](repeating: value, count: shape.count), shape)
}
