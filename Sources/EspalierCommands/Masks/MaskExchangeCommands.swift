public import ArgumentParser
import CheckpointFiles
import OrderedCollections
public import ParameterSurgery

extension TrainerFormat: ExpressibleByArgument {}
extension ImportedMask.Source: ExpressibleByArgument {}

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
          "\(shown(pattern.text)) matches \(plural(pattern.matched.count, "tensor"))")
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

/// `espalier mask union`.
struct MaskUnionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "union",
    abstract: "Write a mask under which a tensor trains when it trains in either of two masks.",
    discussion: """
      Both masks must be for the same checkpoint.

        espalier mask union a.json b.json -o both.json
      """)

  @OptionGroup var masks: TwoMasks

  func run() throws { try masks.write { a, b throws(SurgeryError) in try a.union(b) } }
}

/// `espalier mask intersect`.
struct MaskIntersectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "intersect",
    abstract: "Write a mask under which a tensor trains when it trains in both of two masks.",
    discussion: """
      Both masks must be for the same checkpoint.

        espalier mask intersect a.json b.json -o common.json
      """)

  @OptionGroup var masks: TwoMasks

  func run() throws { try masks.write { a, b throws(SurgeryError) in try a.intersection(b) } }
}

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

/// `espalier mask invert`.
struct MaskInvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invert",
    abstract:
      "Write the opposite of a mask: frozen tensors train, and those that train are frozen.",
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
      let folded = KeyGroups(changes.count, folds: groups.folds(changes.count)) {
        [changes[$0].key]
      } trait: {
        states[$0]
      }
      for group in folded.groups {
        let times = group.times.isEmpty ? "" : "\(group.times)  "
        let rest = "  \(times)\(states[group.first])"
        let room = StandardOutput.shared.width.map { max(20, $0 - 3 - displayWidth(rest)) } ?? .max
        StandardOutput.shared.line("~  \(middleTruncated(group.name, to: room))\(rest)")
      }
      StandardOutput.shared.line(
        changes.isEmpty
          ? "no difference"
          : "\(plural(changes.count, "tensor")) \(changes.count == 1 ? "differs" : "differ")")
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
