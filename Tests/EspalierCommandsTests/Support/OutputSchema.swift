import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

/// The schemas of docs/schema/. ``Tool`` checks against them everything that is printed with `--json` in any test.
enum OutputSchema {
  private static let folder = URL(fileURLWithPath: Fixtures.path("")).deletingLastPathComponent()
    .appendingPathComponent("docs/schema")

  /// The schema of a name, such as `ls`; `nil` when there is no such file.
  static func schema(_ name: String) throws -> JSONSchema? {
    let path = folder.appendingPathComponent("\(name).schema.json").path
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    return try JSONSchema(try Fixtures.bytes(path))
  }

  /// The name of the schema of a command: of its own, or of the commands of its group.
  static func name(of words: [String]) throws -> String? {
    let commands = words.prefix { $0.allSatisfy { $0.isLetter || $0 == "-" } && !$0.hasPrefix("-") }
    for count in [2, 1] where commands.count >= count {
      let name = commands.prefix(count).joined(separator: "-")
      if try schema(name) != nil { return name }
    }
    return nil
  }

  /// Records an issue for each output of a run with `--json` that does not fit its schema.
  static func check(_ arguments: [String], _ result: Tool.Result) {
    guard arguments.prefix(while: { $0 != "--" }).contains("--json") else { return }
    do {
      if let name = try name(of: arguments), let schema = try schema(name) {
        // `predict` prints an object for each line.
        let texts =
          name == "predict"
          ? result.output.split(separator: "\n").map(String.init) : [result.output]
        for text in texts where !text.isEmpty {
          for problem in schema.problems(in: Array(text.utf8)) {
            Issue.record("\(arguments.joined(separator: " ")): \(name): \(problem)")
          }
        }
      }
      guard result.status == 2 || result.status == 64 else { return }
      let last = result.errors.split(separator: "\n").last { !$0.hasPrefix("espalier: ") } ?? ""
      let problems = try #require(try schema("error")).problems(in: Array(last.utf8))
      for problem in problems {
        Issue.record("\(arguments.joined(separator: " ")): error: \(problem): \(result.errors)")
      }
    } catch {
      Issue.record(error)
    }
  }
}
