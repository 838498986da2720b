internal import CheckpointFiles
internal import Crypto

extension ParameterTree {
  /// SHA-256, in hexadecimal, of the lines `key\tdtype\tdim,dim\n` in key order: what a freeze mask is
  /// bound to. It is the same for the same tensors in any file format and file order.
  public var layoutDigest: String { layoutSHA256(entries) }
}

/// ``ParameterTree/layoutDigest`` of tensors in any order.
func layoutSHA256(_ tensors: [TensorInfo]) -> String {
  var hash = SHA256()
  var text: [UInt8] = []
  for info in tensors.sorted(by: { $0.key < $1.key }) {
    text.append(contentsOf: info.key.string.utf8)
    text.append(UInt8(ascii: "\t"))
    text.append(contentsOf: info.dtype.name.utf8)
    text.append(UInt8(ascii: "\t"))
    text.append(contentsOf: info.shape.dimensions.map(String.init).joined(separator: ",").utf8)
    text.append(UInt8(ascii: "\n"))
    if text.count >= 1 << 16 {
      unsafe text.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
      text.removeAll(keepingCapacity: true)
    }
  }
  unsafe text.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
  let digits = Array("0123456789abcdef".utf8)
  var hexadecimal: [UInt8] = []
  for byte in hash.finalize() {
    hexadecimal.append(digits[Int(byte >> 4)])
    hexadecimal.append(digits[Int(byte & 15)])
  }
  return String(decoding: hexadecimal, as: UTF8.self)
}
