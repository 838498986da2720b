internal import CheckpointFiles
internal import Synchronization

/// Byte-pair encoding over bytes: a word's neighbours are merged, the pair that was learned first
/// before the others, until no merge is left.
struct BytePairModel: Sendable {
  let vocabulary: Vocabulary
  /// Rank and resulting id of a pair of ids, both in one number.
  private var merges: [UInt64: UInt64] = [:]
  /// The token of each byte.
  private var byteIDs: [Int32?] = []
  private var unknownID: Int32?
  private let fusesUnknown: Bool
  private let ignoresMerges: Bool
  private let cache = Cache()

  /// The model in a `tokenizer.json`.
  ///
  /// - Throws: `FineTuningError` that names what is damaged or not implemented.
  init(_ model: JSONValue, path: String) throws(FineTuningError) {
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
      guard model[name]?.string?.isEmpty ?? true else {
        throw .modelOption(name, path: path)
      }
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw .modelOption("dropout", path: path)
    }
    guard model["byte_fallback"]?.bool != true else {
      throw .byteFallback(path: path)
    }
    fusesUnknown = model["fuse_unk"]?.bool ?? false
    ignoresMerges = model["ignore_merges"]?.bool ?? false
    vocabulary = try Vocabulary(model["vocab"] ?? .null, path: path)
    if let token = model["unk_token"]?.string {
      guard let id = vocabulary.id(of: token) else {
        throw .unknownTokenMissing(token, path: path)
      }
      unknownID = id
    }
    byteIDs = ByteLevelSplitter.alphabet.map { [vocabulary] in vocabulary.id(of: $0) }
    guard let list = model["merges"]?.array else {
      throw .mergesAreNotList(path: path)
    }
    merges.reserveCapacity(list.count)
    for (rank, entry) in list.enumerated() {
      let parts =
        entry.array?.compactMap(\.string)
        ?? entry.string?.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        ?? []
      guard parts.count == 2, let left = vocabulary.id(of: parts[0]),
        let right = vocabulary.id(of: parts[1]), let whole = vocabulary.id(of: parts[0] + parts[1])
      else {
        throw .merge(rank + 1, entry.string ?? parts.joined(separator: " "), path: path)
      }
      merges[BytePairModel.pair(left, right)] = UInt64(rank) << 32 | UInt64(whole)
    }
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Appends the ids of a word.
  func append(_ word: ArraySlice<UInt8>, to ids: inout [Int32]) {
    guard word.count <= Cache.longestWord else { return ids.append(contentsOf: merged(word)) }
    let key = Array(word)
    if let known = cache[key] { return ids.append(contentsOf: known) }
    let made = merged(word)
    cache[key] = made
    ids.append(contentsOf: made)
  }

  /// A symbol of a word while it is merged: its id, and its neighbours' places.
  private struct Symbol {
    var id: Int32
    var previous: Int
    var next: Int
    var isGone = false
  }

  private func merged(_ word: ArraySlice<UInt8>) -> [Int32] {
    if ignoresMerges {
      let text = word.reduce(into: "") { $0 += ByteLevelSplitter.alphabet[Int($1)] }
      if let id = vocabulary.id(of: text) { return [id] }
    }
    var symbols: [Symbol] = []
    var endsUnknown = false
    for byte in word {
      let known = byteIDs[Int(byte)]
      guard let id = known ?? unknownID else { continue }
      if known == nil, endsUnknown, fusesUnknown { continue }
      endsUnknown = known == nil
      symbols.append(Symbol(id: id, previous: symbols.count - 1, next: symbols.count + 1))
    }
    let count = symbols.count
    var queue = MergeQueue()
    func offer(_ left: Int, _ right: Int) {
      guard left >= 0, right < count,
        let merge = merges[BytePairModel.pair(symbols[left].id, symbols[right].id)]
      else { return }
      queue.push(
        MergeQueue.Entry(
          order: merge & 0xFFFF_FFFF_0000_0000 | UInt64(left),
          id: Int32(truncatingIfNeeded: merge)))
    }
    for index in 0..<max(0, count - 1) { offer(index, index + 1) }
    while let entry = queue.pop() {
      let left = Int(entry.order & 0xFFFF_FFFF)
      let right = symbols[left].next
      // The neighbours may be others by now, or none.
      guard !symbols[left].isGone, right < count,
        let merge = merges[BytePairModel.pair(symbols[left].id, symbols[right].id)],
        Int32(truncatingIfNeeded: merge) == entry.id
      else { continue }
      symbols[left].id = entry.id
      symbols[left].next = symbols[right].next
      symbols[right].isGone = true
      if symbols[right].next < count { symbols[symbols[right].next].previous = left }
      offer(symbols[left].previous, left)
      offer(left, symbols[left].next)
    }
    return symbols.filter { !$0.isGone }.map(\.id)
  }

  /// The ids of words seen before; words are few and come again.
  private final class Cache: Sendable {
    static let longestWord = 48
    private static let limit = 1 << 15
    private let words = Mutex<[[UInt8]: [Int32]]>([:])

    subscript(word: [UInt8]) -> [Int32]? {
      get { words.withLock { $0[word] } }
      set {
        words.withLock { if $0.count < Cache.limit { $0[word] = newValue } }
      }
    }
  }
}

/// Merges to be made, the lowest rank first and of one rank the leftmost: a binary heap.
private struct MergeQueue {
  struct Entry {
    /// Rank, then place.
    let order: UInt64
    /// What the pair becomes.
    let id: Int32
  }

  private var heap: [Entry] = []

  mutating func push(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2].order > heap[child].order {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Entry? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return top }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].order < heap[least].order { least = child }
      if least == parent { return top }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
