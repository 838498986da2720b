import ArgumentParser

/// `espalier mask`: freeze masks.
struct MaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mask",
    abstract:
      "Write, show, combine and exchange freeze masks: files that list which tensors train.",
    discussion: """
        espalier mask create model --train linear -o freeze.json
        espalier mask show freeze.json
        espalier mask check freeze.json model

      'espalier help masks' describes the format and shows how to apply a mask in ten lines of Python.
      """,
    subcommands: [
      MaskCreateCommand.self, MaskShowCommand.self, MaskCheckCommand.self, MaskDiffCommand.self,
      MaskUnionCommand.self, MaskIntersectCommand.self, MaskInvertCommand.self,
      MaskExportCommand.self, MaskImportCommand.self,
    ])
}
