import Foundation

/// A folder that goes with the process: in memory, where the system has such a place.
package final class ScratchFolder: Sendable {
  /// Where it is.
  package let path: String

  /// A folder of this process alone.
  package convenience init() {
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
    self.init(path: "\(parent)/espalier-fuzz-\(getpid())")
  }

  private init(path: String) {
    self.path = path
    precondition(mkdir(path, 0o700) == 0, "cannot create \(path)")
  }

  /// A folder in this one.
  package func folder(_ name: String) -> ScratchFolder { ScratchFolder(path: "\(path)/\(name)") }

  /// Removes the folder and what is in it; for `atexit`.
  package func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// The file `name` in the folder.
  package func file(_ name: String) -> ScratchFile { ScratchFile(path: "\(path)/\(name)") }
}

/// A file that is written again for every input; libFuzzer runs one at a time in a process.
package final class ScratchFile: Sendable {
  /// Where it is.
  package let path: String
  private let descriptor: Int32

  init(path: String) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0, "cannot create \(path)")
  }

  /// Makes `bytes` all that the file holds.
  package func replace(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    ftruncate(descriptor, 0)
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }
}

/// Does `body`; an error that it throws is an answer, if it is one line.
package func answering(_ body: () throws -> Void) {
  do {
    try body()
  } catch {
    let sentence = "\(error)"
    precondition(!sentence.contains("\n"), "an error of two lines: \(sentence)")
  }
}
