import ArgumentParser
import ParameterSurgery

/// `espalier mask intersect`.
struct MaskIntersectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "intersect",
    abstract: "Write the intersection of two masks: tensors that train in both.",
    discussion: """
      Both masks must be for the same checkpoint.

        espalier mask intersect a.json b.json -o common.json
      """)

  @OptionGroup var masks: TwoMasks

  func run() throws { try masks.write { a, b throws(SurgeryError) in try a.intersection(b) } }
}
