/// The names of temporary files: which process they belong to, and which of them a killed process left.
enum TemporaryName {
  /// The name of a temporary file for the file `name`, in the same folder.
  static func new(for name: String) -> String {
    // Long names would not fit with the suffix.
    let stem = String(decoding: name.utf8.prefix(100), as: UTF8.self)
    let number = String(UInt64.random(in: .min ... .max), radix: 36)
    return ".\(stem).espalier-\(SystemCall.processIdentifier)-\(number).tmp"
  }

  /// The process that gave a name to a temporary file; `nil` for any other name.
  static func process(of name: String) -> Int32? {
    guard name.utf8.hasPrefix("."), name.utf8.hasSuffix(".tmp") else { return nil }
    let marked = name.parts(separatedBy: ".").last { $0.utf8.hasPrefix("espalier-") }
    return marked.flatMap { Int32($0.parts(separatedBy: "-")[1]) }
  }

  /// Whether the file `name` in `folder` is a temporary file of a process that has ended. The writer holds
  /// a lock on its file, which also tells where processes have other numbers, as in containers.
  static func isAbandoned(_ name: String, in folder: String) -> Bool {
    guard let process = process(of: name), SystemCall.hasEnded(process) else { return false }
    let path = Path.join(folder, name)
    guard let descriptor = try? SystemCall.openForReading(path) else { return true }
    defer { SystemCall.close(descriptor) }
    return SystemCall.tryLock(descriptor) != .heldByAnother
  }

  /// Removes the temporary files that ended processes left in `folder`.
  static func removeAbandoned(in folder: String) {
    guard let names = try? SystemCall.entries(ofFolder: folder) else { return }
    for name in names where isAbandoned(name, in: folder) {
      SystemCall.remove(Path.join(folder, name))
    }
  }
}
