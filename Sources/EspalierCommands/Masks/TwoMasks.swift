import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// Two masks of one checkpoint, and the output.
struct TwoMasks: ParsableArguments {
  @Argument(help: "A freeze mask.", completion: .file())
  var a: String

  @Argument(help: "Another freeze mask for the same checkpoint.", completion: .file())
  var b: String

  @OptionGroup var written: MaskOutput

  @OptionGroup var format: OutputOptions

  func write(
    _ combine: (FreezeMask, FreezeMask) throws(SurgeryError) -> FreezeMask
  ) throws {
    let first = try FreezeMask(path: a)
    let second = try FreezeMask(path: b)
    try WholeFile.checkWriting(to: written.output, reading: [a, b])
    let result = try InputError.naming(b) { try combine(first, second) }
    try MaskReport.write(result, to: written.output, json: format.json, in: nil)
  }
}
