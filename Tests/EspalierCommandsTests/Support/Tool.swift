import Foundation

/// The built `espalier`, run as a user would.
struct Tool {
  /// How a run ended.
  struct Result {
    let status: Int32
    let output: String
    let errors: String
  }

  /// The executable beside the test bundle.
  static let executable: URL = {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    var folder = bundle.deletingLastPathComponent()
    // On Apple systems the runner lies inside the bundle.
    for _ in 0..<5 {
      let candidate = folder.appendingPathComponent("espalier")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      folder = folder.deletingLastPathComponent()
    }
    return bundle.deletingLastPathComponent().appendingPathComponent("espalier")
  }()

  /// Runs the tool in `folder` and waits for it.
  @discardableResult
  static func run(_ arguments: String..., in folder: Folder) throws -> Result {
    try run(arguments, in: folder)
  }

  /// Runs the tool in `folder` and waits for it.
  @discardableResult
  static func run(_ arguments: [String], in folder: Folder) throws -> Result {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    let output = folder.scratch("stdout")
    let errors = folder.scratch("stderr")
    // Files and not pipes: nobody has to read while the tool writes.
    process.standardOutput = try output.writer()
    process.standardError = try errors.writer()
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let result = Result(
      status: process.terminationStatus, output: try output.text(), errors: try errors.text())
    OutputSchema.check(arguments, result)
    return result
  }

  /// Starts the tool in `folder` and does not wait; what it prints is thrown away.
  static func start(_ arguments: [String], in folder: Folder) throws -> Process {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Runs a shell command line in which `espalier` is the tool.
  static func shell(_ line: String, in folder: Folder) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = folder.url
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] =
      executable.deletingLastPathComponent().path + ":" + (environment["PATH"] ?? "/bin:/usr/bin")
    process.environment = environment
    let output = folder.scratch("stdout")
    let errors = folder.scratch("stderr")
    process.standardOutput = try output.writer()
    process.standardError = try errors.writer()
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: try output.text(), errors: try errors.text())
  }
}

/// A folder that is removed with the value that a test holds.
final class Folder {
  let url: URL
  private let captures: URL

  init() throws {
    let root = FileManager.default.temporaryDirectory
      .appendingPathComponent("espalier-tests-\(UUID().uuidString)")
    url = root.appendingPathComponent("work")
    captures = root.appendingPathComponent("captures")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(at: captures, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }

  /// The path of `name` inside.
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: url.appendingPathComponent(name)))
  }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: url.appendingPathComponent(name))
  }

  /// The names inside, sorted.
  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }

  /// The names in the folder at `path`, sorted.
  static func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }

  fileprivate func scratch(_ name: String) -> Capture {
    Capture(url: captures.appendingPathComponent("\(name)-\(UUID().uuidString)"))
  }

  fileprivate struct Capture {
    let url: URL

    func writer() throws -> FileHandle {
      _ = FileManager.default.createFile(atPath: url.path, contents: nil)
      return try FileHandle(forWritingTo: url)
    }

    func text() throws -> String { String(decoding: try Data(contentsOf: url), as: UTF8.self) }
  }
}
