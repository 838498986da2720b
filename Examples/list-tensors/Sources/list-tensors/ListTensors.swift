import CheckpointFiles

/// Prints the key, dtype and shape of each tensor of a checkpoint.
@main
enum ListTensors {
  static func main() throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: list-tensors CHECKPOINT")
      return
    }
    let checkpoint = try Checkpoint.open(CommandLine.arguments[1])
    for (key, tensor) in checkpoint.tensors {
      print(key.string, tensor.dtype.name, tensor.shape.dimensions)
    }
  }
}
