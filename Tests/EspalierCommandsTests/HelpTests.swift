import ArgumentParser
import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

/// All commands that do something.
private let commands: [any ParsableCommand.Type] = {
  var found: [any ParsableCommand.Type] = []
  var rest: [any ParsableCommand.Type] = [Espalier.self]
  while let next = rest.popLast() {
    if next.configuration.subcommands.isEmpty { found.append(next) }
    rest += next.configuration.subcommands
  }
  return found
}()

@Suite struct `Help pages` {
  @Test func `list what is required before everything else`() throws {
    var count = 0
    for command in commands {
      let info = try #require(CommandInfo(command))
      let lines = try #require(HelpPage(command, width: 80)).long().split(separator: "\n")
      let options = lines.filter { $0.hasPrefix("  -") }
      let required = info.arguments.filter { !$0.isOptional && $0.kind != .positional }
      count += required.count
      for (index, argument) in required.enumerated() {
        let place = options.firstIndex { $0.hasPrefix("  \(argument.label)") }
        #expect(
          try #require(place) < UsageDemands(info.usage).options.count, "\(info.path) \(index)")
      }
      if let heading = lines.firstIndex(where: { $0.hasPrefix("REQUIRED OPTIONS") }) {
        #expect(lines[..<heading].allSatisfy { !$0.hasPrefix("  -") }, "\(info.path)")
      } else {
        #expect(required.isEmpty, "\(info.path)")
      }
    }
    #expect(count > 8)
  }

  @Test func `name in their usage only options that exist`() throws {
    for command in commands {
      let info = try #require(CommandInfo(command))
      let names = Set(info.arguments.flatMap(\.names))
      #expect(UsageDemands(info.usage).options.subtracting(names).isEmpty, "\(info.path)")
    }
  }

  @Test(arguments: [20, 40, 80, 100])
  func `keep every example as it was written, at any width`(_ width: Int) throws {
    for command in commands {
      let page = try #require(HelpPage(command, width: width)).long()
      let examples = HelpPage.examples(in: command.configuration.discussion)
      #expect(!examples.isEmpty)
      for example in examples { #expect(page.contains(example.joined(separator: "\n"))) }
    }
  }

  @Test(arguments: [40, 80])
  func `take no more columns than there are, apart from examples and names`(_ width: Int) throws {
    for command in commands {
      let page = try #require(HelpPage(command, width: width))
      for line in (page.long() + "\n" + page.short()).split(separator: "\n")
      where !line.hasPrefix("  ") && line.contains(" ") && !line.contains("https://") {
        #expect(line.count <= width, "\(line)")
      }
    }
  }

  @Test func `are short with -h: one line for an option, one example`() throws {
    for command in commands {
      let info = try #require(CommandInfo(command))
      let page = try #require(HelpPage(command, width: 80)).short()
      let lines = page.split(separator: "\n")
      #expect(lines.count < 48, "\(info.path)")
      #expect(lines.allSatisfy { $0.count <= 80 }, "\(info.path)")
      #expect(page.components(separatedBy: "\n  espalier ").count == 2, "\(info.path)")
      let required = info.arguments.filter { !$0.isOptional }
      for argument in required { #expect(page.contains("\n  \(argument.label)"), "\(info.path)") }
      let folder = try Folder()
      let words = Array(info.path.dropFirst())
      let short = try Tool.run(words + ["-h"], in: folder)
      #expect(short.status == 0 && short.output == page + "\n" && short.errors == "")
    }
  }

  @Test func `are long with --help and help`() throws {
    let folder = try Folder()
    let long = try Tool.run("train", "--help", in: folder)
    #expect(long.output.contains("\n  --precision <precision>"))
    #expect(try Tool.run("help", "train", in: folder).output == long.output)
    #expect(try Tool.run("train", "-h", "--help", in: folder).output == long.output)
    #expect(try Tool.run("train", "-h", in: folder).output.contains("--precision") == false)
    #expect(try Tool.run(in: folder).output == Tool.run("-h", in: folder).output)
  }

  @Test func `name no file that is not installed`() throws {
    for command in commands + [Espalier.self, MaskCommand.self] {
      let page = try #require(HelpPage(command, width: 80)).long()
      for part in page.components(separatedBy: "docs/").dropLast() {
        #expect(part.hasSuffix("https://github.com/OWNER/espalier/blob/main/"), "\(command)")
      }
    }
  }
}

@Suite struct `Help topics` {
  private func document(_ topic: HelpTopic) throws -> String {
    let root = URL(fileURLWithPath: Fixtures.path("")).deletingLastPathComponent()
    return try String(
      contentsOf: root.appendingPathComponent("docs/\(topic.document)"), encoding: .utf8)
  }

  @Test(arguments: HelpTopic.allCases)
  func `are the documents of docs, word for word`(_ topic: HelpTopic) throws {
    #expect(topic.markdown == (try document(topic)))
  }

  @Test(arguments: HelpTopic.allCases)
  func `are printed by the program, with no mark of Markdown and with whole links`(
    _ topic: HelpTopic
  ) throws {
    let result = try Tool.run("help", topic.rawValue, in: try Folder())
    #expect(result.status == 0)
    #expect(result.errors == "")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count > 60)
    #expect(!lines.contains { $0.hasPrefix("```") || $0.hasPrefix("|") || $0.hasPrefix("#") })
    #expect(!result.output.contains("]("))
    // Every command of the document is on a line of its own.
    for line in try document(topic).split(separator: "\n") where line.hasPrefix("$ ") {
      #expect(lines.contains("    \(line)"), "\(line)")
    }
    for line in lines where !line.hasPrefix("    ") && line.count > 80 {
      // A word that does not fit a line is not broken.
      #expect(line.split(separator: " ").contains { $0.count > 40 }, "\(line)")
    }
  }

  @Test func `have sections, of which one can be printed`() throws {
    let folder = try Folder()
    let section = try Tool.run("help", "json", "graft", in: folder)
    #expect(section.status == 0)
    #expect(section.output.hasPrefix("GRAFT\n\nespalier graft tiny --head linear"))
    #expect(!section.output.contains("\nMERGE"))
    let unknown = try Tool.run("help", "json", "nothing", in: folder)
    #expect(unknown.status == 64)
    #expect(
      unknown.errors.hasPrefix(
        "espalier: error: the topic json has no section \"nothing\"; use one of \"Errors\", \"ls\", "
      ))
  }

  @Test func `that do not exist are an error with the nearest one`() throws {
    let folder = try Folder()
    let result = try Tool.run("help", "selector", in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: there is no command or topic \"selector\"; did you mean `selectors`?\n"))
    #expect(try Tool.run("help", "mask", "nothing", in: folder).status == 64)
  }

  @Test func `are listed where help is asked for`() throws {
    let result = try Tool.run("--help", in: try Folder())
    for topic in HelpTopic.allCases {
      #expect(result.output.contains("\n  help \(topic.rawValue) "))
    }
  }

  @Test func `have tables in columns, and as paragraphs where columns do not fit`() {
    let markdown = """
      | name | meaning |
      |---|---|
      | `a` | the first, with a [page](b.md) |
      | `b\\|c` | the second |
      """
    let page = { MarkdownPage(markdown, width: $0, link: { "https://x/\($0)" }).text }
    #expect(
      page(60) == """
        name  meaning
        a     the first, with a page (https://x/b.md)
        b|c   the second
        """)
    #expect(
      page(24) == """
        a
            the first, with a
            page
            (https://x/b.md)
        b|c
            the second
        """)
  }
}
