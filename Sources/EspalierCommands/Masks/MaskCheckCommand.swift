import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier mask check`.
struct MaskCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check whether a freeze mask fits a checkpoint.",
    discussion: """
      A mask fits every checkpoint with the same keys, dtypes and shapes; the values do not matter. Exit \
      status 1 when it does not fit; the lines then list the differences.

        espalier mask check freeze.json model
      """)

  @Argument(help: "A freeze mask.", completion: .file())
  var mask: String

  @OptionGroup var checkpoint: CheckpointArgument

  @OptionGroup var format: OutputOptions

  func run() throws {
    let tree = ParameterTree(try Checkpoint.open(checkpoint.file))
    let mask = try FreezeMask(path: mask, for: tree)
    let mismatch = mask.mismatch(with: tree)
    let output = StandardOutput.shared
    if format.json {
      printJSON(mismatch)
    } else if let mismatch {
      output.paragraph(oneLine("\(self.mask) does not fit \(checkpoint.file): \(mismatch)"))
    } else {
      let trains = mask.trainableKeys.count
      output.sentence(
        "\(self.mask) fits \(checkpoint.file): \(Text.counted(mask.states.count, "tensor")), "
          + "\(grouped(trains)) of them \(trains == 1 ? "trains" : "train")")
    }
    if mismatch != nil { throw ExitStatus.no }
  }

  private func printJSON(_ mismatch: FreezeMask.Mismatch?) {
    func keys(_ name: String, _ keys: [Key]?, _ json: inout JSONStream) {
      json.array(name, keys ?? []) { key, text in JSONValue.writeString(key.string, to: &text) }
    }
    var json = JSONStream()
    json.member("mask", .string(mask))
    json.member("path", .string(checkpoint.file))
    json.member("fits", .bool(mismatch == nil))
    json.member("reason", mismatch.map { .string($0.description) } ?? .null)
    keys("missing", mismatch?.missingKeys, &json)
    keys("unexpected", mismatch?.unexpectedKeys, &json)
    json.finish()
  }
}
