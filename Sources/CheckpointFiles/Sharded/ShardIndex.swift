/// The index of a checkpoint in several files: `model.safetensors.index.json` or
/// `pytorch_model.bin.index.json`.
struct ShardIndex {
  /// A key, and the place of its file in ``files``.
  struct Entry {
    let key: Key
    let file: Int
  }

  /// The keys in the order of the index. Whether one stands twice, the reader finds out.
  private(set) var entries: [Entry] = []
  /// The files that hold them, relative to the index, in the order in which it names them.
  private(set) var files: [String] = []

  /// An index of 91,000 tensors takes 10 MB.
  private static let maximumByteCount = 1 << 28

  /// Reads the index in `file`.
  init(_ file: InputFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      guard file.byteCount <= ShardIndex.maximumByteCount else {
        throw CheckpointError("an index of \(file.byteCount) bytes is too large")
      }
      let bytes = try file.bytes(at: 0, count: file.byteCount)
      try parse(bytes.span)
      for name in files where !ShardIndex.isInside(name) {
        throw CheckpointError(
          "weight_map names \(quoted(name)), which is not a file below the index")
      }
    } catch {
      var error = error
      error.path = file.path
      throw error
    }
  }

  private mutating func parse(_ text: Span<UInt8>) throws(CheckpointError) {
    var scanner = JSONScanner(text, base: 0)
    var hasMap = false
    scanner.skipSpace()
    try scanner.expect(UInt8(ascii: "{"))
    if !scanner.take(UInt8(ascii: "}")) {
      repeat {
        let name = try scanner.string()
        try scanner.expect(UInt8(ascii: ":"))
        if name == "weight_map", scanner.current == UInt8(ascii: "{") {
          guard !hasMap else { throw scanner.failure("weight_map stands twice") }
          hasMap = true
          try parseMap(&scanner)
        } else {
          _ = try scanner.value()
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
    }
    guard scanner.isAtEnd else { throw scanner.failure("text after the end of the index") }
    guard hasMap else {
      throw CheckpointError(
        "is JSON without weight_map: neither a checkpoint nor the index of one")
    }
  }

  private mutating func parseMap(_ scanner: inout JSONScanner) throws(CheckpointError) {
    var places: [String: Int] = [:]
    try scanner.expect(UInt8(ascii: "{"))
    if scanner.take(UInt8(ascii: "}")) { return }
    repeat {
      let key = Key(try scanner.string())
      try scanner.expect(UInt8(ascii: ":"))
      guard scanner.current == UInt8(ascii: "\"") else {
        throw CheckpointError(key: key, "weight_map does not name a file")
      }
      let name = try scanner.string()
      // Neighbours are mostly in one file.
      if let last = entries.last, files[last.file] == name {
        entries.append(Entry(key: key, file: last.file))
        continue
      }
      let place = places[name] ?? files.count
      if place == files.count {
        places[name] = place
        files.append(name)
      }
      entries.append(Entry(key: key, file: place))
    } while try scanner.another(before: UInt8(ascii: "}"))
  }

  /// Whether `name` stays in the folder of the index.
  private static func isInside(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix("/") && !name.utf8.contains(0)
      && !name.split(separator: "/").contains("..")
  }
}
