public import ArgumentParser
import CheckpointFiles
public import ParameterSurgery

extension TrainerFormat: ExpressibleByArgument {}

/// `espalier mask export`.
struct MaskExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a freeze mask as settings of another trainer.",
    usage: "espalier mask export <mask> --to <format> [-o <file>]",
    discussion: """
      torch and hf are Python files that apply the mask, including its rows; the others are settings to \
      copy. A mask that another trainer cannot express exactly is an error. Formats: torch, hf, names, \
      peft, axolotl, llamafactory, ms-swift, ort.

        espalier mask export freeze.json --to torch -o freeze_mask.py
        espalier mask export freeze.json --to axolotl
      """)

  @Argument(help: "A freeze mask.", completion: .file())
  var mask: String

  @Option(help: "The format to write.")
  var to: TrainerFormat

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("The file to write; default: standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  func run() throws {
    let freeze = try FreezeMask(path: mask)
    if let output { try WholeFile.checkWriting(to: output, reading: [mask]) }
    let text = try InputError.naming(mask) { try freeze.exported(to: to) }
    guard let output else { return StandardOutput.shared.write(text) }
    try WholeFile.write(Array(text.utf8), to: output)
  }
}
