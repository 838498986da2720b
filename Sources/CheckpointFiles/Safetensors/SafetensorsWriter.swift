internal import OrderedCollections

/// Writes tensors as a safetensors file.
///
/// The header keeps the order of the checkpoint. The data is laid out by element size, largest first,
/// which aligns every tensor to its elements; equal sizes keep their order. A file that the reference
/// wrote comes out byte for byte the same.
enum SafetensorsWriter {
  /// Writes the tensors to `writer`. `progress` gets the bytes of tensors written.
  static func write(
    _ tensors: OrderedDictionary<Key, Tensor>, metadata: OrderedDictionary<Key, String>,
    to writer: FileWriter, progress: (Int) -> Void = { _ in }
  ) throws {
    try check(tensors, writer.path)
    let order = tensors.values.indices.sorted { a, b in
      let (widthA, widthB) = (
        tensors.values[a].dtype.bitWidth, tensors.values[b].dtype.bitWidth
      )
      return widthA == widthB ? a < b : widthA > widthB
    }
    var offsets = [Int](repeating: 0, count: tensors.count)
    var end = 0
    for index in order {
      offsets[index] = end
      let (sum, overflow) = end.addingReportingOverflow(tensors.values[index].byteCount)
      guard !overflow else {
        throw CheckpointError.tensorsTooLarge.located(path: writer.path)
      }
      end = sum
    }
    try writeHeader(tensors, metadata, offsets, to: writer)
    for index in order {
      let (key, tensor) = tensors.elements[index]
      do {
        try tensor.forEachChunk { piece in
          try writer.write(piece)
          progress(piece.byteCount)
        }
      } catch { throw CheckpointError.notComputed(error).located(key: key) }
    }
  }

  /// Throws when a file at `path` cannot hold the tensors.
  static func check(
    _ tensors: OrderedDictionary<Key, Tensor>, _ path: String
  ) throws(CheckpointError) {
    for (key, tensor) in tensors {
      guard tensor.dtype.isInSafetensors else {
        throw .noSafetensorsDType(tensor.dtype).located(path: path, key: key)
      }
      guard !key.string.utf8.equals(SafetensorsHeader.metadataKey) else {
        throw .reservedKey.located(path: path, key: key)
      }
    }
  }

  private static func writeHeader(
    _ tensors: OrderedDictionary<Key, Tensor>, _ metadata: OrderedDictionary<Key, String>,
    _ offsets: [Int], to writer: FileWriter
  ) throws(CheckpointError) {
    var text = "{"
    text.reserveCapacity(tensors.count * 128)
    if !metadata.isEmpty {
      JSONValue.writeString(SafetensorsHeader.metadataKey, escaping: .reference, to: &text)
      text += ":{"
      for (index, (name, value)) in metadata.elements.enumerated() {
        if index > 0 { text += "," }
        JSONValue.writeString(name.string, escaping: .reference, to: &text)
        text += ":"
        JSONValue.writeString(value, escaping: .reference, to: &text)
      }
      text += "}"
    }
    for (index, (key, tensor)) in tensors.elements.enumerated() {
      if text.utf8.count > 1 { text += "," }
      JSONValue.writeString(key.string, escaping: .reference, to: &text)
      text += ":{\"dtype\":\"\(tensor.dtype.name)\",\"shape\":["
      text += tensor.shape.dimensions.map(String.init).joined(separator: ",")
      text += "],\"data_offsets\":[\(offsets[index]),\(offsets[index] + tensor.byteCount)]}"
    }
    text += "}"
    var header = Array(text.utf8)
    header.append(contentsOf: repeatElement(0x20, count: (8 - header.count % 8) % 8))
    guard header.count <= SafetensorsHeader.maximumByteCount else {
      throw .headerToWriteTooLong(header.count).located(path: writer.path)
    }
    let length = UInt64(header.count)
    try writer.write((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) })
    try writer.write(header)
  }
}
