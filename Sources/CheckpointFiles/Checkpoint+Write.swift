public import OrderedCollections

/// How a checkpoint is written.
public struct WriteOptions: Sendable {
  /// The format; `nil` lets the extension decide: `.safetensors`, or `.pt`, `.pth`, `.bin`, `.ckpt`
  /// for PyTorch.
  public var format: Checkpoint.Format?
  /// Allows to replace a file that the checkpoint is read from.
  public var inPlace = false
  /// `__metadata__` for safetensors; `nil` keeps the checkpoint's own.
  public var metadata: OrderedDictionary<String, String>?
  /// Called with the bytes of tensors written so far, and their total.
  public var progress: (@Sendable (_ written: Int, _ total: Int) -> Void)?

  /// Options, each of which may be left out.
  public init(
    format: Checkpoint.Format? = nil, inPlace: Bool = false,
    metadata: OrderedDictionary<String, String>? = nil,
    progress: (@Sendable (_ written: Int, _ total: Int) -> Void)? = nil
  ) {
    self.format = format
    self.inPlace = inPlace
    self.metadata = metadata
    self.progress = progress
  }
}

extension Checkpoint {
  /// Writes the checkpoint to a file, which appears complete or not at all.
  ///
  /// Tensors are copied as a stream, so the checkpoint may be larger than memory. The same
  /// checkpoint gives the same bytes.
  ///
  ///     try checkpoint.write(to: "trimmed.safetensors")
  ///
  /// - Throws: `CheckpointError` when the format cannot hold a tensor, a tensor cannot be read, the
  ///   file cannot be written, or it is one of the inputs and `options.inPlace` is not set.
  public func write(to path: String, options: WriteOptions = WriteOptions()) throws {
    let writer = try FileWriter(
      path: path, refusing: options.inPlace ? [] : inputIdentities)
    let total = tensors.values.reduce(0) { $0 &+ $1.byteCount }
    var written = 0
    try SafetensorsWriter.write(
      tensors, metadata: options.metadata ?? metadata, to: writer
    ) { count in
      written += count
      options.progress?(written, total)
    }
    try writer.commit()
  }

  /// The files that the tensors are read from.
  private var inputIdentities: Set<SystemCall.Identity> {
    var files = Dictionary(
      inputs.map { (ObjectIdentifier($0), $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in tensors.values {
      if let file = tensor.storage.file { files[ObjectIdentifier(file)] = file }
    }
    return Set(files.values.map(\.identity))
  }
}
