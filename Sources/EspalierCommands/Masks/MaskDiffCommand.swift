import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier mask diff`.
struct MaskDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show which tensors two masks treat differently.",
    discussion: """
      Exit status: 0 no difference, 1 a difference, 2 an error.

        espalier mask diff before.json after.json
      """)

  @Argument(help: "A freeze mask.", completion: .file())
  var a: String

  @Argument(help: "Another freeze mask.", completion: .file())
  var b: String

  @OptionGroup var groups: GroupOptions
  @OptionGroup var format: OutputOptions

  func validate() throws { try groups.check(against: [("--json", format.json)]) }

  func run() throws {
    let first = try FreezeMask(path: a)
    let changes = first.changes(to: try FreezeMask(path: b))
    if format.json {
      var json = JSONStream()
      json.array("changed", changes) { change, text in
        text += "{\"key\":"
        JSONValue.writeString(change.key.string, to: &text)
        text += ",\"states\":[\(encoded(change.before)),\(encoded(change.after))]}"
      }
      json.member("same", .integer(first.states.keys.count - changes.count { $0.before != nil }))
      json.finish()
    } else {
      let states = changes.map { "\(word($0.before)) => \(word($0.after))" }
      let folds = groups.folds(changes.count)
      let folded = KeyGroups(changes.count, folds: folds, among: first.states.keys) {
        [changes[$0].key]
      } trait: {
        states[$0]
      }
      var table = Table(
        [.init("~"), .init("KEY", shrinks: true, breaks: folds)]
          + (folds ? [.init("COUNT", .right)] : []) + [.init("STATES")])
      table.hasHeadings = false
      for group in folded.groups {
        table.append(["~", group.name] + (folds ? [group.times] : []) + [states[group.first]])
      }
      table.print()
      groups.note([folded])
      StandardOutput.shared.line(
        changes.isEmpty
          ? "no difference"
          : "\(Text.counted(changes.count, "tensor")) \(changes.count == 1 ? "differs" : "differ")")
    }
    if !changes.isEmpty { throw ExitStatus.no }
  }

  private func word(_ state: FreezeMask.State?) -> String {
    switch state {
    case nil: "not listed"
    case .trainable?: "trains"
    case .frozen?: "frozen"
    case .rows(let rows)?: "trains in rows \(rows.text)"
    }
  }

  private func encoded(_ state: FreezeMask.State?) -> String {
    switch state {
    case nil: "null"
    case .trainable?: "true"
    case .frozen?: "false"
    case .rows(let rows)?: "{\"train_rows\":\(rows.jsonValue.text())}"
    }
  }
}
