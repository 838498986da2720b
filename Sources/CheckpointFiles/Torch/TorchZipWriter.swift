internal import OrderedCollections

/// Writes what `torch.load(weights_only=True)` reads, also with `mmap=True`.
///
/// The archive is laid out exactly as PyTorch's own, so that its loader finds the records without
/// looking. The same tensors give the same bytes, whatever the file is called.
enum TorchZipWriter {
  private static let prefix = "archive/"
  /// Where `__metadata__` of safetensors survives; PyTorch passes over it.
  static let metadataName = ".data/safetensors_metadata"

  /// The pickle of a file at `path`, and which storages it has.
  ///
  /// - Parameter leavesOut: whether values that cannot be written are left out.
  /// - Throws: `CheckpointError` when PyTorch could not read what would be written.
  private static func emitted(
    _ checkpoint: Checkpoint, path: String, leavesOut: Bool, preservesStrides: Bool
  ) throws(CheckpointError) -> (pickle: [UInt8], plan: TorchStoragePlan) {
    let structure =
      checkpoint.structures.count == 1 && checkpoint.format != .sharded
      ? checkpoint.structures[0] : nil
    let outline: TorchOutline
    do throws(CheckpointError) {
      outline = try TorchOutline(checkpoint.tensors, structure: structure, leavesOut: leavesOut)
    } catch {
      // What cannot be written is in the file that was read.
      throw error.located(path: checkpoint.path.isEmpty ? path : checkpoint.path)
    }
    do throws(CheckpointError) {
      var emitter = PickleEmitter(
        outline, structure, checkpoint.tensors,
        plan: TorchStoragePlan(
          checkpoint.tensors.elements, preservesStrides: preservesStrides))
      return (try emitter.run(), emitter.plan)
    } catch { throw error.located(path: path) }
  }

  /// Throws what ``write(_:metadata:leavesOut:preservesStrides:to:progress:)`` would throw before it reads a
  /// tensor.
  static func check(_ checkpoint: Checkpoint, path: String, leavesOut: Bool) throws(CheckpointError)
  {
    _ = try emitted(checkpoint, path: path, leavesOut: leavesOut, preservesStrides: false)
  }

  static func write(
    _ checkpoint: Checkpoint, metadata: OrderedDictionary<Key, String>, leavesOut: Bool,
    preservesStrides: Bool, to writer: FileWriter, progress: (Int) -> Void
  ) throws {
    let (pickle, plan) = try emitted(
      checkpoint, path: writer.path, leavesOut: leavesOut, preservesStrides: preservesStrides)
    var zip = ZipWriter(writer)
    try zip.add(prefix + "data.pkl", pickle)
    try zip.add(prefix + ".format_version", Array("1".utf8))
    try zip.add(prefix + ".storage_alignment", Array(String(ZipWriter.alignment).utf8))
    try zip.add(prefix + "byteorder", Array("little".utf8))
    for (number, storage) in plan.order.enumerated() {
      try zip.add(prefix + "data/\(number)", byteCount: storage.byteCount) { write in
        try storage.source.forEachChunk { piece in
          try write(piece)
          progress(piece.byteCount)
        }
      }
    }
    try zip.add(prefix + "version", Array("3\n".utf8))
    if !metadata.isEmpty {
      let json = JSONValue.object(pairs: metadata.map { ($0.key.string, .string($0.value)) })
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
