import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier mask invert`.
struct MaskInvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invert",
    abstract:
      "Invert a mask: frozen tensors train, and the others are frozen.",
    discussion: """
      Rows are inverted, too. Integer tensors have no gradient and stay frozen.

        espalier mask invert freeze.json model -o rest.json
      """)

  @Argument(help: "A freeze mask.", completion: .file())
  var mask: String

  @OptionGroup var checkpoint: CheckpointArgument

  @OptionGroup var written: MaskOutput

  @OptionGroup var format: OutputOptions

  func run() throws {
    let read = try Checkpoint.open(checkpoint.file)
    let tree = ParameterTree(read)
    let freeze = try FreezeMask(path: mask, for: tree)
    try WholeFile.checkWriting(to: written.output, reading: [mask], read)
    let result = try InputError.naming(checkpoint.file) { try freeze.inverted(in: tree) }
    try MaskReport.write(result, to: written.output, json: format.json, in: tree)
  }
}
