import CheckpointFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls of the command line, each wrapped once.
enum System {
  /// Why a write was refused.
  struct WriteError {
    fileprivate let code: Int32
    /// Whether the reader has ended.
    var isBrokenPipe: Bool { code == EPIPE }
    /// The system's description.
    var text: String { unsafe String(cString: strerror(code)) }
  }

  /// Writes all of `bytes`; `nil` on success.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> WriteError? {
    let code = OpenDescriptor.write(bytes, to: descriptor)
    return code == 0 ? nil : WriteError(code: code)
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// The number of columns of the terminal at `descriptor`, or `nil` when it is unknown.
  static func terminalWidth(_ descriptor: Int32) -> Int? {
    terminalSize(descriptor).flatMap { $0.ws_col > 0 ? Int($0.ws_col) : nil }
  }

  /// The number of lines of the terminal at `descriptor`, or `nil` when it is unknown.
  static func terminalHeight(_ descriptor: Int32) -> Int? {
    terminalSize(descriptor).flatMap { $0.ws_row > 0 ? Int($0.ws_row) : nil }
  }

  private static func terminalSize(_ descriptor: Int32) -> winsize? {
    var size = winsize()
    return unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : nil
  }

  /// The number of logical processors that are online.
  static var logicalProcessors: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }

  /// The number of bytes that are free in the folder at `path`; `nil` when it does not exist.
  static func room(inFolder path: String) -> Int? {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    return overflow ? .max : bytes
  }

  /// Seconds on a clock that never jumps.
  static var seconds: Double {
    let elapsed = ContinuousClock.now - start
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  private static let start = ContinuousClock.now

  static func exit(_ status: Int32) -> Never { systemExit(status) }
}

private func systemExit(_ status: Int32) -> Never { exit(status) }
