import CheckpointFiles

/// What people call a checkpoint: a path, or the name of a model in the Hugging Face cache.
enum CheckpointName {
  /// The path of what `name` names: itself when there is such a file or folder, else the snapshot of
  /// a model of that name, else itself, for the command to say that it is not there.
  static func path(_ name: String) -> String {
    guard !WholeFile.exists(name) else { return name }
    return (try? HuggingFaceCache.snapshot(of: name)) ?? name
  }

  /// What to say of `error` when it is about the name of a model, or a model in the cache, that is not
  /// there or not there completely; `nil` otherwise.
  static func sentence(for error: CheckpointError) -> String? {
    if error.path == "-" {
      return
        "-: standard input is not read, for files are not read in order: save it in a file first"
    }
    // What a file names is not the name of a model.
    guard error.kind == .notFound, error.advice == nil else { return nil }
    return refusal(of: error.path)
  }

  /// Why nothing was found under `name`, when it could be that of a model and not of a file.
  static func refusal(of name: String) -> String? {
    if RemoteCheckpoint.isAddress(name) {
      return WholeFile.exists(name)
        ? nil : "\(name): addresses are read by ls alone: download the file first"
    }
    let model = name.prefix { $0 != "@" }
    guard !WholeFile.exists(name), isLikely(model) else { return nil }
    do {
      _ = try HuggingFaceCache.snapshot(of: name)
      return nil
    } catch {
      return Advice.sentence(for: error)
    }
  }

  /// How to list the tensors of the model `name` without fetching it; `nil` when it is no model's name.
  static func listing(of name: String) -> String? {
    if name == "-" { return nil }
    let plain =
      name.hasPrefix(HuggingFaceCache.scheme)
      ? name.dropFirst(HuggingFaceCache.scheme.count) : name[...]
    let halves = plain.split(separator: "@", maxSplits: 1)
    guard let model = halves.first, HuggingFaceCache.isModelName(String(model)) else { return nil }
    let revision = halves.count == 2 ? WebAddress.encoded(String(halves[1])) : "main"
    let address =
      "\(HuggingFaceAccount.endpoint)/\(model)/resolve/"
      + "\(revision.replacing("/", with: "%2F"))/model.safetensors"
    return "its header alone is read by: espalier ls \(address)"
  }

  /// Whether `model` looks like the name of a model: it has an owner, or a hyphen and no
  /// ending, or the cache knows it.
  private static func isLikely(_ model: Substring) -> Bool {
    model.hasPrefix(HuggingFaceCache.scheme)
      || (model.contains("/") || model.contains("-") && !model.contains("."))
        && !endings.contains(where: model.hasSuffix)
      || HuggingFaceCache.knows(String(model))
  }

  /// Endings that mean a file.
  private static let endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".json", ".yaml"]
}
