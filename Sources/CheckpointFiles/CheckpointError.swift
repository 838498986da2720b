/// Why a checkpoint could not be read or written, and where.
///
/// A program switches on ``kind`` and reads the place from ``path``, ``key``, ``record`` and ``offset``. The
/// description is the sentence that a user reads, `FILE: what is wrong (where)`; its wording may change.
///
///     do { _ = try Checkpoint.open("model.safetensors") } catch {
///       if error.kind == .notFound { print("there is no \(error.path)") }
///     }
public struct CheckpointError: Error, Sendable, Hashable {
  /// What kind of thing is wrong. Cases may be added: a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// There is no such file, folder, shard or model in the cache.
    case notFound
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
  }

  /// What a caller can do about it. The command line renders each case as an option.
  public enum Advice: Sendable, Hashable {
    /// Leave out the entries that cannot be read (`WriteOptions.ignoresForeign`).
    case leaveOutForeign
    /// Allow the output to replace its input.
    case replaceInput
    /// Remove the older checkpoint of the folder together with writing the new one.
    case replaceOlder
    /// Finish the interrupted change of this folder first.
    case finishChange(folder: String)
    /// The checkpoint holds only what changed: name its base.
    case nameBase
    /// Download this model, or the rest of it.
    case download(model: String, revision: String?)
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
  /// What is wrong, in words, without the place.
  public var reason: String

  package init(
    path: String = "", key: Key? = nil, record: String? = nil, offset: Int? = nil, _ reason: String
  ) {
    self.init(.malformed, path: path, key: key, record: record, offset: offset, reason)
  }

  package init(
    _ kind: Kind, path: String = "", key: Key? = nil, record: String? = nil,
    offset: Int? = nil, advice: Advice? = nil, _ reason: String
  ) {
    self.kind = kind
    self.path = path
    self.key = key
    self.record = record
    self.offset = offset
    self.advice = advice
    self.reason = reason
  }
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

/// `text` in double quotes with control characters escaped, so that a hostile name cannot write to
/// the terminal or break the line.
package func quoted(_ text: String) -> String {
  guard text.unicodeScalars.count > 200 else { return quotedInFull(text) }
  var beginning = ""
  beginning.unicodeScalars.append(contentsOf: text.unicodeScalars.prefix(200))
  return quotedInFull(beginning).dropLast() + "…\""
}

/// The same, however long `text` is.
func quotedInFull(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    default:
      if let escape = scalar.controlEscape {
        result += escape
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
  return result + "\""
}

/// `sentence` on one line, whatever it repeats of a file or a command: control characters are escaped.
package func oneLine(_ sentence: String) -> String {
  guard sentence.unicodeScalars.contains(where: { $0.controlEscape != nil }) else {
    return sentence
  }
  var result = ""
  for scalar in sentence.unicodeScalars {
    if let escape = scalar.controlEscape {
      result += escape
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension Unicode.Scalar {
  /// Whether the scalar moves a terminal's cursor, ends a line, reverses the direction of text or cannot be
  /// seen. Printed as it is, it could make a text look like another one.
  package var isUnprintable: Bool {
    if (0x20...0x7E).contains(value) { return false }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
    default: return false
    }
  }

  /// What stands for a scalar that is not printed as it is.
  fileprivate var controlEscape: String? {
    switch self {
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    default: return isUnprintable ? "\\u{" + String(value, radix: 16) + "}" : nil
    }
  }
}
