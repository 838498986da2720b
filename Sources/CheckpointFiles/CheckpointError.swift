/// Why a checkpoint could not be read or written, and where.
///
/// A program switches on ``kind`` and reads the place from ``path``, ``key``, ``record`` and ``offset``. The
/// description is the sentence that a user reads, `FILE: what is wrong (where)`; its wording may change.
///
///     do { _ = try Checkpoint.open("model.safetensors") } catch {
///       if error.kind == .notFound { print("there is no \(error.path)") }
///     }
public struct CheckpointError: Error, Sendable {
  /// What kind of thing is wrong. Cases may be added: a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// There is no such file, folder or model in the cache.
    case notFound
    /// A file that another file names, such as a shard of an index, does not exist.
    case missingPart
    /// The operating system refused to read.
    case cannotRead
    /// The operating system refused to write.
    case cannotWrite
    /// The file is none of the formats that can be read.
    case unknownFormat
    /// The bytes break the rules of their format: truncated, overlapping, contradictory.
    case malformed
    /// A stored checksum does not fit the bytes.
    case checksumMismatch
    /// The file follows its format, but uses a part of it that is not read or cannot be written.
    case unsupported
    /// A pickle needs a class or function that is never called here.
    case foreignCode
    /// Something is larger than what is read: a header, an index, a depth.
    case tooLarge
    /// A file names a file outside its folder.
    case outsideFolder
    /// Another process holds the file or folder.
    case inUse
    /// The file was replaced or changed after it was opened.
    case changed
    /// A change of several files was interrupted and must be finished first.
    case unfinishedChange
    /// The output would replace something that the caller did not name.
    case wouldReplace
    /// The tensors do not fit what is asked of them: dtype, shape, order, sharing.
    case tensorMismatch
    /// An argument cannot be used, whatever the file holds.
    case invalidArgument
    /// Elements that are computed when they are used could not be computed: see ``CheckpointError/underlying``.
    case notComputed
    /// A server did not answer, or answered with something else.
    case network
  }

  /// What a caller can do about it. The command line renders each case as an option.
  public enum Advice: Sendable, Hashable {
    /// Leave out the entries that cannot be read (`WriteOptions.ignoresForeign`).
    case leaveOutForeign
    /// Allow the output to replace its input.
    case replaceInput
    /// Write to another place.
    case writeElsewhere
    /// Remove the older checkpoint of the folder together with writing the new one.
    case replaceOlder
    /// Finish the interrupted change of this folder first.
    case finishChange(folder: String)
    /// The checkpoint holds only what changed: name its base.
    case nameBase
    /// Download this model, at this revision if it is not the usual one.
    case download(model: String, revision: String?)
    /// Download the rest of this model.
    case finishDownload(model: String, revision: String?)
  }

  /// What kind of thing is wrong.
  public var kind: Kind
  /// The file, as the caller spelled it.
  public var path: String
  /// The tensor concerned, if it is about one.
  public var key: Key?
  /// The record of a zip archive concerned, such as `archive/data/0`.
  public var record: String?
  /// The byte offset in the file (or record), if known.
  public var offset: Int?
  /// What a caller can do, if anything.
  public var advice: Advice?
  /// The error that led to this one, if there is one: of another file, or of the code that computes elements.
  public var underlying: (any Error)?
  /// What is wrong, in words, without the place and the advice.
  public let reason: String

  /// An error. The sentences of this module are in `Errors/`.
  package init(
    _ kind: Kind, path: String = "", key: Key? = nil, record: String? = nil,
    offset: Int? = nil, advice: Advice? = nil, underlying: (any Error)? = nil, _ reason: String
  ) {
    self.kind = kind
    self.path = path
    self.key = key
    self.record = record
    self.offset = offset
    self.advice = advice
    self.underlying = underlying
    self.reason = reason
  }
}

// MARK: - Places

extension CheckpointError {
  /// The error with a place, where it has none of that sort: what is known nearer to the cause stays.
  package func located(
    path: String? = nil, key: Key? = nil, record: String? = nil, offset: Int? = nil
  ) -> CheckpointError {
    var error = self
    if error.path.isEmpty, let path { error.path = path }
    error.key = error.key ?? key
    error.record = error.record ?? record
    error.offset = error.offset ?? offset
    return error
  }

  /// The error as one of another file.
  func relocated(path: String) -> CheckpointError {
    var error = self
    error.path = path
    return error
  }

  /// The error with something that a caller can do.
  func advised(_ advice: Advice?) -> CheckpointError {
    var error = self
    error.advice = advice
    return error
  }
}

/// Runs `body` and adds a place to the error that it throws.
package func locating<R>(
  path: String? = nil, key: Key? = nil, record: String? = nil,
  _ body: () throws(CheckpointError) -> R
) throws(CheckpointError) -> R {
  do throws(CheckpointError) {
    return try body()
  } catch {
    throw error.located(path: path, key: key, record: record)
  }
}

/// Runs `body`, and makes an error that is not of this module the cause of one.
func computing<R>(_ body: () throws -> R) throws(CheckpointError) -> R {
  do { return try body() } catch { throw .notComputed(error) }
}

extension CheckpointError: CustomStringConvertible {
  /// `FILE: what is wrong (where)`, on one line.
  public var description: String {
    var text = path.isEmpty ? reason : "\(path): \(reason)"
    var places: [String] = []
    if let key { places.append("key \(quoted(key.string))") }
    if let record { places.append("record \(quoted(record))") }
    if let offset { places.append("byte \(offset)") }
    if !places.isEmpty { text += " (\(places.joined(separator: ", ")))" }
    return oneLine(text)
  }
}

extension CheckpointError: Hashable {
  /// Whether kind, place, advice and sentence are the same. Causes are compared by their sentences.
  public static func == (a: CheckpointError, b: CheckpointError) -> Bool {
    a.kind == b.kind && a.key == b.key && a.offset == b.offset && a.advice == b.advice
      && a.texts == b.texts
  }

  /// Feeds kind, place and sentence.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(texts)
  }

  /// The texts, which may come from a file, as names that are compared by their bytes.
  private var texts: [Key?] {
    [
      Key(path), record.map { Key($0) }, Key(reason), underlying.map { Key("\($0)") },
    ]
  }
}
