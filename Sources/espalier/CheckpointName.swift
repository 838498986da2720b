import CheckpointFiles
import FineTuning

/// What people call a checkpoint: a path, or the name of a model in the Hugging Face cache.
enum CheckpointName {
  /// The path of what `name` names: itself when there is such a file or folder, else the snapshot of
  /// a model of that name, else itself, for the command to say that it is not there.
  static func path(_ name: String) -> String {
    guard !WholeFile.exists(name) else { return name }
    return (try? HuggingFaceCache.snapshot(of: name)) ?? name
  }

  /// Why nothing was found under `name`, when it could be that of a model and not of a file.
  static func refusal(of name: String) -> String? {
    if RemoteCheckpoint.isAddress(name) {
      return WholeFile.exists(name)
        ? nil : "\(name): addresses are read by ls alone: download the file first"
    }
    let model = name.prefix { $0 != "@" }
    guard !WholeFile.exists(name), model.contains("/"), !endings.contains(where: model.hasSuffix)
    else { return nil }
    do {
      _ = try HuggingFaceCache.snapshot(of: name)
      return nil
    } catch {
      return error.description
    }
  }

  /// Endings that mean a file.
  private static let endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".json", ".yaml"]
}
