import CheckpointFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls of the executable, each wrapped once.
enum System {
  /// Why a write was refused.
  struct WriteError {
    fileprivate let code: Int32
    /// Whether nobody reads any more.
    var isBrokenPipe: Bool { code == EPIPE }
    /// The system's words.
    var text: String { unsafe String(cString: strerror(code)) }
  }

  /// Writes all of `bytes`; `nil` when that worked.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> WriteError? {
    let code = OpenDescriptor.write(bytes, to: descriptor)
    return code == 0 ? nil : WriteError(code: code)
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal behind `descriptor`, or `nil` when it does not say.
  static func terminalWidth(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// Processors that this system has on line, threads of one core counted each.
  static var logicalProcessors: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }

  /// Bytes that this process may still write in the folder at `path`; `nil` when it is not there.
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
