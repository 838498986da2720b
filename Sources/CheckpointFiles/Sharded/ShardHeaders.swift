internal import Dispatch
internal import Synchronization

/// Reads the headers of the files of a sharded checkpoint on all cores, each from the moment when the
/// index has named the first of its keys.
package final class ShardHeaders: Sendable {
  /// Opens the file at a path; its name in the index comes with it when it is one of several.
  package typealias Source = (String, String?) throws(CheckpointError) -> InputFile

  /// Files on disk.
  static func files(_ path: String, _ name: String?) throws(CheckpointError) -> InputFile {
    try InputFile(path: path, shardName: name)
  }

  /// What a file holds.
  enum Contents: Sendable {
    case safetensors(SafetensorsHeader, dataOffset: Int)
    case pickled(Checkpoint)
  }

  /// A file and what it holds.
  struct Shard: Sendable {
    let file: InputFile
    let contents: Contents
  }

  private struct State {
    var shards: [Shard?] = []
    /// The files under way: two names of one file would cost its header twice, and add nothing.
    var names: [SystemCall.Identity: String] = [:]
    /// The first error in the order of the index.
    var failure: (place: Int, error: CheckpointError)?
  }

  private let index: InputFile
  private let state = Mutex(State())
  private let group = DispatchGroup()

  /// For the files of an index, which are named relative to it.
  init(index: InputFile) {
    self.index = index
  }

  /// Opens the file `name` and begins to read its header. Places come in order, from 0.
  ///
  /// - Parameter keys: keys that its header probably has, in its order.
  func begin(
    _ place: Int, _ name: String, expecting keys: [Key], from source: Source
  ) throws(CheckpointError) {
    let file: InputFile
    do throws(CheckpointError) {
      file = try source(Path.sibling(name, of: index.path), name)
    } catch {
      // What a stranger's index names is not the name of a model that could be downloaded.
      throw error.kind == .notFound ? error.asMissingPart : error
    }
    let other = state.withLock { state in
      state.shards.append(nil)
      return state.names.updateValue(name, forKey: file.identity)
    }
    if let other {
      throw .oneFileTwice(other, name).located(path: index.path)
    }
    DispatchQueue.global().async(group: group) { self.read(file, place, keys) }
  }

  private func read(_ file: InputFile, _ place: Int, _ keys: [Key]) {
    if state.withLock({ $0.failure.map { $0.place < place } ?? false }) { return }
    do throws(CheckpointError) {
      let shard = Shard(file: file, contents: try ShardHeaders.contents(of: file, keys))
      state.withLock { $0.shards[place] = shard }
    } catch {
      state.withLock { state in
        if place < state.failure?.place ?? .max { state.failure = (place, error) }
      }
    }
  }

  private static func contents(
    of file: InputFile, _ keys: [Key]
  ) throws(CheckpointError) -> Contents {
    if try Checkpoint.isPickled(file) { return .pickled(try Checkpoint.open(part: file)) }
    let (header, dataOffset) = try SafetensorsHeader.read(file, expecting: keys)
    return .safetensors(header, dataOffset: dataOffset)
  }

  /// The files in the order of the index.
  ///
  /// - Throws: the `CheckpointError` of the first that is not sound.
  func finished() throws(CheckpointError) -> [Shard] {
    group.wait()
    return try state.withLock { (state) throws(CheckpointError) in
      if let failure = state.failure { throw failure.error }
      return state.shards.compactMap(\.self)
    }
  }
}
