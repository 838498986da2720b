extension Checkpoint {
  /// Opens the checkpoint at `path`. Headers are read, tensors are not.
  ///
  /// The format is recognised by content, never by the name:
  /// 1. a folder in the Hugging Face layout: its `model.safetensors`, index of shards or
  ///    `pytorch_model.bin`, or its only file with the ending of a checkpoint;
  /// 2. a JSON file with `weight_map`: the shards that it names, as one checkpoint;
  /// 3. a zip archive: PyTorch's format since 1.6;
  /// 4. a pickle: PyTorch's format before;
  /// 5. everything else: safetensors.
  ///
  ///     let base = try Checkpoint.open("bert-base-uncased")
  ///     print(base["linear.0.weight"]?.shape as Any)
  ///
  /// - Throws: `CheckpointError` when the file is missing, unreadable, not a checkpoint or not sound.
  public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    do throws(CheckpointError) {
      let isFolder = SystemCall.status(at: path)?.isDirectory == true
      let file = try InputFile(path: isFolder ? try CheckpointFolder.file(in: path) : path)
      var checkpoint = try open(file)
      checkpoint.path = path
      return checkpoint
    } catch {
      guard error.kind == .notFound || error.kind == .missingPart, error.advice == nil else {
        throw error
      }
      throw error.advised(HuggingFaceCache.completion(of: error.path))
    }
  }

  /// Opens the checkpoint at `path`, whose files come from `source`: called with a path, and with the
  /// name in the index for each file of several.
  package static func open(
    _ path: String, from source: ShardHeaders.Source
  ) throws(CheckpointError) -> Checkpoint {
    try open(try source(path, nil), source)
  }

  /// The names of the files that the index in `file` names, in its order; none when it is not an index.
  package static func shardNames(in file: InputFile) throws(CheckpointError) -> [String] {
    try isIndex(file) ? try ShardIndex(file).files : []
  }

  private static func open(
    _ file: InputFile, _ source: ShardHeaders.Source = ShardHeaders.files
  ) throws(CheckpointError) -> Checkpoint {
    try isIndex(file) ? try ShardedReader.open(file, source) : try open(part: file)
  }

  /// Whether `file` is text that begins with `{`: an index, perhaps.
  static func isIndex(_ file: InputFile) throws(CheckpointError) -> Bool {
    // As the length of a safetensors header, text would be far too large a number.
    let start = try start(of: file)
    let text = start.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    return text.first == UInt8(ascii: "{") && !isHeaderLength(start)
  }

  /// Whether `file` is a zip archive or a pickle: PyTorch's.
  static func isPickled(_ file: InputFile) throws(CheckpointError) -> Bool {
    let start = try start(of: file)
    return start.starts(with: TorchZipReader.signature)
      || start.first == 0x80 && !isHeaderLength(start)
  }

  /// Opens one file, which is not an index.
  static func open(part file: InputFile) throws(CheckpointError) -> Checkpoint {
    let start = try start(of: file)
    if start.starts(with: TorchZipReader.signature) { return try TorchZipReader.open(file) }
    // Pickles of protocol 2 and later begin so.
    if start.first == 0x80, !isHeaderLength(start) { return try TorchLegacyReader.open(file) }
    if let error = ForeignFormat.error(for: start) { throw error.located(path: file.path) }
    if start.count > 8, !isHeaderLength(start), start[8] != UInt8(ascii: "{") {
      let beginning = String(decoding: start.prefix(16), as: UTF8.self)
      throw .unknownBeginning(beginning).located(path: file.path)
    }
    return try SafetensorsReader.open(file)
  }

  /// Whether a safetensors header may have the length in the first eight bytes. Text and
  /// pickles give far too large a number there.
  static func isHeaderLength(_ start: [UInt8]) -> Bool {
    guard start.count >= 8 else { return false }
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length <= UInt64(SafetensorsHeader.maximumByteCount)
  }

  private static func start(of file: InputFile) throws(CheckpointError) -> [UInt8] {
    try file.bytes(at: 0, count: min(file.byteCount, 512))
  }
}

/// Files that are mistaken for checkpoints, or that are those of other programs.
private enum ForeignFormat {
  private static let signatures: [(offset: Int, bytes: [UInt8], error: CheckpointError)] = [
    (0, Array("version https://git-lfs".utf8), .isPointer),
    (0, Array("GGUF".utf8), .otherFormat("a GGUF file")),
    (
      0, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A],
      .otherFormat("an HDF5 file (Keras, TensorFlow)")
    ),
    (257, Array("ustar".utf8), .isTar),
    (0, [0x1F, 0x8B], .isCompressed),
    (0, Array("<!DOCTYPE".utf8), .isPage),
    (0, Array("<html".utf8), .isPage),
    (0, Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }), .isArray),
  ]

  static func error(for start: [UInt8]) -> CheckpointError? {
    signatures.first { signature in
      start.count >= signature.offset + signature.bytes.count
        && start[signature.offset...].starts(with: signature.bytes)
    }?.error
  }
}
