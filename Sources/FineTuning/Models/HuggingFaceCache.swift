#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The local cache of `huggingface_hub`: `models--OWNER--NAME/{refs,snapshots}`.
enum HuggingFaceCache {
  /// The folder of a model's snapshot that `refs/main` names.
  ///
  /// - Throws: `FineTuningError` when the name is not a model's, or the cache has not got it; the
  ///   sentence says how to fetch it.
  static func snapshot(of name: String) throws(FineTuningError) -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let looksLikeModel =
      (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
          && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
      }
    guard looksLikeModel else { throw FineTuningError("\(name): no such file or folder") }
    let missing = FineTuningError(
      "\(name): no such file or folder, and not in the Hugging Face cache (\(root)); "
        + "fetch it with: hf download \(name)")
    let model = FileSystem.path(
      root, "models--" + parts.joined(separator: "--"))
    let reference = FileSystem.path(model, "refs/main")
    guard FileSystem.exists(reference) else { throw missing }
    let revision = String(
      decoding: try FileReader.contents(of: reference, limit: 1 << 12), as: UTF8.self
    ).filter { !$0.isWhitespace }
    guard !revision.isEmpty, revision.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw FineTuningError("\(reference): expected the hash of a snapshot")
    }
    let snapshot = FileSystem.path(model, "snapshots/" + revision)
    guard FileSystem.isFolder(snapshot) else { throw missing }
    return snapshot
  }

  /// `HF_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME` or `~/.cache` with
  /// `huggingface/hub`, as huggingface_hub resolves it.
  static var root: String {
    func variable(_ name: String) -> String? {
      unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let cache = variable("HF_HUB_CACHE") { return cache }
    if let home = variable("HF_HOME") { return FileSystem.path(home, "hub") }
    let cache = variable("XDG_CACHE_HOME") ?? FileSystem.path(variable("HOME") ?? ".", ".cache")
    return FileSystem.path(cache, "huggingface/hub")
  }
}
