extension Checkpoint {
  /// Opens the checkpoint at `path`. Headers are read, tensors are not.
  ///
  /// The format is recognised by content, never by the name.
  ///
  ///     let base = try Checkpoint.open("model.safetensors")
  ///     print(base["linear.0.weight"]?.shape)
  ///
  /// - Throws: `CheckpointError` when the file is missing, unreadable, not a checkpoint or not sound.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    try open(InputFile(path: path))
  }

  static func open(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    let start = try file.bytes(at: 0, count: min(file.byteCount, 16))
    if start.starts(with: TorchZipReader.signature) { return try TorchZipReader.open(file) }
    return try SafetensorsReader.open(file)
  }
}
