import CheckpointFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ends the process on SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGXCPU without leaving half-written files behind.
///
/// A signal handler may call next to nothing, so these have none: the signals are blocked in every
/// thread and one thread waits for them as for any other event.
enum Signals {
  /// Call first: threads inherit what is blocked from the thread that starts them.
  static func install() {
    // A reader that goes away is noticed where we write.
    _ = signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files is an error of the write that hits it, as a full disk is.
    _ = signal(SIGXFSZ, SIG_IGN)
    // A mapped file that somebody truncates. The handler may do next to nothing, so the list of
    // temporary files is made before.
    PendingFiles.removeAll()
    _ = signal(SIGBUS) { _ in
      let text: StaticString =
        "espalier: error: a file became shorter while it was read; try again when nothing writes to it\n"
      PendingFiles.removeAll()
      unsafe _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
      _exit(2)
    }
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

  /// The signals that end the process. One that the parent has told to ignore (`nohup`, a job in the
  /// background of a script) stays ignored: a blocked signal would be delivered all the same.
  private static let set: sigset_t = {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    // Ctrl-C, `kill`, a closed terminal, Ctrl-\, and a limit on the time of the processor.
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
    PendingFiles.removeAll()
    StandardError.close()
    _exit(128 + received)
  }
}
