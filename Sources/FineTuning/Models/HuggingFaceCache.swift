internal import CheckpointFiles

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The local cache of `huggingface_hub`: `models--OWNER--NAME/{refs,snapshots}`.
package enum HuggingFaceCache {
  /// The folder of a model's snapshot.
  ///
  /// - Parameter name: `OWNER/NAME`, or `NAME` alone for models without an owner; then, if one other
  ///   than `main` is meant, `@` and a revision: a branch, a tag, `refs/pr/1` or the hash of a commit.
  /// - Throws: `FineTuningError` when the name is not a model's, or the cache has not got it; the
  ///   sentence says how to fetch it.
  package static func snapshot(of name: String) throws(FineTuningError) -> String {
    let halves = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let model = String(halves[0])
    let revision = halves.count == 2 ? String(halves[1]) : "main"
    guard isModelName(model), isRevision(revision) else {
      throw FineTuningError("\(name): no such file or folder")
    }
    let command =
      "hf download \(model)" + (halves.count == 2 ? " --revision \(revision)" : "")
    let missing = FineTuningError(
      "\(name): no such file or folder, and not in the Hugging Face cache (\(root)); "
        + "fetch it with: \(command)")
    let folder = FileSystem.path(
      root, "models--" + model.split(separator: "/").joined(separator: "--"))
    let snapshots = FileSystem.path(folder, "snapshots")
    let reference = FileSystem.path(folder, "refs/" + revision)
    var commit = revision
    if FileSystem.exists(reference), !FileSystem.isFolder(reference) {
      commit = String(
        decoding: try FileReader.contents(of: reference, limit: 1 << 12), as: UTF8.self
      ).filter { !$0.isWhitespace }
      guard isCommit(commit) else {
        throw FineTuningError("\(reference): expected the hash of a snapshot")
      }
    }
    guard isCommit(commit) else { throw missing }
    let snapshot = FileSystem.path(snapshots, commit)
    guard FileSystem.isFolder(snapshot) else { throw missing }
    return snapshot
  }

  /// The names of the models that the cache holds, sorted; none when there is no cache.
  package static var models: [String] {
    let prefix = "models--"
    return FileSystem.names(inFolder: root).filter { $0.hasPrefix(prefix) }.map { name in
      // The first pair of hyphens ends the owner; names may hold further ones.
      let rest = name.dropFirst(prefix.count)
      for index in rest.indices where rest[index...].hasPrefix("--") {
        return rest[..<index] + "/" + rest[index...].dropFirst(2)
      }
      return String(rest)
    }.sorted()
  }

  /// Whether `name` may be that of a model: one or two parts of letters, digits, `-`, `_` and `.`.
  package static func isModelName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && part.allSatisfy(isPlain)
      }
  }

  /// Parts of letters, digits, `-`, `_` and `.`, none of which leads out of the folder.
  private static func isRevision(_ revision: String) -> Bool {
    revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part != "." && part != ".." && part.allSatisfy(isPlain)
    }
  }

  private static func isPlain(_ character: Character) -> Bool {
    character.isASCII
      && (character.isLetter || character.isNumber || "-_.".contains(character))
  }

  private static func isCommit(_ text: String) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isHexDigit }
  }

  /// The folder of the cache, as huggingface_hub finds it: `HF_HUB_CACHE`, else its old name
  /// `HUGGINGFACE_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` in `XDG_CACHE_HOME` or
  /// `~/.cache`. A leading `~` is the home folder.
  package static var root: String {
    let home = variable("HOME") ?? "."
    func path(_ name: String) -> String? {
      guard let path = variable(name) else { return nil }
      if path == "~" { return home }
      return path.hasPrefix("~/") ? FileSystem.path(home, String(path.dropFirst(2))) : path
    }
    if let cache = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") { return cache }
    if let home = path("HF_HOME") { return FileSystem.path(home, "hub") }
    let cache = path("XDG_CACHE_HOME") ?? FileSystem.path(home, ".cache")
    return FileSystem.path(cache, "huggingface/hub")
  }

  private static func variable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
