/// A folder in the Hugging Face layout: which of its files is the checkpoint.
package enum CheckpointFolder {
  /// The names that `transformers` looks for, in its order.
  package static let names = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json",
  ]
  /// The names that transformers, PEFT and diffusers look for, each in its order.
  package static let orders = [
    names,
    ["adapter_model.safetensors", "adapter_model.bin"],
    [
      "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors",
      "diffusion_pytorch_model.bin",
    ],
  ]
  private static let endings = [
    ".safetensors.index.json", ".safetensors", ".bin.index.json", ".bin", ".pt", ".pth", ".ckpt",
  ]

  private static let deltaEnding = ".delta.safetensors"

  /// The names, `name` among them, of which a loader takes the first that a folder has; `nil` when no loader looks
  /// for `name`.
  package static func order(around name: String) -> [String]? {
    orders.first { $0.contains { name.utf8.equals($0) } }
  }

  /// Whether the folder at `path` holds a whole checkpoint under one of the usual names.
  package static func isWhole(_ path: String) -> Bool {
    names.contains { SystemCall.status(at: Path.join(path, $0))?.isRegular == true }
  }

  /// What a folder with files of the given names is read as; `nil` when it has no checkpoint, or several of
  /// which none comes first.
  static func chosen(among files: Set<Key>) -> Key? {
    if let name = names.lazy.map({ Key($0) }).first(where: files.contains) { return name }
    for ending in endings {
      let found = files.filter { name in
        name.string.utf8.hasSuffix(ending) && !name.string.utf8.hasSuffix(deltaEnding)
      }
      if !found.isEmpty { return found.count == 1 ? found.first : nil }
    }
    return nil
  }

  /// The checkpoint's file in the folder at `path`: one of the usual names, or else the only file with
  /// the ending of a checkpoint.
  static func file(in path: String) throws(CheckpointError) -> String {
    guard !FolderChange.isInterrupted(in: path) else {
      throw .interruptedChange(folder: path).located(path: path)
    }
    for name in names where SystemCall.status(at: Path.join(path, name))?.isRegular == true {
      return Path.join(path, name)
    }
    // A delta is not a checkpoint: it needs its base.
    let all = try SystemCall.entries(ofFolder: path).sorted(by: utf8Precedes)
    let sound = all.filter { SystemCall.status(at: Path.join(path, $0)) != nil }
    let entries = sound.filter { !$0.utf8.hasSuffix(deltaEnding) }
    for ending in endings {
      let found = entries.filter { $0.utf8.hasSuffix(ending) }
      if found.count == 1 { return Path.join(path, found[0]) }
      if found.count > 1 {
        throw .severalCheckpoints(found, ending: ending).located(path: path)
      }
    }
    if sound.count != entries.count {
      throw .deltaAlone.located(path: path)
    }
    if let link = all.first(where: { name in
      endings.contains(where: { name.utf8.hasSuffix($0) })
        && !sound.contains { utf8AreEqual($0, name) }
    }) {
      throw .noCheckpoint(danglingLink: link).located(path: path)
    }
    throw .noCheckpoint(lookedFor: names).located(path: path)
  }
}
