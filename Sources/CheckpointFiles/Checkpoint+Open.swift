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
    let file = try InputFile(path: path)
    return try SafetensorsReader.open(file)
  }
}
