import CheckpointFiles
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ends the process on SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGXCPU without leaving half-written files behind.
///
/// A signal handler may call very few functions, so these signals have none: they are blocked in every thread, and
/// one thread waits for them.
enum Signals {
  /// Call this first: threads inherit the blocked signals from the thread that starts them.
  static func install() {
    // A reader that ends is noticed by the write that fails.
    _ = signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files is an error of the write that exceeds it, like a full disk.
    _ = signal(SIGXFSZ, SIG_IGN)
    // A mapped file that another process truncates. The handler may call very few functions, so the list of
    // temporary files is allocated before.
    PendingFiles.removeAll()
    _ = signal(SIGBUS, ErrorReport.isJSON ? Signals.reportShorterFileAsJSON : reportShorterFile)
    var waited = set
    unsafe pthread_sigmask(SIG_BLOCK, &waited, nil)
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    unsafe _ = pthread_create(
      &thread, nil,
      { _ in
        Signals.wait()
        return nil
      }, nil)
  }

  private static let reportShorterFile: @Sendable @convention(c) (Int32) -> Void = { _ in
    let text: StaticString =
      "espalier: error: a file became shorter while it was read; try again when nothing writes to it\n"
    PendingFiles.removeAll()
    unsafe _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
    _exit(2)
  }

  /// The same line as ``ErrorReport`` writes it: a signal handler allocates nothing.
  private static let reportShorterFileAsJSON: @Sendable @convention(c) (Int32) -> Void = { _ in
    let text: StaticString = """
      {"version":1,"error":{"kind":"changed","status":2,"path":null,"key":null,"offset":null,\
      "message":"a file became shorter while it was read","hint":"try again when nothing writes to it"}}

      """
    PendingFiles.removeAll()
    unsafe _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
    _exit(2)
  }

  /// Whether a signal ends the process.
  private static let isEnding = Atomic(false)

  /// Does not return when a signal ends the process: a write whose temporary file is removed for the signal fails, and
  /// that failure is neither reported nor the exit status.
  static func yieldIfEnding() {
    while isEnding.load(ordering: .acquiring) { _ = pause() }
  }

  private static let advice = Mutex<(@Sendable () -> String?)?>(nil)

  /// What is printed when a signal ends the process: the sentence that `sentence` returns then, if it returns one.
  ///
  /// The thread that waits for signals calls it while the others still run.
  static func explain(_ sentence: (@Sendable () -> String?)?) { advice.withLock { $0 = sentence } }

  /// The signals that end the process. A signal that the parent process ignores (`nohup`, a background job of a
  /// script) stays ignored: a blocked signal would still be delivered.
  private static let set: sigset_t = {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    // Ctrl-C, `kill`, a closed terminal, Ctrl-\, and a limit on processor time.
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU] where !isIgnored(number) {
      unsafe sigaddset(&set, number)
    }
    return set
  }()

  private static func isIgnored(_ number: Int32) -> Bool {
    let before = signal(number, SIG_DFL)
    let isIgnored =
      unsafe unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    if isIgnored { _ = signal(number, SIG_IGN) }
    return isIgnored
  }

  private static func wait() {
    var waited = set
    var received: Int32 = 0
    while unsafe sigwait(&waited, &received) != 0 {}
    isEnding.store(true, ordering: .releasing)
    PendingFiles.removeAll()
    StandardError.close()
    if let sentence = advice.withLock({ $0 })?() {
      StandardError.line("espalier: \(oneLine(sentence))")
    }
    _exit(128 + received)
  }
}
