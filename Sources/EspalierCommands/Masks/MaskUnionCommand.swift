import ArgumentParser
import ParameterSurgery

/// `espalier mask union`.
struct MaskUnionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "union",
    abstract: "Write the union of two masks: tensors that train in either.",
    discussion: """
      Both masks must be for the same checkpoint.

        espalier mask union a.json b.json -o both.json
      """)

  @OptionGroup var masks: TwoMasks

  func run() throws { try masks.write { a, b throws(SurgeryError) in try a.union(b) } }
}
