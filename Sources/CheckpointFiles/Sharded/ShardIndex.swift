internal import OrderedCollections

/// The index of a checkpoint in several files: `model.safetensors.index.json` or
/// `pytorch_model.bin.index.json`.
struct ShardIndex {
  /// The file of every key, relative to the index, in the order of the index.
  let files: OrderedDictionary<Key, String>
  /// `metadata.total_size`: the bytes of the tensors, if the index says so. It is often stale.
  let totalByteCount: Int?

  /// An index of 91,000 tensors takes 10 MB.
  private static let maximumByteCount = 1 << 28

  /// Reads the index in `file`.
  init(_ file: InputFile) throws(CheckpointError) {
    do throws(CheckpointError) {
      guard file.byteCount <= ShardIndex.maximumByteCount else {
        throw CheckpointError("an index of \(file.byteCount) bytes is too large")
      }
      let json = try JSONParser.parse(try file.bytes(at: 0, count: file.byteCount))
      guard let map = json["weight_map"]?.object else {
        throw CheckpointError(
          "is JSON without weight_map: neither a checkpoint nor the index of one")
      }
      var files: OrderedDictionary<Key, String> = [:]
      files.reserveCapacity(map.count)
      for (key, value) in map {
        guard let name = value.string else {
          throw CheckpointError(key: key, "weight_map does not name a file")
        }
        files[key] = name
      }
      for name in Set(files.values) where !ShardIndex.isInside(name) {
        throw CheckpointError(
          "weight_map names \(quoted(name)), which is not a file below the index")
      }
      self.files = files
      totalByteCount = json["metadata"]?["total_size"]?.integer
    } catch {
      var error = error
      error.path = file.path
      throw error
    }
  }

  /// Whether `name` stays in the folder of the index.
  private static func isInside(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix("/") && !name.utf8.contains(0)
      && !name.split(separator: "/").contains("..")
  }
}
