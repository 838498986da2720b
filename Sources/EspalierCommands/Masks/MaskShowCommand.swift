import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier mask show`.
struct MaskShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show which tensors train under a freeze mask.",
    discussion: """
        espalier mask show freeze.json
        espalier mask show freeze.json --group
      """)

  @Argument(help: "A freeze mask.", completion: .file())
  var mask: String

  @OptionGroup var groups: GroupOptions
  @OptionGroup var format: OutputOptions

  func validate() throws { try groups.check(against: [("--json", format.json)]) }

  func run() throws {
    let report = MaskReport(try FreezeMask(path: mask), in: nil)
    if format.json {
      report.printJSON(path: mask, warnings: [])
    } else {
      report.print(path: mask, groups: groups)
    }
  }
}
