/// What a folder holds of an older checkpoint when a new one is written into it.
///
/// A folder is read as one file, by a fixed order of names: `model.safetensors` before an index of shards, that
/// before `pytorch_model.bin`. PEFT and diffusers have orders of their own. A new file that comes later in this order
/// is complete, and no loader reads it.
///
///     let older = try checkpoint.olderFiles(writingTo: "model/pytorch_model.bin")
///     if let winner = older.winner { print("\(winner) would be read instead") }
public struct OlderFiles: Sendable {
  /// The older file that would be read in place of what is written, as a path; `nil` when there is none.
  public private(set) var winner: String?
  /// Whether that is one of the files that the new checkpoint is made from.
  public private(set) var winnerIsInput = false
  /// Older files that stay in the folder and are not read by loaders that follow the order.
  public private(set) var others: [String] = []
  /// What is removed once the new checkpoint is complete: the files above that may be removed, and the shards of their indices.
  public private(set) var removed: [String] = []
  /// What must not be done at all.
  private var refusal: CheckpointError?

  /// The file by which `transformers` knows an adapter.
  private static let adapter: Key = "adapter_config.json"
  private static let delta: Key = "model.delta.safetensors"

  /// What the folder of `path` holds in addition to the files `written`, which are several when they are shards.
  init(
    beside path: String, _ written: [String], _ options: WriteOptions,
    inputs: Set<SystemCall.Identity>
  ) {
    let folder = Path.parent(of: path)
    guard let all = try? SystemCall.entries(ofFolder: folder) else { return }
    let entries = Set(all.map { Key($0) })
    func place(_ name: Key) -> String { Path.sibling(name.string, of: path) }
    func isInput(_ name: Key) -> Bool {
      SystemCall.status(at: place(name)).map { inputs.contains($0.identity) } ?? false
    }
    let new = Set(written.map { Key(Path.name(of: $0)) })
    let requested = Key(Path.name(of: path))
    let index = Key(requested.string + ".index.json")
    let main = written.count > 1 ? index : requested
    let order = CheckpointFolder.order(around: main.string)?.map { Key($0) }
    let isUsual = CheckpointFolder.names.contains { main.string.utf8.equals($0) }
    let old = entries.subtracting(new).filter {
      SystemCall.status(at: place($0))?.isRegular == true
    }
    if isUsual, old.contains(OlderFiles.adapter) {
      refusal = CheckpointError.besideAdapter(OlderFiles.adapter.string).located(path: path)
    }
    let chosen =
      order?.first { old.contains($0) || new.contains($0) }
      ?? CheckpointFolder.chosen(among: old.union(new))
    var first: Key?
    if let chosen, old.contains(chosen), order != nil || chosen == requested || chosen == index {
      first = chosen
    } else if old.contains(requested) {
      first = requested
    }
    let rest = ((order ?? [requested, index]) + (isUsual ? [OlderFiles.delta] : []))
      .filter { old.contains($0) && $0 != first }
    winner = first.map(place)
    winnerIsInput = first.map(isInput) ?? false
    others = rest.filter { !isInput($0) }.map(place)
    // In place, the file that was asked for is removed although it is read.
    let going = (first.map { [$0] } ?? []) + rest
    let isAsked = { (name: Key) in options.inPlace && (name == requested || name == index) }
    let names = going.filter { name in
      isInput(name) ? isAsked(name) : options.replacesOlder
    }
    let dropsIndex =
      entries.contains(main) && (options.replacesOlder || options.inPlace && isInput(main))
    let shards = (names + (dropsIndex ? [main] : []))
      .flatMap { OlderFiles.shards(of: place($0)).map { Key($0) } }
    var seen: Set<Key> = []
    removed = (names + shards)
      .filter { old.contains($0) && ($0 == requested || !isInput($0) || options.inPlace) }
      .filter { seen.insert($0).inserted }.map(place)
    guard refusal == nil, let winner, !winnerIsInput else { return }
    if removed.contains(where: { utf8AreEqual($0, winner) }) {
      guard let file = SystemCall.resolved(winner), !utf8AreEqual(file, winner),
        HuggingFaceCache.isBlob(file)
      else { return }
    }
    refusal = CheckpointError.hiddenBy(Path.name(of: winner)).located(path: path)
  }

  /// What is in the folder of the checkpoint at `path`, a file or a folder, that is replaced in its place.
  package init(besideReplaced path: String) {
    let isFolder = SystemCall.status(at: path)?.isDirectory == true
    func place(_ name: String) -> String {
      isFolder ? Path.join(path, name) : Path.sibling(name, of: path)
    }
    let usual = CheckpointFolder.names.filter {
      SystemCall.status(at: place($0))?.isRegular == true
    }
    let name = isFolder ? usual.first : usual.first { Path.name(of: path).utf8.equals($0) }
    guard let name, let first = usual.first else { return }
    if first != name { winner = place(first) }
    others = usual.filter { $0 != name && $0 != first }.map(place)
  }

  /// The files that the index at `path` names in its own folder; none when it is not an index.
  private static func shards(of path: String) -> [String] {
    guard path.utf8.hasSuffix(".index.json"), let file = try? InputFile(path: path),
      let index = try? ShardIndex(file)
    else { return [] }
    return index.files.filter { !$0.utf8.contains(UInt8(ascii: "/")) }
  }

  /// - Throws: `CheckpointError` when an older file would be read in place of the new one.
  func check() throws(CheckpointError) {
    if let refusal { throw refusal }
  }
}

extension Checkpoint {
  /// What the folder of `path` holds of an older checkpoint, were this one written there.
  ///
  /// - Throws: `CheckpointError` when the shards are too many.
  public func olderFiles(
    writingTo path: String, options: WriteOptions = WriteOptions()
  ) throws(CheckpointError) -> OlderFiles {
    OlderFiles(
      beside: path, try writer(path, options, WriteProgress(total: 0, report: nil)).paths, options,
      inputs: inputIdentities)
  }
}
