import EspalierTestSupport
import Foundation
import Testing

/// Signals are sent when there is a temporary file, and not after some time that may be too short.
@Suite struct `An interrupted command` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    // A gigabyte of zeros that takes no room: more than is written before a signal arrives.
    let header = Array(
      #"{"w":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}"#.utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
    for name in ["a.safetensors", "b.safetensors"] {
      try folder.write(length + header, to: name)
      let file = try FileHandle(forWritingTo: folder.url.appendingPathComponent(name))
      try file.truncate(atOffset: UInt64(8 + header.count + (1 << 30)))
      try file.close()
    }
  }

  /// The temporary files in the folder and in those inside.
  private var temporaryFiles: [String] {
    let names = FileManager.default.enumerator(atPath: folder.url.path)?.allObjects ?? []
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".tmp") }
  }

  /// Waits until the tool has begun to write, and returns whether it still runs then.
  private func waitForTemporaryFile(of process: Process) -> Bool {
    while process.isRunning {
      if !temporaryFiles.isEmpty { return true }
      usleep(500)
    }
    return false
  }

  @Test(
    arguments: [
      ["convert", "a.safetensors", "-o", "out.bin"],
      ["convert", "a.safetensors", "-o", "out.safetensors", "--dtype", "BF16"],
      ["edit", "a.safetensors", "-o", "out.safetensors", "--scale", "w=2"],
      ["merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors"],
      ["edit", "a.safetensors", "--in-place", "--scale", "w=2"],
      ["edit", "a.safetensors", "-o", "new/folder", "--scale", "w=2"],
    ], [SIGINT, SIGTERM])
  func `leaves what was there, and nothing else`(arguments: [String], signal: Int32) throws {
    let process = try Tool.start(arguments, in: folder)
    try #require(waitForTemporaryFile(of: process), "it writes for a while")
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 128 + signal)
    #expect(try folder.names == ["a.safetensors", "b.safetensors"])
    #expect(
      try FileHandle(forReadingFrom: folder.url.appendingPathComponent("a.safetensors"))
        .seekToEnd() > 1 << 30)
  }

  @Test func `that writes a small file leaves all of it or nothing`() throws {
    try folder.write(Fixture.wide(count: 20000), to: "wide.safetensors")
    let process = try Tool.start(
      ["mask", "create", "wide.safetensors", "--train", "**", "-o", "m.json"], in: folder)
    // The file may be complete before the signal is there.
    let isInterrupted = waitForTemporaryFile(of: process)
    if isInterrupted { kill(process.processIdentifier, SIGINT) }
    process.waitUntilExit()
    #expect(temporaryFiles == [])
    #expect([0, 130].contains(process.terminationStatus))
    // The signal may come between the rename and the end of the process: the file is complete then.
    #expect(process.terminationStatus == 130 || folder.exists("m.json"))
    if folder.exists("m.json") {
      let check = try Tool.run(["mask", "check", "m.json", "wide.safetensors"], in: folder)
      #expect(check.status == 0)
    }
  }

  @Test func `leaves the epochs of a run that are stored, and no temporary file of its cache`()
    throws
  {
    try folder.copy("bert-tiny", to: "tiny")
    let process = try Tool.start(
      [
        "train", "--model", "tiny", "--head", "mlp:16", "--data",
        Fixtures.path("sentiment/train.tsv"), "--eval", Fixtures.path("sentiment/dev.tsv"),
        "--train", "linear", "--epochs", "100000", "--cache-dir", "cache", "-o", "out",
      ], in: folder)
    try #require(waitForTemporaryFile(of: process))
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(temporaryFiles == [])
    #expect(!folder.exists("out/model.safetensors"))
  }

  @Test func `takes its progress bar away`() throws {
    let terminal = try Terminal(columns: 80)
    let process = try terminal.start(
      ["convert", "a.safetensors", "-o", "out.bin", "--progress", "always"], in: folder)
    #expect(terminal.read(until: "writing").contains("\r\u{1B}[K"))
    kill(process.processIdentifier, SIGINT)
    let rest = terminal.read()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(rest.hasSuffix("\r\u{1B}[K"), "\(rest)")
    #expect(try folder.names == ["a.safetensors", "b.safetensors"])
  }
}

@Suite struct `A progress bar` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.wide(count: 200), to: "a.safetensors")
    try folder.write(Fixture.safetensors(Fixture.story), to: "b.safetensors")
  }

  private static let commands = [
    ["diff", "a.safetensors", "b.safetensors"], ["convert", "a.safetensors", "-o", "out.bin"],
    ["ls", "b.safetensors", "--stats"], ["check", "b.safetensors"],
    ["edit", "b.safetensors", "--scale", "linear=2", "-o", "out.safetensors"],
    ["merge", "b.safetensors", "b.safetensors", "-o", "out.safetensors"],
    ["delta", "create", "b.safetensors", "b.safetensors", "-o", "out.safetensors"],
  ]

  @Test(arguments: commands)
  func `is gone when the command is done, and is no part of what it prints`(arguments: [String])
    throws
  {
    let seen = try Terminal(columns: 80).run(arguments + ["--progress", "always"], in: folder)
    try? FileManager.default.removeItem(atPath: folder.path("out.safetensors"))
    // What a bar drew is erased before anything else is drawn.
    let parts = seen.output.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false)
    #expect(parts.dropLast().dropFirst().allSatisfy { !$0.contains("\n") || !$0.contains("%") })
    #expect(!parts[parts.count - 1].contains(" ETA "), "\(seen.output)")
    let piped = try Tool.run(arguments + ["--progress", "always"], in: folder)
    #expect(!piped.output.contains(" ETA "))
    #expect(!piped.errors.contains("\u{1B}"))
    try? FileManager.default.removeItem(atPath: folder.path("out.safetensors"))
    let silent = try Tool.run(arguments, in: folder)
    #expect(silent.errors == "")
    #expect(silent.output == piped.output)
  }

  @Test func `and colours are for terminals that have not been told otherwise`() throws {
    let arguments = ["diff", "a.safetensors", "b.safetensors"]
    #expect(try Terminal(columns: 80).run(arguments, in: folder).output.contains("\u{1B}[31m"))
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
      let seen = try Terminal(columns: 80).run(
        arguments, in: folder, environment: [name: value])
      #expect(!seen.output.contains("\u{1B}["))
    }
    #expect(try !Tool.run(arguments, in: folder).output.contains("\u{1B}"))
  }
}
