internal import OrderedCollections

extension Checkpoint {
  /// Writes the checkpoint in place of the one at `path`, a file, a folder or an index, and keeps its
  /// layout: a file stays a file of its format, shards stay shards of about the same size. Files of the
  /// old one that are not written again are removed.
  ///
  /// All files are complete before the first takes its place, and the index comes last.
  ///
  /// - Throws: `CheckpointError` as ``write(to:options:)`` does, and when there is no checkpoint at `path`.
  public func replace(_ path: String, options: WriteOptions = WriteOptions()) throws {
    let place = try Replacement(path, options)
    let written = Set(try writeFiles(to: place.file, place.options))
    for file in place.oldFiles where !written.contains(file) { SystemCall.remove(file) }
  }

  /// Throws what ``replace(_:options:)`` would throw before it reads a tensor. Nothing is written.
  public func checkReplacing(
    _ path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) {
    let place = try Replacement(path, options)
    try checkWriting(to: place.file, options: place.options)
  }
}

/// How a checkpoint is written in place of another.
private struct Replacement {
  /// The name of the file, or what it would be were it not shards.
  let file: String
  /// The files that make up the old one.
  let oldFiles: [String]
  var options: WriteOptions

  init(_ path: String, _ options: WriteOptions) throws(CheckpointError) {
    let isFolder = SystemCall.status(at: path)?.isDirectory == true
    let first = isFolder ? try CheckpointFolder.file(in: path) : path
    let old = try Checkpoint.open(first)
    self.options = options
    self.options.inPlace = true
    oldFiles = old.inputs.map(\.path)
    guard old.format == .sharded, first.hasSuffix(".index.json") else {
      file = first
      self.options.format = old.format == .safetensors ? .safetensors : .torchZip
      return
    }
    file = String(first.dropLast(".index.json".count))
    if options.shardByteCount == nil {
      var sizes: [String: Int] = [:]
      for tensor in old.tensors.values {
        sizes[tensor.shardName ?? "", default: 0] += tensor.byteCount
      }
      self.options.shardByteCount = sizes.values.max()
    }
  }
}
