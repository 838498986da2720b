import CheckpointFiles
import Foundation
import FuzzSupport

private let folder = ScratchFolder()
private let file = folder.file("input")

/// What libFuzzer calls with every input: everything that a file can be asked for, without and with its
/// elements, and the audit. A thrown error is an answer; anything else ends the process.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  // A checksum would stop nearly every change; 0 means that none was computed.
  if count % 8 != 0 { clearChecksums(&bytes) }
  file.replace(bytes)
  answering {
    let checkpoint = try Checkpoint.open(file.path)
    _ = try checkpoint.values
    _ = checkpoint.foreignGlobals
    for tensor in checkpoint.tensors.values where tensor.byteCount <= 1 << 20 {
      var seen = 0
      try tensor.forEachChunk(ofBytes: 4096) { seen += $0.byteCount }
      precondition(seen == tensor.byteCount, "a tensor gave \(seen) bytes of \(tensor.byteCount)")
    }
  }
  if count % 4 == 0 { answering { _ = try ScanReport.scan(file.path) } }
  return 0
}

private func clearChecksums(_ bytes: inout [UInt8]) {
  var place = 0
  while place + 20 <= bytes.count {
    if bytes[place] == 0x50, bytes[place + 1] == 0x4B, bytes[place + 2] &+ 1 == bytes[place + 3] {
      // In a local header at 14, in the directory at 16.
      let field = bytes[place + 2] == 3 ? 14 : bytes[place + 2] == 1 ? 16 : 0
      if field > 0 { for index in 0..<4 { bytes[place + field + index] = 0 } }
    }
    place += 1
  }
}

/// The program.
@_cdecl("fuzz_main")
func start(_ count: CInt, _ arguments: Arguments) -> CInt {
  atexit { folder.remove() }
  return runFuzzer(count, arguments, fuzzOne)
}
