internal import OrderedCollections

extension Checkpoint {
  /// Writes the checkpoint in place of the one at `path`, a file, a folder or an index, and keeps its
  /// layout: a file stays a file of its format, shards stay shards of about the same size. Files of the
  /// old one that are not written again are removed.
  ///
  /// A reader finds the old checkpoint or the new one, also when the process is killed: new shards get new
  /// names, and one rename makes them the checkpoint.
  ///
  /// - Throws: `CheckpointError` as ``write(to:options:)`` does, when there is no checkpoint at `path`, and
  ///   when another process has replaced it since it was read, or is replacing it.
  public func replace(
    _ path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) {
    try replace(path, options: options, beside: [])
  }

  /// Writes the checkpoint in place of the one at `path`, and small files of the same folder with it: all of
  /// them are replaced, or none.
  ///
  /// - Parameter files: names in the folder, and their contents.
  package func replace(
    _ path: String, options: WriteOptions, beside files: [(name: String, bytes: [UInt8])]
  ) throws(CheckpointError) {
    let place = try Replacement(path, options, by: self)
    try place.lock()
    let companions = try companions(of: place.file, files, place.options)
    try writeFiles(
      to: place.file, place.options, companions: companions, replacing: place.oldFiles)
  }

  /// Throws what ``replace(_:options:)`` would throw before it reads a tensor. Nothing is written.
  public func checkReplacing(
    _ path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) {
    let place = try Replacement(path, options, by: self)
    try checkWriting(
      to: place.file, options: place.options, inNewFolder: false, isReplacing: true)
  }

  /// Does the rest of a replacement of the model in the folder at `path` that was interrupted between its
  /// files. Until then the folder is not opened.
  ///
  /// - Returns: whether there was something to do.
  @discardableResult
  public static func finishReplacing(_ path: String) throws(CheckpointError) -> Bool {
    guard FolderChange.isInterrupted(in: path) else { return false }
    try FolderChange.finishInterrupted(in: path)
    return true
  }
}

/// How a checkpoint is written in place of another.
private struct Replacement {
  /// The name of the file, or what it would be were it not shards.
  let file: String
  /// The files that make up the old one. The first decides what the others are.
  let oldFiles: [String]
  var options: WriteOptions
  private let first: InputFile?

  init(
    _ path: String, _ options: WriteOptions, by checkpoint: Checkpoint
  ) throws(CheckpointError) {
    let isFolder = SystemCall.status(at: path)?.isDirectory == true
    let first = isFolder ? try CheckpointFolder.file(in: path) : path
    let old = try Checkpoint.open(first)
    self.options = options
    self.options.inPlace = true
    self.options.followsLinks = !isFolder
    oldFiles = old.inputs.map(\.path)
    self.first = old.inputs.first
    // What is replaced by itself must be what was read.
    let places = [checkpoint.path, path].map { SystemCall.resolved($0).map { Key($0) } }
    let read = checkpoint.inputIdentities
    if let now = old.inputs.first?.identity, places[0] == places[1], !read.isEmpty,
      !read.contains(now)
    {
      throw .replacedMeanwhile.located(path: path)
    }
    guard old.format == .sharded, first.utf8.hasSuffix(".index.json") else {
      file = first
      self.options.format = old.format == .safetensors ? .safetensors : .torchZip
      return
    }
    file = first.droppingLastBytes(".index.json".utf8.count)
    if options.shardByteCount == nil {
      var sizes: [Key: Int] = [:]
      for tensor in old.tensors.values {
        sizes[Key(tensor.shardName ?? ""), default: 0] += tensor.byteCount
      }
      self.options.shardByteCount = sizes.values.max()
    }
  }

  /// Keeps other processes from replacing the same checkpoint until this one has ended.
  func lock() throws(CheckpointError) {
    guard let first else { return }
    guard first.tryLock() else {
      throw .beingReplaced.located(path: first.path)
    }
    guard SystemCall.status(at: first.path)?.identity == first.identity else {
      throw .replacedMeanwhile.located(path: first.path)
    }
  }
}
