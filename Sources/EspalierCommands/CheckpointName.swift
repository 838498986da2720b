import CheckpointFiles

/// How a user names a checkpoint: a path, or the name of a model in the Hugging Face cache.
enum CheckpointName {
  /// `error` as a user of a command needs it: one about a name that was typed and may be that of a model,
  /// about an incomplete model in the cache, or about an address.
  ///
  /// - Parameter typed: the words of the command line. A name in a file is not used as the name of a model: nothing
  ///   that a stranger wrote becomes advice to download.
  static func explained(_ error: CheckpointError, typed words: [String]) -> CheckpointError {
    guard error.kind == .notFound else { return error }
    let isTyped = words.contains { $0.utf8.elementsEqual(error.path.utf8) }
    if error.path == "-" {
      return CheckpointError(
        .notFound, path: error.path,
        "standard input is not read, because files are not read in order; save it in a file first")
    } else if error.advice == nil, isTyped, let refusal = refusal(of: error.path) {
      return refusal
    }
    return error
  }

  /// Why nothing was found under `name`, when it could be that of a model and not of a file.
  static func refusal(of name: String) -> CheckpointError? {
    guard !WholeFile.exists(name) else { return nil }
    if RemoteCheckpoint.isAddress(name) {
      return CheckpointError(
        .unsupported, path: name, "only ls reads addresses; download the file first")
    }
    guard isLikely(name.prefix { $0 != "@" }) else { return nil }
    do throws(CheckpointError) {
      _ = try HuggingFaceCache.snapshot(of: name)
      return nil
    } catch {
      return error
    }
  }

  /// How to list the tensors of the model `name` without downloading it; `nil` when `name` is not the name of a
  /// model.
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
    return "to list it without downloading it, run: espalier ls \(address)"
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
