#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls of the executable, each wrapped once.
enum System {
  /// Writes all of `bytes`. False when the reader is gone or the device refuses.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var start = 0
    while start < bytes.count {
      let written = unsafe bytes.withUnsafeBytes { memory in
        unsafe systemWrite(
          descriptor, memory.baseAddress.map { unsafe $0 + start }, bytes.count - start)
      }
      if written > 0 { start += written } else if errno != EINTR { return false }
    }
    return true
  }

  /// Whether the last refused write found that nobody reads any more.
  static var brokenPipe: Bool { errno == EPIPE }

  /// Why the last call failed, in the system's words.
  static var lastErrorText: String { unsafe String(cString: strerror(errno)) }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal behind `descriptor`, or `nil` when it does not say.
  static func terminalWidth(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  static func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// Seconds on a clock that never jumps.
  static var seconds: Double {
    let elapsed = ContinuousClock.now - start
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  private static let start = ContinuousClock.now

  static func exit(_ status: Int32) -> Never { systemExit(status) }
}

private func systemWrite(_ descriptor: Int32, _ memory: UnsafeRawPointer?, _ count: Int) -> Int {
  unsafe write(descriptor, memory, count)
}

private func systemExit(_ status: Int32) -> Never { exit(status) }
