internal import OrderedCollections

/// Writes what `torch.load(weights_only=True)` reads, also with `mmap=True`.
///
/// The archive is laid out exactly as PyTorch's own, so that its loader finds the records without
/// looking. The same tensors give the same bytes, whatever the file is called.
enum TorchZipWriter {
  private static let prefix = "archive/"
  /// Where `__metadata__` of safetensors survives; PyTorch passes over it.
  static let metadataName = ".data/safetensors_metadata"

  static func write(
    _ checkpoint: Checkpoint, metadata: OrderedDictionary<String, String>, preservesStrides: Bool,
    to writer: FileWriter, progress: (Int) -> Void
  ) throws {
    let structure =
      checkpoint.structures.count == 1 && checkpoint.format != .sharded
      ? checkpoint.structures[0] : nil
    var emitter = PickleEmitter(
      try TorchOutline(checkpoint.tensors, structure: structure), structure, checkpoint.tensors,
      plan: TorchStoragePlan(
        checkpoint.tensors.elements, preservesStrides: preservesStrides))
    let pickle: [UInt8]
    do throws(CheckpointError) {
      pickle = try emitter.run()
    } catch {
      var error = error
      error.path = writer.path
      throw error
    }
    var zip = ZipWriter(writer)
    try zip.add(prefix + "data.pkl", pickle)
    try zip.add(prefix + ".format_version", Array("1".utf8))
    try zip.add(prefix + ".storage_alignment", Array(String(ZipWriter.alignment).utf8))
    try zip.add(prefix + "byteorder", Array("little".utf8))
    for (number, storage) in emitter.plan.order.enumerated() {
      try zip.add(prefix + "data/\(number)", byteCount: storage.byteCount) { write in
        try storage.source.forEachChunk { piece in
          try write(piece)
          progress(piece.byteCount)
        }
      }
    }
    try zip.add(prefix + "version", Array("3\n".utf8))
    if !metadata.isEmpty {
      let json = JSONValue.object(pairs: metadata.map { ($0.key, .string($0.value)) })
      try zip.add(prefix + metadataName, Array(json.text().utf8))
    }
    try zip.finish()
  }
}

extension TorchStoragePlan.Source {
  /// Calls `body` with the bytes, piece by piece.
  func forEachChunk(_ body: (RawSpan) throws -> Void) throws {
    switch self {
    case .tensor(let tensor): try tensor.forEachChunk(body)
    case .range(let storage, let range):
      try storage.forEachChunk(in: range, ofBytes: 1 << 18, body)
    }
  }
}
