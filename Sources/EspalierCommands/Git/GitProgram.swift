import CheckpointFiles

/// The program `git`, run in the current folder.
enum GitProgram {
  /// What a call printed, without the last line end; `nil` when its exit status is not 0.
  static func answer(_ arguments: String...) throws -> String? {
    let (status, text, _) = try run(arguments)
    return status == 0 ? text : nil
  }

  /// A call that must succeed.
  static func demand(_ arguments: String...) throws {
    let (status, _, complaint) = try run(arguments)
    guard status != 0 else { return }
    let reason = complaint.split(separator: "\n").first.map(String.init) ?? "exit status \(status)"
    throw InputError("git \(arguments.first ?? "") failed: \(reason)")
  }

  /// Runs git, which has a minute for an answer: a call only reads or writes a setting.
  private static func run(
    _ arguments: [String]
  ) throws -> (status: Int32, text: String, complaint: String) {
    guard let git = ChildProcess("git", arguments, input: []) else {
      throw InputError("the program git cannot be started; install it")
    }
    var bytes: [UInt8] = []
    let deadline = System.seconds + 60
    while bytes.count < 1 << 20 {
      guard let count = git.read(1 << 12, onto: &bytes, before: deadline) else {
        _ = git.finish(killing: true)
        throw InputError("git \(arguments.first ?? "") gave no answer")
      }
      if count == 0 { break }
    }
    let (status, complaint) = git.finish(killing: false)
    let text = String(decoding: bytes, as: UTF8.self)
    return (status, text.hasSuffix("\n") ? String(text.dropLast()) : text, complaint)
  }
}
