/// Audits the files of a folder and its subfolders, hidden ones too, whatever they are called.
struct FolderScan {
  private let path: String
  private static let maximumCount = 1_000_000

  init(_ path: String) { self.path = path }

  private static let endings = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".pt2", ".ptl",
    ".npy", ".npz", ".distcp",
  ]

  /// Whether the name is that of a checkpoint or another file with pickles.
  static func isCheckpointName(_ path: String) -> Bool {
    endings.contains { path.utf8.hasEnding($0) }
  }

  /// Audits everything but plain text, and calls `unreadable` for what is not examined.
  func scan(
    _ unreadable: (CheckpointError) throws(CheckpointError) -> Void,
    _ progress: (String, Int, Int) -> Void
  ) throws(CheckpointError) -> [ScanReport] {
    var reports: [ScanReport] = []
    var hasFailed = false
    try forEachFile { (path, error) throws(CheckpointError) in
      if let error {
        hasFailed = true
        return try unreadable(error)
      }
      do throws(CheckpointError) {
        let file = try InputFile(path: path)
        do throws(CheckpointError) {
          reports.append(try ScanReport.scan(file, progress))
        } catch {
          guard try !isHarmless(file) else { return try checkIndex(file) }
          throw error
        }
      } catch {
        hasFailed = true
        try unreadable(error)
      }
    }
    guard hasFailed || !reports.isEmpty else {
      throw .noCheckpoint.located(path: path)
    }
    return reports
  }

  // MARK: Files

  /// Calls `body` with each file in the order of names, or with the reason why something is not a file.
  private func forEachFile(
    _ body: (String, CheckpointError?) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var left = [path]
    var seen: Set<SystemCall.Identity> = []
    var count = 0
    while let next = left.popLast() {
      guard let status = SystemCall.status(at: next) else {
        try body(next, CheckpointError.danglingLink.located(path: next))
        continue
      }
      guard status.isDirectory else {
        let isFile = status.isRegular
        try body(
          next, isFile ? nil : CheckpointError.neitherFileNorFolder.located(path: next))
        continue
      }
      // A link may lead to a folder that this one is in.
      guard seen.insert(status.identity).inserted else { continue }
      do throws(CheckpointError) {
        let names = try SystemCall.entries(ofFolder: next)
        count += names.count
        guard count <= FolderScan.maximumCount else {
          throw .tooManyFiles(FolderScan.maximumCount).located(path: path)
        }
        left += names.sorted { Key($0) > Key($1) }.map { Path.join(next, $0) }
      } catch { try body(next, error) }
    }
  }

  /// Whether a file is plain text (code and JSON are) that does not claim to be a checkpoint.
  private func isHarmless(_ file: InputFile) throws(CheckpointError) -> Bool {
    guard !FolderScan.isCheckpointName(file.path) else { return false }
    var bytes = try file.bytes(at: 0, count: min(file.byteCount, 1 << 16))
    // A pointer is in the place of a file that was not downloaded.
    guard !bytes.starts(with: "version https://git-lfs".utf8) else { return false }
    let isControl = bytes.contains { byte in
      byte < 0x20 && ![0x09, 0x0A, 0x0C, 0x0D].contains(byte) || byte == 0x7F
    }
    guard !isControl else { return false }
    if bytes.count < file.byteCount {
      // The last character may be cut.
      while let last = bytes.last, last >= 0x80 { bytes.removeLast() }
    }
    return String(validating: bytes, as: UTF8.self) != nil
  }

  /// The shards that an index names are examined as files; a missing one is reported.
  private func checkIndex(_ file: InputFile) throws(CheckpointError) {
    guard file.path.utf8.hasEnding(".index.json") else { return }
    for name in try ShardIndex(file).files
    where SystemCall.status(at: Path.sibling(name, of: file.path)) == nil {
      throw .missingShard(name).located(path: file.path)
    }
  }
}
