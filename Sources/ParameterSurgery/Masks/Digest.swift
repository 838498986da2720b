internal import CheckpointFiles

extension ParameterTree {
  /// SHA-256, in hexadecimal, of the lines `key\tdtype\tdim,dim\n` in key order: what a freeze mask is
  /// bound to. It is the same for the same tensors in any file format and file order.
  public var layoutDigest: String { layoutSHA256(entries) }
}

/// ``ParameterTree/layoutDigest`` of tensors in any order.
func layoutSHA256(_ tensors: [TensorInfo]) -> String {
  let isSorted = zip(tensors, tensors.dropFirst()).allSatisfy { $0.key < $1.key }
  var hash = SHA256Hash()
  var text: [UInt8] = []
  for info in isSorted ? tensors : tensors.sorted(by: { $0.key < $1.key }) {
    text.append(contentsOf: info.key.string.utf8)
    text.append(UInt8(ascii: "\t"))
    text.append(contentsOf: info.dtype.name.utf8)
    text.append(UInt8(ascii: "\t"))
    for (index, extent) in info.shape.dimensions.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text.append(contentsOf: String(extent).utf8)
    }
    text.append(UInt8(ascii: "\n"))
    if text.count >= 1 << 16 {
      unsafe hash.update(text.span.bytes)
      text.removeAll(keepingCapacity: true)
    }
  }
  unsafe hash.update(text.span.bytes)
  return hash.hexadecimal()
}
