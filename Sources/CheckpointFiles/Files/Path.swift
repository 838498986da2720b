/// Paths as text; nothing is looked up.
package enum Path {
  /// `name` inside `folder`.
  package static func join(_ folder: String, _ name: String) -> String {
    folder.utf8.last == slash ? folder + name : folder + "/" + name
  }

  /// `name` in the folder that holds `path`: relative when `path` is.
  package static func sibling(_ name: String, of path: String) -> String {
    path.utf8.lastIndex(of: slash).map { path[...$0] + name } ?? name
  }

  /// The folder that holds `path`; as in POSIX `dirname`, slashes at the end do not count, and a bare name
  /// is in `.`.
  package static func parent(of path: String) -> String {
    let path = trimmed(path[...])
    guard let end = path.utf8.lastIndex(of: slash) else { return "." }
    return String(trimmed(path[...end]))
  }

  /// The last part of `path`, without slashes at its end.
  package static func name(of path: String) -> String {
    let path = trimmed(path[...])
    return path.utf8.lastIndex(of: slash).map { String(path[path.utf8.index(after: $0)...]) }
      ?? String(path)
  }

  private static let slash = UInt8(ascii: "/")

  /// Without slashes at the end, but for the root.
  static func trimmed(_ path: Substring) -> Substring {
    var path = path
    while path.utf8.count > 1, path.utf8.last == slash {
      path = path[..<path.utf8.index(before: path.endIndex)]
    }
    return path
  }
}
