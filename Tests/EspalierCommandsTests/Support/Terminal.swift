import Foundation

/// A pseudo-terminal: what the tool prints there is what a person sees.
final class Terminal {
  private let controller: FileHandle
  private let tool: FileHandle

  init(columns: Int, lines: Int = 50) throws {
    let (descriptor, other) = try Terminal.pair()
    controller = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    tool = FileHandle(fileDescriptor: other, closeOnDealloc: true)
    var size = winsize(
      ws_row: UInt16(lines), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(other, UInt(TIOCSWINSZ), &size)
  }

  /// The two ends of a new pseudo-terminal.
  private static func pair() throws -> (controller: Int32, tool: Int32) {
    #if os(Linux)
      // Glibc hides posix_openpt() and its like from Swift; these are the calls that they make.
      let controller = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var lock: Int32 = 0
      var number: Int32 = 0
      let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
      guard controller >= 0, unsafe ioctl(controller, setLock, &lock) == 0,
        unsafe ioctl(controller, getNumber, &number) == 0
      else { throw CocoaError(.fileReadUnknown) }
      let tool = unsafe open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    #else
      let controller = posix_openpt(O_RDWR | O_NOCTTY)
      guard controller >= 0, grantpt(controller) == 0, unlockpt(controller) == 0,
        let name = unsafe ptsname(controller)
      else { throw CocoaError(.fileReadUnknown) }
      let tool = unsafe open(name, O_RDWR | O_NOCTTY)
    #endif
    guard tool >= 0 else { throw CocoaError(.fileReadUnknown) }
    return (controller, tool)
  }

  /// Runs the tool with both its outputs on the terminal and returns what appears there, line ends as
  /// elsewhere.
  func run(
    _ arguments: [String], in folder: Folder, environment: [String: String] = [:]
  ) throws -> Tool.Result {
    let process = try start(arguments, in: folder, environment: environment)
    let text = read()
    process.waitUntilExit()
    return Tool.Result(status: process.terminationStatus, output: text, errors: "")
  }

  /// Starts the tool; ``read()`` returns what it prints until it ends.
  func start(
    _ arguments: [String], in folder: Folder, environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.executableURL = Tool.executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    var variables = ProcessInfo.processInfo.environment
    variables["NO_COLOR"] = nil
    variables["TERM"] = "xterm"
    process.environment = variables.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = tool
    process.standardError = tool
    try process.run()
    // Without our copy the end of the tool is the end of what can be read.
    try tool.close()
    return process
  }

  /// All that is printed until nobody holds the terminal any more, or until `text` was.
  func read(until text: String? = nil) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = unsafe Foundation.read(controller.fileDescriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      // The system says EIO when the other end is closed.
      guard count > 0 else { break }
      bytes += buffer[..<count]
      if let text, String(decoding: bytes, as: UTF8.self).contains(text) { break }
    }
    return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }
}

extension String {
  /// The text without colours.
  var plain: String { replacing(#/\u{1B}\[[0-9]*m/#, with: "") }
}
