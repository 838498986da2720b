public import ArgumentParser
import CheckpointFiles
public import ParameterSurgery

extension ImportedMask.Source: ExpressibleByArgument {}

/// `espalier mask import`.
struct MaskImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Write the freeze mask of another trainer's configuration.",
    usage: "espalier mask import <config> <file> --from <trainer> -o <mask>",
    discussion: """
      Patterns match by the rules of that trainer, and the report shows what they matched: for several \
      trainers, layer.1 also matches layer.10. A setting that changes what trains and is not understood \
      is an error. Trainers: axolotl, llamafactory, ms-swift (args.json), names (one name on each line), \
      ort (requires_grad and frozen_params), peft (adapter_config.json), requires-grad (a JSON object of \
      names and true or false). For LLaMA-Factory, the number of layers is read from the config.json in \
      the folder of the checkpoint.

        espalier mask import config.yml model --from axolotl -o freeze.json
      """)

  @Argument(help: "The configuration file of the trainer.", completion: .file())
  var config: String

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(help: "The trainer of the configuration.")
  var from: ImportedMask.Source

  @OptionGroup var written: MaskOutput

  @OptionGroup var format: OutputOptions

  func run() throws {
    let read = try Checkpoint.open(checkpoint.file)
    try WholeFile.checkWriting(to: written.output, reading: [config], read)
    let tree = ParameterTree(read)
    let imported = try ImportedMask(
      from, path: config, in: tree, configuration: configuration(of: read))
    try imported.mask.write(to: written.output)
    let warnings =
      imported.warnings
      + imported.patterns.compactMap { pattern in
        pattern.stray.map {
          "\(shown(pattern.text)) matches only a part of a component in \(quoted($0.string))"
        }
      }
    for warning in warnings { StandardError.warning("\(config): \(warning)") }
    for note in imported.notes { StandardError.note("\(config): \(note)") }
    let report = MaskReport(imported.mask, in: tree)
    if format.json {
      report.printJSON(path: written.output, warnings: warnings, patterns: imported.patterns)
    } else {
      for pattern in imported.patterns {
        StandardOutput.shared.line(
          "\(shown(pattern.text)) matches \(Text.counted(pattern.matched.count, "tensor"))")
      }
      report.print(path: written.output)
    }
  }

  /// `config.json` of the model, if there is one.
  private func configuration(of checkpoint: Checkpoint) throws -> JSONValue? {
    let folder =
      WholeFile.isFolder(checkpoint.path) ? checkpoint.path : Path.parent(of: checkpoint.path)
    let path = Path.join(folder, "config.json")
    return WholeFile.exists(path) ? try ModelFolder.json(path) : nil
  }
}
