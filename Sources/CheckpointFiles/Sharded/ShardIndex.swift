/// The index of a checkpoint in several files: `model.safetensors.index.json` or
/// `pytorch_model.bin.index.json`.
struct ShardIndex {
  /// Called with the place and name of a file, and the consecutive keys where the
  /// index names it first.
  typealias Announcement = (Int, String, [Key]) throws(CheckpointError) -> Void

  /// A key, and the place of its file in ``files``.
  struct Entry {
    let key: Key
    let file: Int
  }

  /// The keys in the order of the index. The reader finds out whether one occurs twice.
  private(set) var entries: [Entry] = []
  /// The files that hold them, relative to the index, in the order in which it names them.
  private(set) var files: [String] = []
  /// `total_size` of its metadata: the bytes of all tensors.
  private(set) var totalSize: Double?

  /// An index of 91,000 tensors takes 10 MB.
  private static let maximumByteCount = 1 << 27
  private static let maximumTensorCount = SafetensorsHeader.maximumTensorCount

  /// Reads the index in `file`.
  ///
  /// - Parameter found: called for each of ``files``, in their order, as soon as the next is named.
  /// - Throws: `CheckpointError` when it is not an index, and what `found` throws.
  init(
    _ file: InputFile, found: Announcement = { _, _, _ in }
  ) throws(CheckpointError) {
    do throws(CheckpointError) {
      guard file.byteCount <= ShardIndex.maximumByteCount else {
        throw .indexTooLarge(byteCount: file.byteCount)
      }
      let bytes = try file.bytes(at: 0, count: file.byteCount)
      try parse(bytes.span, found)
    } catch { throw error.located(path: file.path) }
  }

  private mutating func parse(
    _ text: Span<UInt8>, _ found: Announcement
  ) throws(CheckpointError) {
    var scanner = JSONParser(text, base: 0)
    var hasMap = false
    scanner.skipSpace()
    try scanner.expect(UInt8(ascii: "{"))
    if !scanner.take(UInt8(ascii: "}")) {
      repeat {
        let name = try scanner.string()
        try scanner.expect(UInt8(ascii: ":"))
        if name.utf8.equals("weight_map"), scanner.current == UInt8(ascii: "{") {
          guard !hasMap else { throw scanner.failure(.duplicateMember("weight_map")) }
          hasMap = true
          try parseMap(&scanner, found)
        } else if name.utf8.equals("metadata"), scanner.take(UInt8(ascii: "{")) {
          try parseMetadata(&scanner)
        } else {
          try scanner.skipValue()
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
    }
    guard scanner.isAtEnd else { throw scanner.failure(.textAfterEnd(of: "index")) }
    guard hasMap else {
      throw .noWeightMap
    }
  }

  /// Takes the members of the metadata.
  private mutating func parseMetadata(_ scanner: inout JSONParser) throws(CheckpointError) {
    if scanner.take(UInt8(ascii: "}")) { return }
    repeat {
      let name = try scanner.string()
      try scanner.expect(UInt8(ascii: ":"))
      let isContainer =
        scanner.current == UInt8(ascii: "{") || scanner.current == UInt8(ascii: "[")
      if name.utf8.equals("total_size"), !isContainer {
        totalSize = try scanner.value().double
      } else {
        try scanner.skipValue()
      }
    } while try scanner.another(before: UInt8(ascii: "}"))
  }

  private mutating func parseMap(
    _ scanner: inout JSONParser, _ found: Announcement
  ) throws(CheckpointError) {
    var places: [Key: Int] = [:]
    // The place of the file that was named last: neighbours are mostly in one.
    var last: Int?
    // The file that was named last for the first time, until another is named.
    var new: (file: Int, entry: Int)?
    // The shortest honest entries, and room for many.
    entries.reserveCapacity(min(scanner.bytes.count / 60, 1 << 17))
    try scanner.expect(UInt8(ascii: "{"))
    if scanner.take(UInt8(ascii: "}")) { return }
    repeat {
      let key = Key(try scanner.string())
      try scanner.expect(UInt8(ascii: ":"))
      guard entries.count < ShardIndex.maximumTensorCount else {
        throw scanner.failure(.indexTooLarge(tensorLimit: ShardIndex.maximumTensorCount))
      }
      guard scanner.current == UInt8(ascii: "\"") else {
        throw .mapsToNoFile.located(key: key)
      }
      let (range, isEscaped) = try scanner.quotedRange()
      if !isEscaped, let last, scanner.matches(range, files[last]) {
        entries.append(Entry(key: key, file: last))
        continue
      }
      let name = try scanner.string(in: range, isEscaped: isEscaped)
      let place = places[Key(name)] ?? files.count
      if place != last { try announce(&new, found) }
      if place == files.count {
        guard ShardIndex.isInside(name) else {
          throw .shardOutsideFolder(name)
        }
        places[Key(name)] = place
        files.append(name)
        new = (place, entries.count)
      }
      entries.append(Entry(key: key, file: place))
      last = place
    } while try scanner.another(before: UInt8(ascii: "}"))
    try announce(&new, found)
  }

  /// Calls `found` for a file of which the index has named the first keys.
  private func announce(
    _ new: inout (file: Int, entry: Int)?, _ found: Announcement
  ) throws(CheckpointError) {
    guard let (file, entry) = new else { return }
    new = nil
    try found(file, files[file], entries[entry...].map(\.key))
  }

  /// Whether `name` stays in the folder of the index.
  private static func isInside(_ name: String) -> Bool {
    !name.isEmpty && !name.utf8.hasPrefix("/") && !name.utf8.contains(0)
      && !name.parts(separatedBy: "/").contains { $0.utf8.equals("..") }
  }
}
