/// The local cache of `huggingface_hub`: `models--OWNER--NAME/{refs,snapshots}`.
///
///     let folder = try HuggingFaceCache.snapshot(of: "google-bert/bert-base-uncased")
///     let model = try Checkpoint.open(folder)
///
/// Nothing is fetched.
public enum HuggingFaceCache {
  /// The path of the checkpoint that a user names: `name` itself when there is such a file or folder, otherwise the
  /// snapshot of the model of that name, otherwise `name`, so that the error of opening it names it.
  ///
  ///     _ = try Checkpoint.open(HuggingFaceCache.path(of: "google-bert/bert-base-uncased"))
  public static func path(of name: String) -> String {
    guard !WholeFile.exists(name) else { return name }
    return (try? snapshot(of: name)) ?? name
  }

  /// The folder of a model's snapshot.
  ///
  /// - Parameter name: `OWNER/NAME`, or `NAME` alone for models without an owner; then, if one other
  ///   than `main` is meant, `@` and a revision: a branch, a tag, `refs/pr/1` or the hash of a commit.
  ///   `hf://` may precede it.
  /// - Throws: `CheckpointError` when the name is not that of a model, or the cache does not have it; its advice is
  ///   the download.
  public static func snapshot(of name: String) throws(CheckpointError) -> String {
    let plain = name.utf8.hasPrefix(scheme) ? name.droppingFirstBytes(scheme.utf8.count) : name
    let halves = plain.parts(separatedBy: "@")
    let model = String(halves[0])
    // No revision has a second `@`.
    let isNamed = halves.count > 1
    let revision = isNamed ? halves.dropFirst().joined(separator: "@") : "main"
    guard isModelName(model), isRevision(revision) else {
      throw (utf8AreEqual(plain, name) ? CheckpointError.noSuchFile : .notAModelName).located(
        path: name)
    }
    let download = CheckpointError.Advice.download(
      model: model, revision: isNamed ? revision : nil)
    let folder = Path.join(
      root, folderName(of: model))
    let reference = Path.join(folder, "refs/" + revision)
    var commit = revision
    if WholeFile.exists(reference), !WholeFile.isFolder(reference) {
      commit = String(
        decoding: try WholeFile.read(reference, limit: 1 << 12).filter { $0 > 0x20 }, as: UTF8.self)
      guard isCommit(commit) else {
        throw CheckpointError.notASnapshotHash.located(path: reference).advised(download)
      }
    }
    let snapshot = Path.join(folder, "snapshots/" + commit)
    guard isCommit(commit), WholeFile.isFolder(snapshot) else {
      let error: CheckpointError =
        utf8AreEqual(commit, revision)
        ? .notInCache(root, mayBePath: utf8AreEqual(plain, name))
        : .noSnapshot(commit, of: revision, root: root)
      throw error.located(path: name).advised(download)
    }
    return snapshot
  }

  /// What names of models may begin with.
  package static let scheme = "hf://"

  /// The download of which `path` is a part; `nil` for a path outside of the snapshots of the cache.
  package static func completion(of path: String) -> CheckpointError.Advice? {
    let start = Path.join(root, prefix)
    guard path.utf8.hasPrefix(start) else { return nil }
    let parts = path.droppingFirstBytes(start.utf8.count).parts(separatedBy: "/")
      .filter { !$0.isEmpty }
    guard parts.count >= 3, parts[1].utf8.equals("snapshots"),
      !parts.contains(where: { $0.utf8.equals("..") }),
      WholeFile.isFolder("\(start)\(parts[0])/snapshots/\(parts[2])")
    else { return nil }
    return .finishDownload(model: model(ofFolder: String(parts[0])), revision: String(parts[2]))
  }

  /// Whether the cache has a folder for the model `name`, be there something in it or not.
  package static func knows(_ name: String) -> Bool {
    isModelName(name)
      && WholeFile.isFolder(
        Path.join(root, folderName(of: name)))
  }

  /// The name of the folder of the model `name`.
  private static func folderName(of name: String) -> String {
    prefix + name.parts(separatedBy: "/").joined(separator: "--")
  }

  /// Whether the file at `path` is one that snapshots of a cache link to, wherever that cache is.
  static func isBlob(_ path: String) -> Bool {
    let folder = Path.parent(of: path)
    return folder.utf8.hasSuffix("/blobs")
      && WholeFile.isFolder(Path.sibling("snapshots", of: folder))
  }

  private static let prefix = "models--"

  /// The first pair of hyphens ends the owner; names may hold further ones.
  private static func model(ofFolder name: String) -> String {
    let bytes = name.utf8
    for index in bytes.indices where bytes[index...].hasPrefix("--") {
      return name[..<index] + "/" + name[bytes.index(index, offsetBy: 2)...]
    }
    return name
  }

  /// The names of the models that the cache holds, sorted; none when there is no cache.
  public static var models: [String] {
    ((try? WholeFile.names(inFolder: root)) ?? []).filter { $0.utf8.hasPrefix(prefix) }
      .map { model(ofFolder: $0.droppingFirstBytes(prefix.utf8.count)) }.sorted(by: utf8Precedes)
  }

  /// Whether `name` may be that of a model: one or two parts of letters, digits, `-`, `_` and `.`,
  /// without `--` and `..`.
  package static func isModelName(_ name: String) -> Bool {
    let parts = name.parts(separatedBy: "/")
    return (1...2).contains(parts.count) && !name.utf8.contains("--") && !name.utf8.contains("..")
      && parts.allSatisfy(isPlainPart)
  }

  /// Parts of letters, digits, `-`, `_` and `.`, none of which leads out of the folder.
  private static func isRevision(_ revision: String) -> Bool {
    revision.parts(separatedBy: "/").allSatisfy(isPlainPart)
  }

  private static func isPlainPart(_ part: Substring) -> Bool {
    !part.isEmpty && !part.utf8.equals(".") && !part.utf8.equals("..")
      && part.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }

  private static func isCommit(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
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
    if path.utf8.equals("~") || path.utf8.hasPrefix("~/"), let home = Environment["HOME"] {
      path = home + path.droppingFirstBytes(1)
    }
    var result = ""
    var rest = path.utf8[...]
    while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
      result += Substring(rest[..<dollar])
      rest = rest[dollar...]
      let isBraced = rest.hasPrefix("${")
      let name = rest.dropFirst(isBraced ? 2 : 1).prefix {
        isLetterOrDigit($0) || $0 == UInt8(ascii: "_")
      }
      let end = rest[name.endIndex...].dropFirst(isBraced ? 1 : 0)
      let isClosed = !isBraced || rest[name.endIndex...].first == UInt8(ascii: "}")
      if !name.isEmpty, isClosed, let value = Environment[String(Substring(name))] {
        result += value
        rest = end
      } else {
        result += "$"
        rest = rest.dropFirst()
      }
    }
    return result + Substring(rest)
  }
}
