import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// A checkpoint as lines that git compares: a change of one tensor changes one line.
enum GitText {
  /// The lines; for what cannot be read, lines that change when the file does.
  static func lines(of path: String) -> [String] {
    do { return try lines(of: try Checkpoint.open(path)) } catch {
      return lines(ofUnreadable: path, (error as? CheckpointError)?.reason ?? "\(error)")
    }
  }

  private static func lines(of checkpoint: Checkpoint) throws -> [String] {
    var listing = Listing(checkpoint, ParameterTree(checkpoint), nil)
    listing.sort(by: .natural)
    try listing.readElements(of: checkpoint, statistics: false, digests: true, mode: .never)
    var lines = ["checkpoint of the format \(checkpoint.format.rawValue)"]
    for (name, text) in checkpoint.metadata {
      lines.append("metadata \(shown(name.string)) = \(shown(text))")
    }
    for (index, row) in listing.rows.enumerated() {
      let ties = row.shares.map { "  shares \(shown($0.string))" } ?? ""
      lines.append(
        "\(row.name)  \(row.tensor.dtype.name)  \(shapeText(row.dimensions))  "
          + "sha256 \(listing.digests[index] ?? "unknown")\(ties)")
    }
    for entry in checkpoint.unsupported {
      lines.append("\(shown(entry.key.string))  not readable: \(shown(entry.reason))")
    }
    for value in try checkpoint.values {
      lines.append("\(shown(value.key.string))  \(shown(value.type)) = \(shown(value.text))")
    }
    return lines
  }

  private static func lines(ofUnreadable path: String, _ reason: String) -> [String] {
    guard let bytes = try? WholeFile.read(path) else {
      return ["not a readable checkpoint: \(shown(reason))"]
    }
    let text = String(decoding: bytes.prefix(1024), as: UTF8.self)
    if text.hasPrefix("version https://git-lfs.github.com/") {
      return ["pointer of git LFS; the file itself is not here"]
        + text.split(separator: "\n").map { shown(String($0)) }
    }
    var hash = SHA256Hash()
    hash.update(bytes)
    return [
      "not a readable checkpoint: \(shown(reason))",
      "\(bytes.count) bytes, sha256 \(hash.hexadecimal())",
    ]
  }
}
