import CheckpointFiles
import FineTuning
import OrderedCollections

/// Where a model is written: one file, or a directory in the Hugging Face layout.
enum ModelFolder {
  /// What stands beside the weights and belongs to the model, not to its documentation.
  private static let companions = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "spiece.model",
    "sentencepiece.bpe.model", "tokenizer.model",
  ]

  /// Weights that a directory may hold already.
  private static let weights = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json",
  ]

  private static let extensions = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"]

  /// Writes `checkpoint`, made from the one at `base`, to `path`: a file when the name ends like one,
  /// otherwise a directory with the configuration and the tokenizer of `base`.
  static func write(
    _ checkpoint: Checkpoint, of base: String, to path: String, progress: Progress,
    ignoresForeign: Bool = false, addsFormat: Bool = true
  ) throws {
    var checkpoint = checkpoint
    // Loaders of the field refuse safetensors files that do not say what made them.
    if addsFormat, checkpoint.metadata["format"] == nil { checkpoint.metadata["format"] = "pt" }
    var options = WriteOptions(ignoresForeign: ignoresForeign)
    options.progress = { written, _ in progress.reach(written) }
    if extensions.contains(where: { path.hasSuffix($0) }), !WholeFile.isFolder(path) {
      return try checkpoint.write(to: path, options: options)
    }
    let folder = path.hasSuffix("/") ? path : path + "/"
    for name in weights + ["config.json"] where WholeFile.exists(folder + name) {
      throw InputError("\(folder)\(name): is there already; remove it or choose another directory")
    }
    let source = WholeFile.isFolder(base) ? base + "/" : parent(of: base)
    try WholeFile.createFolder(path)
    options.format = .safetensors
    try checkpoint.write(to: folder + "model.safetensors", options: options)
    for name in companions where WholeFile.exists(source + name) {
      try WholeFile.write(try WholeFile.read(source + name), to: folder + name)
    }
    if !WholeFile.exists(source + "config.json") {
      StandardError.note(
        "\(path): has no config.json, for there is none beside \(base); training needs one")
    }
  }

  /// Writes the settings of a classifier whose head is new: mean pooling, and labels that
  /// `config.json` names or nobody has named yet. A folder without `config.json`, or a file, gets none.
  static func writeSettings(in path: String, labels count: Int) throws {
    guard WholeFile.isFolder(path), WholeFile.exists(path + "/config.json") else { return }
    let model = try ModelDirectory(path)
    let settings = ClassifierSettings(
      pooling: .mean,
      labels: model.labelNames(count: count) ?? (0..<count).map { "LABEL_\($0)" },
      maximumLength: min(128, model.configuration.maximumPositions),
      task: count == 1 ? .regression : .classification)
    try WholeFile.write(
      Array((settings.json.text(indent: 2) + "\n").utf8),
      to: path + "/" + ClassifierSettings.fileName)
  }

  /// The folder of a file, with a slash at the end.
  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "./" }
    return String(path[...slash])
  }
}
