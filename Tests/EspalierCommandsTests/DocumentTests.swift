import EspalierTestSupport
import Foundation
import Testing

/// What the documents say that one sees is what one sees.
@Suite struct `Documents` {
  static let root = URL(fileURLWithPath: Fixtures.path("..")).standardizedFileURL

  /// README.md, its neighbours and everything in docs/, as paths from the root.
  static let all: [String] = {
    let manager = FileManager.default
    let top = (try? manager.contentsOfDirectory(atPath: root.path)) ?? []
    let docs = (try? manager.contentsOfDirectory(atPath: root.path + "/docs")) ?? []
    return (top + docs.map { "docs/\($0)" }).filter { $0.hasSuffix(".md") }.sorted()
  }()

  private static func text(_ document: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
  }

  /// The blocks of a document are one session in a folder that has `fixtures/`, as a clone does. From the
  /// first command on that reads `.cache/`, they need what `scripts/quickstart` fetches: without it they
  /// are left out here, and checked by `scripts/test-interop`.
  @Test(arguments: all)
  func `every transcript is what the tool prints`(document: String) throws {
    let folder = try Folder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("fixtures"), withDestinationPath: Fixtures.path(""))
    let cache = Self.root.appendingPathComponent(".cache").path
    try FileManager.default.createSymbolicLink(
      atPath: folder.path(".cache"), withDestinationPath: cache)
    for step in Transcript(try Self.text(document)).steps {
      if step.command.contains(".cache/"),
        !FileManager.default.fileExists(atPath: cache + "/all-minilm-l6-v2/model.safetensors")
      {
        break
      }
      // An explicit status, so that a command that fails without saying so is noticed.
      let run = try Tool.shell("{ \(step.command)\n} 2>&1", in: folder)
      var printed = run.output.split(separator: "\n", omittingEmptySubsequences: false)
        .map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
      while printed.last?.isEmpty == true { printed.removeLast() }
      #expect(
        Transcript.matches(printed, step.output),
        """
        \(document):\(step.line): $ \(step.command)
        prints
        \(printed.joined(separator: "\n"))
        and not
        \(step.output.joined(separator: "\n"))
        """)
      let refused = printed.contains { $0.hasPrefix("espalier: error: ") }
      #expect((run.status >= 2) == refused, "\(document):\(step.line): status \(run.status)")
    }
  }

  @Test func `the first screen has a refusal`() throws {
    let steps = Transcript(try Self.text("README.md")).steps
    #expect(steps.prefix(5).contains { $0.output.contains { $0.hasPrefix("espalier: error: ") } })
  }

  @Test func `every figure of the README is one of docs/performance.md`() throws {
    let section = try Self.text("README.md").split(separator: "\n## ").first {
      $0.hasPrefix("Performance\n")
    }
    let rows = try #require(section).split(separator: "\n").filter { $0.hasPrefix("| ") }
      .dropFirst()
    #expect(rows.count > 4)
    let measured = try Self.text("docs/performance.md")
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for cell in cells[1...2] {
        let figure = try #require(cell.firstMatch(of: /[0-9][0-9.,]* (?:s|ms|tokens)/))
        #expect(measured.contains(figure.0), "\(row)")
      }
      let script = cells[3].drop { $0 == "`" }.prefix { $0 != "`" }
      #expect(measured.contains(script), "\(row)")
    }
  }

  /// Commands without output are not run: they install, fetch, or take long.
  @Test(arguments: all)
  func `every script that a document names is there`(document: String) throws {
    for step in Transcript(try Self.text(document)).commands {
      let word = String(step.command.prefix { $0 != " " })
      guard word.contains("/") else { continue }
      #expect(
        FileManager.default.isExecutableFile(atPath: Self.root.path + "/" + word),
        "\(document):\(step.line): \(word)")
    }
  }

  @Test(arguments: all)
  func `every option that a document names is one of its command's`(document: String) throws {
    let folder = try Folder()
    var helps: [String: String] = [:]
    // A call, in a block or between backticks, to the end of the command.
    let call = /(?:\$ |`|^ {4}|^)espalier ((?:[^`|;&#\n]|\\\n)+)/.anchorsMatchLineEndings()
    for match in try Self.text(document).matches(of: call) {
      let words = match.1.split(whereSeparator: { " \n\\".contains($0) }).map(String.init)
      let path = Array(words.prefix { $0.allSatisfy { $0.isLetter && $0.isLowercase } }.prefix(2))
      for option in words where option.hasPrefix("--") {
        let name = String(option.prefix { $0.isLetter || $0 == "-" || $0.isNumber })
        // `mask create` has two words, `ls file` one.
        let known = try stride(from: path.count, through: 0, by: -1).contains { count in
          let key = path.prefix(count).joined(separator: " ")
          if helps[key] == nil {
            let help = try Tool.run(Array(path.prefix(count)) + ["--help"], in: folder)
            helps[key] = help.status == 0 ? help.output : ""
          }
          return helps[key]?.contains(try Regex(name + #"(?![a-z0-9-])"#)) == true
        }
        #expect(known, "\(document): espalier \(match.1): \(name)")
      }
    }
  }
}

/// The reader of the documents, so that their test can fail.
@Suite struct `Transcripts` {
  @Test func `commands and what they print are told apart`() {
    let text = """
      Text with $ a sign.

      ```console
      $ one \\
          more
      first

      $ two
      $ three
        …
      last
      ```
      ```json
      {"a": 1}
      ```
      ```sh
      scripts/test
      ```
      """
    let transcript = Transcript(text)
    #expect(
      transcript.steps == [
        .init(line: 4, command: "one \\\n    more", output: ["first"]),
        .init(line: 8, command: "two", output: []),
        .init(line: 9, command: "three", output: ["  …", "last"]),
      ])
    #expect(transcript.commands == [.init(line: 17, command: "scripts/test", output: [])])
  }

  @Test func `an ellipsis stands for any lines, or any text of one line`() {
    let printed = ["a 1 b", "two", "three", "four"]
    #expect(Transcript.matches(printed, printed))
    #expect(Transcript.matches(printed, ["a … b", "  …", "four"]))
    #expect(Transcript.matches(printed, ["  …", "three", "  …"]))
    #expect(Transcript.matches(printed, ["a…", "…", "t…", "three", "four"]))
    #expect(Transcript.matches([], ["  …"]))
    #expect(!Transcript.matches(printed, ["a … c", "  …"]))
    #expect(!Transcript.matches(printed, ["  …", "three"]))
    #expect(!Transcript.matches(printed, Array(printed.dropLast())))
    #expect(!Transcript.matches([], ["a"]))
  }
}
