public import OrderedCollections

/// How a checkpoint is written.
///
///     let options = WriteOptions(format: .torchZip, shardByteCount: 2_000_000_000)
///     try checkpoint.write(to: "model.bin", options: options)
public struct WriteOptions: Sendable {
  /// The format, `.safetensors` or `.torchZip`; `nil` lets the ending of the name decide: `.pt`,
  /// `.pth`, `.bin` and `.ckpt` are PyTorch's, all others safetensors.
  public var format: Checkpoint.Format?
  /// Allows to replace a file that the checkpoint is read from.
  public var inPlace = false
  /// `__metadata__` for safetensors; `nil` keeps the checkpoint's own.
  public var metadata: OrderedDictionary<Key, String>?
  /// Leaves out what Espalier cannot read: values of unknown classes, sparse and quantised tensors.
  /// Otherwise a checkpoint that holds some is refused.
  public var ignoresForeign = false
  /// Keeps the strides of views in PyTorch files. Otherwise only tied tensors keep theirs.
  public var preservesStrides = false
  /// The most bytes of tensors in one file. A larger checkpoint becomes `model-00001-of-00003.…` and an
  /// index.
  public var shardByteCount: Int?
  /// Whether a symbolic link in the place of a file is followed. Inside a folder that is filled, it is
  /// replaced instead.
  package var followsLinks = true
  /// Removes an older checkpoint of the folder once the new one is complete. Otherwise a checkpoint that would not
  /// be read because an older file comes first is refused.
  public var replacesOlder = false
  /// Called with the bytes of tensors written so far, and their total.
  public var progress: (@Sendable (_ written: Int, _ total: Int) -> Void)?

  /// Options, each of which may be left out.
  public init(
    format: Checkpoint.Format? = nil, inPlace: Bool = false,
    metadata: OrderedDictionary<Key, String>? = nil, ignoresForeign: Bool = false,
    preservesStrides: Bool = false, shardByteCount: Int? = nil, replacesOlder: Bool = false,
    progress: (@Sendable (_ written: Int, _ total: Int) -> Void)? = nil
  ) {
    self.format = format
    self.inPlace = inPlace
    self.metadata = metadata
    self.ignoresForeign = ignoresForeign
    self.preservesStrides = preservesStrides
    self.shardByteCount = shardByteCount
    self.replacesOlder = replacesOlder
    self.progress = progress
  }

  /// Whether a file called `path` is to be PyTorch's.
  func isTorch(_ path: String) throws(CheckpointError) -> Bool {
    switch format {
    case .safetensors: return false
    case .torchZip: return true
    case .torchLegacy, .sharded:
      throw .notAFileFormat.located(path: path)
    case nil: return [".pt", ".pth", ".bin", ".ckpt"].contains { path.utf8.hasSuffix($0) }
    }
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
  /// A PyTorch file keeps ties, nested containers, `_metadata` and values that are not tensors when the
  /// checkpoint comes from one; safetensors has room for tensors and strings alone.
  ///
  /// - Throws: `CheckpointError` when the format cannot hold a tensor, a tensor cannot be read, the
  ///   file cannot be written, it is one of the inputs and `options.inPlace` is not set, or its folder would be
  ///   read as an older file and `options.replacesOlder` is not set.
  public func write(
    to path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) {
    try write(to: path, options: options, beside: [], removing: [])
  }

  /// Writes the checkpoint and small files of the same folder as one change: a reader finds all of them or
  /// what was there before.
  ///
  /// - Parameters:
  ///   - files: names in the folder, and their contents.
  ///   - names: names of other files in the folder that are removed.
  ///   - older: ``olderFiles(writingTo:options:)`` of the same arguments, if it is known.
  package func write(
    to path: String, options: WriteOptions, beside files: [(name: String, bytes: [UInt8])],
    removing names: [String], older: OlderFiles? = nil
  ) throws(CheckpointError) {
    guard let older else {
      let older = try olderFiles(writingTo: path, options: options)
      return try write(to: path, options: options, beside: files, removing: names, older: older)
    }
    try older.check()
    try writeFiles(
      to: path, options, companions: try companions(of: path, files, options),
      replacing: older.removed + names.map { Path.sibling($0, of: path) })
  }

  /// Small files in the folder of `path`, complete under temporary names.
  func companions(
    of path: String, _ files: [(name: String, bytes: [UInt8])], _ options: WriteOptions
  ) throws(CheckpointError) -> [FileWriter] {
    var writers: [FileWriter] = []
    for file in files {
      let writer = try FileWriter(
        path: Path.sibling(file.name, of: path), followingLinks: options.followsLinks,
        isFirst: writers.isEmpty)
      try writer.write(file.bytes)
      try writer.finish()
      writers.append(writer)
    }
    return writers
  }

  /// Throws what ``write(to:options:)`` would throw before it reads a tensor: the format cannot hold
  /// one, or a file may not be replaced. Nothing is written.
  public func checkWriting(
    to path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) {
    try checkWriting(to: path, options: options, inNewFolder: false)
  }

  /// The same for a file whose folder may be missing until the file is written, or that takes the place of the
  /// one that the folder is read as.
  package func checkWriting(
    to path: String, options: WriteOptions, inNewFolder: Bool, isReplacing: Bool = false
  ) throws(CheckpointError) {
    if !options.ignoresForeign { try refuseForeign() }
    if !isReplacing { try olderFiles(writingTo: path, options: options).check() }
    let writer = writer(path, options, WriteProgress(total: 0, report: nil))
    if try !options.isTorch(path) {
      try SafetensorsWriter.check(tensors, path)
    } else if try writer.paths.count == 1 {
      try TorchZipWriter.check(self, path: path, leavesOut: options.ignoresForeign)
    }
    for file in try writer.paths {
      try FileWriter.check(file, refusing: writer.refused, inNewFolder: inNewFolder)
    }
  }

  /// Writes the checkpoint.
  ///
  /// - Parameters:
  ///   - companions: complete files that take their places with it.
  ///   - replaced: paths of files that go when it is in its place.
  func writeFiles(
    to path: String, _ options: WriteOptions, companions: [FileWriter] = [],
    replacing replaced: [String] = []
  ) throws(CheckpointError) {
    if !options.ignoresForeign { try refuseForeign() }
    let progress = WriteProgress(
      total: tensors.values.reduce(0) { $0 &+ $1.byteCount }, report: options.progress)
    var writer = writer(path, options, progress)
    writer.companions = companions
    writer.replaced = replaced
    try computing { try writer.write() }
    progress.finish()
  }

  func writer(
    _ path: String, _ options: WriteOptions, _ progress: WriteProgress
  ) -> ShardedWriter {
    ShardedWriter(
      checkpoint: self, path: path, options: options,
      refused: options.inPlace ? [] : inputIdentities, progress: progress)
  }

  /// Writes the whole checkpoint into one file.
  func writeContents(
    to writer: FileWriter, _ options: WriteOptions, isTorch: Bool, _ progress: WriteProgress
  ) throws {
    if isTorch {
      try TorchZipWriter.write(
        self, metadata: options.metadata ?? metadata, leavesOut: options.ignoresForeign,
        preservesStrides: options.preservesStrides, to: writer, progress: progress.advance)
    } else {
      var metadata = options.metadata ?? metadata
      // Without this word transformers refuses a file.
      if metadata.isEmpty, !structures.isEmpty { metadata["format"] = "pt" }
      try SafetensorsWriter.write(
        tensors, metadata: metadata, to: writer, progress: progress.advance)
    }
  }

  /// - Throws: ``CheckpointError`` when a PyTorch file holds what cannot be read, for a writer or a trainer
  ///   that does not leave it out.
  package func refuseForeign() throws(CheckpointError) {
    let foreign = foreignGlobals
    if !foreign.isEmpty {
      throw .foreignClasses(foreign).located(
        path: path, key: structures.lazy.compactMap(\.firstForeignKey).first)
    }
    if let entry = unsupported.first {
      throw .unreadableTensor(entry.reason).located(path: path, key: entry.key)
    }
  }

  /// The files that the tensors are read from.
  var inputIdentities: Set<SystemCall.Identity> {
    var files = Dictionary(
      inputs.map { (ObjectIdentifier($0), $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in tensors.values {
      if let file = tensor.storage.file { files[ObjectIdentifier(file)] = file }
    }
    return Set(files.values.map(\.identity))
  }
}

/// How far a write is.
final class WriteProgress {
  private let total: Int
  private var written = 0
  private let report: (@Sendable (Int, Int) -> Void)?

  init(total: Int, report: (@Sendable (Int, Int) -> Void)?) {
    self.total = total
    self.report = report
  }

  func advance(_ count: Int) {
    written += count
    report?(min(written, total), total)
  }

  /// Tied tensors are written once, so the sum may stay below the total.
  func finish() {
    if written != total { report?(total, total) }
  }
}
