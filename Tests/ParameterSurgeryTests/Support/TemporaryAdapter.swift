import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

/// The folder of a LoRA adapter for `layer.0.weight`.
final class TemporaryAdapter {
  private let folder: TemporaryFolder
  var path: String { folder.path }

  init(config: String, a: ([Float], Shape), b: ([Float], Shape)) throws {
    folder = try TemporaryFolder()
    try folder.write("adapter_config.json", config)
    var checkpoint = Checkpoint()
    checkpoint.tensors["base_model.model.layer.0.lora_A.weight"] = Tensor(a.0, shape: a.1)
    checkpoint.tensors["base_model.model.layer.0.lora_B.weight"] = Tensor(b.0, shape: b.1)
    try checkpoint.write(to: folder.path("adapter_model.safetensors"))
  }
}
