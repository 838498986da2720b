internal import OrderedCollections

/// Opens what `torch.save` writes since PyTorch 1.6: a zip archive of a pickle and a record for each
/// storage.
///
/// The archive's folder (`archive/`, usually the file's first name) may have any name. The pickle is
/// interpreted, never executed; no element is read.
enum TorchZipReader {
  static let signature: [UInt8] = [0x50, 0x4B, 3, 4]

  static func open(_ file: InputFile) throws(CheckpointError) -> Checkpoint {
    do throws(CheckpointError) {
      let archive = try TorchArchive(file)
      let (machine, root, pickle) = try archive.interpret()
      let structure = TorchStructure(machine, root: root, byteCount: pickle.byteCount)
      let storages = try archive.storages(of: structure)
      var checkpoint = try TorchLoader(file: file, structure: structure, storages: storages)
        .checkpoint(format: .torchZip)
      checkpoint.metadata = try archive.metadata()
      return checkpoint
    } catch { throw error.located(path: file.path) }
  }
}

/// A zip archive that is a PyTorch file.
struct TorchArchive {
  let file: InputFile
  let directory: ZipDirectory
  /// The archive's folder, with its slash.
  let prefix: String
  let isBigEndian: Bool

  init(_ file: InputFile) throws(CheckpointError) {
    self.file = file
    directory = try ZipDirectory(file)
    guard let prefix = TorchArchive.prefix(directory) else {
      throw .noDataPickle
    }
    self.prefix = prefix
    if let (name, other) = directory.namesakes.first {
      throw .namesakes(other).located(record: name)
    }
    if let record = directory.records.first(where: \.leadsOut) {
      throw .recordLeadsOut.located(record: record.name)
    }
    guard directory[prefix + "constants.pkl"] == nil else {
      throw .torchScript
    }
    isBigEndian = try TorchArchive.byteOrder(directory, prefix, file)
    try checkVersion()
  }

  /// The versions of the archive that PyTorch reads.
  private static let versions = 1...10

  /// Compares the record that says the version of the archive, as PyTorch does.
  private func checkVersion() throws(CheckpointError) {
    guard let record = directory[prefix + ".data/version"] ?? directory[prefix + "version"] else {
      throw .missingVersion(prefix + "version")
    }
    guard record.byteCount <= 64 else {
      throw .invalidVersion(nil).located(record: record.name)
    }
    let text = String(decoding: try directory.bytes(of: record, file), as: UTF8.self)
    // The number ends where its digits end.
    let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    let digits = String(
      Substring(text.utf8.drop(while: isBlank).prefix { (0x30...0x39).contains($0) }))
    guard !digits.isEmpty else {
      throw .invalidVersion(text).located(record: record.name)
    }
    guard let version = Int(digits), TorchArchive.versions.contains(version) else {
      throw .unsupportedVersion(digits, readable: TorchArchive.versions).located(
        record: record.name)
    }
  }

  /// PyTorch takes the folder of the first record; others are tried when it holds no pickle.
  private static func prefix(_ directory: ZipDirectory) -> String? {
    let pickle = Array("data.pkl".utf8)
    if let first = directory.records.first?.name,
      let slash = first.utf8.firstIndex(of: UInt8(ascii: "/"))
    {
      let prefix = String(first[...slash])
      if directory[prefix + "data.pkl"] != nil { return prefix }
      // PyTorch finds it whatever the case of its letters.
      let wanted = Array(prefix.utf8) + pickle
      if directory.records.contains(where: { record in
        record.name.utf8.count == wanted.count
          && zip(record.name.utf8, wanted).allSatisfy { $0 == $1 || $0 | 0x20 == $1 | 0x20 }
      }) {
        return nil
      }
    }
    let pickles = directory.records.map(\.name).filter {
      $0.utf8.equals("data.pkl") || $0.utf8.hasSuffix("/data.pkl")
    }
    return pickles.count == 1 ? pickles[0].droppingLastBytes(pickle.count) : nil
  }

  private static func byteOrder(
    _ directory: ZipDirectory, _ prefix: String, _ file: InputFile
  ) throws(CheckpointError) -> Bool {
    guard let record = directory[prefix + "byteorder"] else { return false }
    guard record.byteCount <= 16 else {
      throw .invalidByteOrder(nil).located(record: record.name)
    }
    let text = String(decoding: try directory.bytes(of: record, file), as: UTF8.self)
    guard text.utf8.equals("little") || text.utf8.equals("big") else {
      throw .invalidByteOrder(text).located(record: record.name)
    }
    return text.utf8.equals("big")
  }

  /// The strings that Espalier kept from a safetensors file.
  func metadata() throws(CheckpointError) -> OrderedDictionary<Key, String> {
    let name = prefix + TorchZipWriter.metadataName
    guard let record = directory[name] else { return [:] }
    do throws(CheckpointError) {
      let json = try JSONParser.parse(try directory.bytes(of: record, file))
      var metadata: OrderedDictionary<Key, String> = [:]
      for (key, value) in json.object ?? [:] { metadata[key] = value.string }
      return metadata
    } catch { throw error.located(record: name) }
  }

  /// Runs the pickle.
  func interpret() throws(CheckpointError) -> (PickleMachine, NodeID, ZipDirectory.Record) {
    let name = prefix + "data.pkl"
    guard let record = directory[name] else {
      throw .noDataPickle
    }
    do throws(CheckpointError) {
      guard
        record.isStored || record.byteCount <= 1 << 25
          || record.byteCount / 20
            <= record.compressedByteCount
      else {
        throw .pickleBomb(record.compressedByteCount, inflated: record.byteCount)
      }
      var machine = PickleMachine(
        ByteReader(try directory.bytes(of: record, file)),
        storedByteCount: record.compressedByteCount)
      let root = try machine.run()
      return (machine, root, record)
    } catch { throw error.located(record: name) }
  }

  /// The storages of the pickle, none of them read.
  func storages(of structure: TorchStructure) throws(CheckpointError) -> [TensorStorage?] {
    // How wide the elements of untyped storages are, for the sake of big-endian files.
    var widths = structure.storages.map { $0.width == 1 && $0.dtype == nil ? nil : $0.width }
    if isBigEndian {
      for tensor in structure.tensors {
        guard let place = tensor.storage, widths[place] == nil else { continue }
        let dtype = tensor.dtypeName.flatMap { DType(torchName: $0) } ?? tensor.dtype
        widths[place] = dtype?.swapWidth
      }
    }
    var result: [TensorStorage?] = []
    result.reserveCapacity(structure.storages.count)
    for (index, reference) in structure.storages.enumerated() {
      guard let width = reference.width else {
        result.append(nil)
        continue
      }
      let name = prefix + "data/" + reference.key
      do throws(CheckpointError) {
        guard reference.view == nil else {
          throw .partialStorageInArchive
        }
        guard let record = directory[name] else {
          throw .missingRecord
        }
        let (byteCount, overflow) = reference.count.multipliedReportingOverflow(by: width)
        guard !overflow, byteCount == record.byteCount else {
          throw .wrongRecordByteCount(record.byteCount, reference)
        }
        try ZipDirectory.checkReadable(record)
        let swap =
          isBigEndian ? reference.dtype?.swapWidth ?? widths[index] ?? width : 1
        result.append(storage(record, swapping: swap))
      } catch { throw error.located(record: name) }
    }
    return result
  }

  private func storage(
    _ record: ZipDirectory.Record, swapping width: Int
  ) -> TensorStorage {
    if record.isStored, width == 1 {
      let checksum =
        record.crc32 == 0
        ? nil : TensorStorage.Checksum(crc32: record.crc32, record: record.name)
      return TensorStorage(
        file: file, offset: record.dataOffset, byteCount: record.byteCount, checksum: checksum)
    }
    let (file, record) = (file, record)
    return TensorStorage(byteCount: record.byteCount, from: file) { () throws(CheckpointError) in
      do throws(CheckpointError) {
        let bytes = try ZipDirectory.loaded(record, file)
        bytes.swapElements(of: width)
        return bytes.asLoaded
      } catch { throw error.located(path: file.path, record: record.name) }
    }
  }
}

extension DType {
  /// The bytes whose order differs between machines.
  var swapWidth: Int { isComplex ? bitWidth / 16 : max(1, bitWidth / 8) }
}
