/// The local cache of `huggingface_hub`: `models--OWNER--NAME/{refs,snapshots}`.
///
///     let folder = try HuggingFaceCache.snapshot(of: "google-bert/bert-base-uncased")
///     let model = try Checkpoint.open(folder)
///
/// Nothing is fetched.
public enum HuggingFaceCache {
  /// The folder of a model's snapshot.
  ///
  /// - Parameter name: `OWNER/NAME`, or `NAME` alone for models without an owner; then, if one other
  ///   than `main` is meant, `@` and a revision: a branch, a tag, `refs/pr/1` or the hash of a commit.
  ///   `hf://` may stand before it.
  /// - Throws: `CheckpointError` when the name is not a model's, or the cache has not got it; the
  ///   sentence says how to fetch it.
  public static func snapshot(of name: String) throws(CheckpointError) -> String {
    let plain = name.hasPrefix(scheme) ? String(name.dropFirst(scheme.count)) : name
    let halves = plain.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let model = String(halves[0])
    let revision = halves.count == 2 ? String(halves[1]) : "main"
    guard isModelName(model), isRevision(revision) else {
      throw CheckpointError(
        path: name,
        plain == name
          ? "no such file or folder" : "expected hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    }
    let fetch =
      "fetch it with: hf download \(model)" + (halves.count == 2 ? " --revision \(revision)" : "")
    let folder = Path.join(
      root, prefix + model.split(separator: "/").joined(separator: "--"))
    let reference = Path.join(folder, "refs/" + revision)
    var commit = revision
    if WholeFile.exists(reference), !WholeFile.isFolder(reference) {
      commit = String(
        decoding: try WholeFile.read(reference, limit: 1 << 12), as: UTF8.self
      ).filter { !$0.isWhitespace }
      guard isCommit(commit) else {
        throw CheckpointError(
          path: reference, "expected the hash of a snapshot; \(fetch)")
      }
    }
    let snapshot = Path.join(folder, "snapshots/" + commit)
    guard isCommit(commit), WholeFile.isFolder(snapshot) else {
      throw CheckpointError(
        path: name,
        (commit == revision
          ? (plain == name ? "no such file or folder, and " : "")
            + "not in the Hugging Face cache (\(root))"
          : "the Hugging Face cache (\(root)) has no files of \(revision), "
            + "which is \(commit.prefix(12))")
          + "; \(fetch)")
    }
    return snapshot
  }

  /// What names of models may begin with.
  package static let scheme = "hf://"

  /// The command that completes the download of which `path` is a part; `nil` for a path outside the
  /// cache.
  package static func completion(of path: String) -> String? {
    let start = Path.join(root, prefix)
    guard path.hasPrefix(start) else { return nil }
    let parts = path.dropFirst(start.count).split(separator: "/")
    guard parts.count >= 3, parts[1] == "snapshots" else { return nil }
    return "hf download \(model(ofFolder: parts[0])) --revision \(parts[2])"
  }

  /// Whether the cache has a folder for the model `name`, be there something in it or not.
  package static func knows(_ name: String) -> Bool {
    isModelName(name)
      && WholeFile.isFolder(
        Path.join(root, prefix + name.split(separator: "/").joined(separator: "--")))
  }

  /// Whether the file at `path` is one that snapshots of a cache link to, wherever that cache is.
  static func isBlob(_ path: String) -> Bool {
    let folder = Path.parent(of: path)
    return folder.hasSuffix("/blobs") && WholeFile.isFolder(Path.sibling("snapshots", of: folder))
  }

  private static let prefix = "models--"

  /// The first pair of hyphens ends the owner; names may hold further ones.
  private static func model(ofFolder name: Substring) -> String {
    for index in name.indices where name[index...].hasPrefix("--") {
      return name[..<index] + "/" + name[index...].dropFirst(2)
    }
    return String(name)
  }

  /// The names of the models that the cache holds, sorted; none when there is no cache.
  public static var models: [String] {
    ((try? WholeFile.names(inFolder: root)) ?? []).filter { $0.hasPrefix(prefix) }
      .map { model(ofFolder: $0.dropFirst(prefix.count)) }.sorted()
  }

  /// Whether `name` may be that of a model: one or two parts of letters, digits, `-`, `_` and `.`,
  /// without `--` and `..`.
  package static func isModelName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(parts.count) && !name.contains("--") && !name.contains("..")
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
  /// `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME` or `~/.cache/huggingface`.
  public static var root: String {
    path(in: "HF_HUB_CACHE") ?? path(in: "HUGGINGFACE_HUB_CACHE") ?? Path.join(home, "hub")
  }

  /// The folder of all that huggingface_hub keeps: `HF_HOME`, else `huggingface` in `XDG_CACHE_HOME` or
  /// `~/.cache`.
  static var home: String {
    path(in: "HF_HOME")
      ?? Path.join(
        path(in: "XDG_CACHE_HOME") ?? Path.join(Environment["HOME"] ?? ".", ".cache"),
        "huggingface")
  }

  /// The path in the environment variable `name`: a leading `~` is the home folder, `$NAME` and
  /// `${NAME}` are other variables.
  static func path(in name: String) -> String? {
    guard var path = Environment[name] else { return nil }
    if path == "~" || path.hasPrefix("~/"), let home = Environment["HOME"] {
      path = home + path.dropFirst()
    }
    var result = ""
    var rest = path[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...]
      let isBraced = rest.dropFirst().first == "{"
      let name = rest.dropFirst(isBraced ? 2 : 1).prefix {
        $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
      }
      let end = rest[name.endIndex...].dropFirst(isBraced ? 1 : 0)
      let isClosed = !isBraced || rest[name.endIndex...].first == "}"
      if !name.isEmpty, isClosed, let value = Environment[String(name)] {
        result += value
        rest = end
      } else {
        result += "$"
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }
}
