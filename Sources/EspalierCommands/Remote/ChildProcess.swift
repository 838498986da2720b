import Synchronization

#if canImport(Glibc)
  @unsafe @preconcurrency import Glibc
#elseif canImport(Musl)
  @unsafe @preconcurrency import Musl
#elseif canImport(Darwin)
  @unsafe @preconcurrency import Darwin
#endif

/// A program that runs at the same time as this one. Its input is written before it starts, so that neither
/// waits for the other, and is not an argument, so that no other user sees it in the list of processes.
final class ChildProcess {
  private let identifier: pid_t
  private var output: Int32
  private let errors: Int32

  /// The largest input: a pipe holds as much.
  static let maximumInputCount = 1 << 14

  /// No two threads start programs at once: one program would inherit the other's pipes.
  private static let starting = Mutex(())

  /// Starts `program`, which is looked for in `PATH`; `nil` when that fails, or `input` is too long.
  init?(_ program: String, _ arguments: [String], input: [UInt8]) {
    guard input.count <= ChildProcess.maximumInputCount else { return nil }
    let started = ChildProcess.starting.withLock { _ in
      ChildProcess.start(program, arguments, input)
    }
    guard let started else { return nil }
    (identifier, output, errors) = started
  }

  deinit {
    if output >= 0 { close(output) }
    close(errors)
  }

  /// Appends what comes next to `bytes`, at most `count` bytes.
  ///
  /// - Parameter deadline: when to stop waiting, on the clock of ``System/seconds``.
  /// - Returns: the number of bytes, 0 at the end of the output; `nil` when none came before the deadline.
  func read(_ count: Int, onto bytes: inout [UInt8], before deadline: Double) -> Int? {
    guard ChildProcess.wait(for: output, before: deadline) else { return nil }
    return ChildProcess.read(output, count, onto: &bytes)
  }

  /// Reads no more, waits for the end of the program, and returns its exit status and its standard error.
  ///
  /// - Parameter isKilled: whether the program is ended first. One that waits for a silent server does not
  ///   notice that its output is closed.
  func finish(killing isKilled: Bool) -> (status: Int32, complaint: String) {
    close(output)
    output = -1
    if isKilled { _ = kill(identifier, SIGKILL) }
    var bytes: [UInt8] = []
    while bytes.count < 1 << 16, ChildProcess.read(errors, 1 << 12, onto: &bytes) > 0 {}
    var status: Int32 = 0
    while unsafe waitpid(identifier, &status, 0) == -1, errno == EINTR {}
    let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    return (code, String(decoding: bytes, as: UTF8.self))
  }

  /// Waits until `descriptor` can be read, or is at its end; `false` when that is not before `deadline`.
  private static func wait(for descriptor: Int32, before deadline: Double) -> Bool {
    while true {
      let left = min(max(deadline - System.seconds, 0) * 1000, 1e6)
      var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&waited, 1, Int32(left.rounded(.up)))
      if ready > 0 { return true }
      if ready < 0, errno != EINTR { return true }
      if System.seconds >= deadline { return false }
    }
  }

  private static func read(_ descriptor: Int32, _ count: Int, onto bytes: inout [UInt8]) -> Int {
    var got = 0
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      repeat {
        unsafe got = systemRead(descriptor, buffer.baseAddress, count)
      } while got == -1 && errno == EINTR
      filled = max(got, 0)
    }
    bytes += piece
    return max(got, 0)
  }

  private static func start(
    _ program: String, _ arguments: [String], _ input: [UInt8]
  ) -> (pid_t, Int32, Int32)? {
    var pipes: [Int32] = []
    for _ in 0..<3 {
      var ends: [Int32] = [-1, -1]
      guard unsafe pipe(&ends) == 0 else {
        for end in pipes { close(end) }
        return nil
      }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      pipes += ends
    }
    _ = unsafe input.withUnsafeBytes { unsafe systemWrite(pipes[1], $0.baseAddress, $0.count) }
    close(pipes[1])
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = unsafe posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    _ = unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, pipes[0], 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, pipes[3], 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, pipes[5], 2)
    // This program blocks and ignores signals that others end by.
    var none = sigset_t()
    var ordinary = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigemptyset(&ordinary)
    unsafe sigaddset(&ordinary, SIGPIPE)
    unsafe posix_spawnattr_init(&attributes)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &ordinary)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    var identifier: pid_t = 0
    let words: [UnsafeMutablePointer<CChar>?] = unsafe ([program] + arguments).map {
      unsafe strdup($0)
    }
    let code = unsafe posix_spawnp(
      &identifier, program, &actions, &attributes, words + [nil], environ)
    unsafe words.forEach { unsafe free($0) }
    unsafe posix_spawnattr_destroy(&attributes)
    unsafe posix_spawn_file_actions_destroy(&actions)
    for end in [pipes[0], pipes[3], pipes[5]] { close(end) }
    guard code == 0 else {
      close(pipes[2])
      close(pipes[4])
      return nil
    }
    return (identifier, pipes[2], pipes[4])
  }
}

private func systemRead(_ descriptor: Int32, _ target: UnsafeMutablePointer<UInt8>?, _ count: Int)
  -> Int
{
  unsafe read(descriptor, target, count)
}

private func systemWrite(_ descriptor: Int32, _ source: UnsafeRawPointer?, _ count: Int) -> Int {
  unsafe write(descriptor, source, count)
}
