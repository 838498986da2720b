/// Opens what `torch.save` wrote before PyTorch 1.6, and old BERT weights still are: five pickles one
/// after the other, then the elements of the storages.
enum TorchLegacyReader {
  /// The first pickle's value, 0x1950a86a20f9469cfc6c, little-endian.
  private static let magic: [UInt8] = [
    0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
  private static let version = 1001

  static func open(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    do throws(CheckpointError) {
      var reader = ByteReader(file)
      let (machine, root) = try pickles(&reader)
      let structure = TorchStructure(machine, root: root, byteCount: reader.position)
      let storages = try storages(of: structure, &reader, file)
      return try TorchLoader(file: file, structure: structure, storages: storages)
        .checkpoint(format: .torchLegacy)
    } catch { throw error.located(path: file.path) }
  }

  /// Runs the pickles up to the one that is the value.
  static func pickles(
    _ reader: inout ByteReader
  ) throws(CheckpointError) -> (PickleMachine, NodeID) {
    let (first, magic) = try pickle(&reader)
    guard isMagic(first.node(magic)) else {
      throw .notTorchPickle
    }
    let (second, version) = try pickle(&reader)
    guard isKnownVersion(second.node(version)) else {
      throw .unknownLegacyVersion(second.nodes.brief(version))
    }
    // Byte order and sizes of the machine; the elements are little-endian whatever it says.
    _ = try pickle(&reader)
    return try pickle(&reader)
  }

  /// Whether a pickle's value is the number that begins the format.
  static func isMagic(_ node: PickleNode) -> Bool {
    if case .bigInteger(let bytes) = node { bytes == magic } else { false }
  }

  /// Whether the second pickle's value is the version that torch.save writes.
  static func isKnownVersion(_ node: PickleNode) -> Bool {
    if case .integer(TorchLegacyReader.version) = node { true } else { false }
  }

  private static func pickle(
    _ reader: inout ByteReader
  ) throws(CheckpointError) -> (PickleMachine, NodeID) {
    var machine = PickleMachine(reader, storedByteCount: nil)
    let value = try machine.run()
    reader = machine.reader
    return (machine, value)
  }

  /// Walks over the elements: a list of keys, then a count and the bytes for each.
  static func storages(
    of structure: TorchStructure, _ reader: inout ByteReader, _ file: InputFile
  ) throws(CheckpointError) -> [TensorStorage?] {
    let (machine, list) = try pickle(&reader)
    var places: [Key: Int] = [:]
    for (index, storage) in structure.storages.enumerated() where storage.view == nil {
      places[Key(storage.key)] = index
    }
    var result = [TensorStorage?](repeating: nil, count: structure.storages.count)
    guard case .list(let keys) = machine.node(list) else {
      throw .storageListIsNoList(machine.nodes.typeName(list))
    }
    for id in keys {
      guard let key = machine.text(id), let place = places.removeValue(forKey: Key(key)) else {
        throw .unusedStorage(machine.nodes.brief(id)).located(offset: reader.position)
      }
      let storage = structure.storages[place]
      guard let width = storage.width else {
        throw .unknownStorageClass(storage.className)
      }
      let offset = reader.position
      let count = try reader.long()
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
      guard !overflow, count == storage.count else {
        throw .wrongElementCount(key, found: count, stated: storage.count).located(offset: offset)
      }
      let start = reader.position
      guard byteCount <= reader.remaining else {
        throw .storageTruncated(key, needed: byteCount, left: reader.remaining).located(
          offset: start)
      }
      try reader.seek(to: start + byteCount)
      result[place] = TensorStorage(file: file, offset: start, byteCount: byteCount)
    }
    if let missing = places.keys.min() {
      throw .missingStorage(missing.string)
    }
    return result
  }
}
