import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier delta`: stores only changed tensors.
struct DeltaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delta",
    abstract: "Store only the changes of a tuned checkpoint, and apply them again.",
    discussion: """
      A delta is a safetensors file with the changed tensors or rows and the SHA-256 of its base. It \
      cannot be applied to another base.

        espalier delta create base tuned -o head.delta.safetensors
        espalier delta apply base head.delta.safetensors -o tuned
      """,
    subcommands: [Create.self, Apply.self])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Write the difference between a tuned checkpoint and its base.",
      usage: "espalier delta create <base> <tuned> --output <delta> [<options>]",
      discussion: """
          espalier delta create base tuned -o head.delta.safetensors
        """)

    @Argument(
      help: "The base checkpoint.", completion: .file(), transform: HuggingFaceCache.path(of:))
    var base: String

    @Argument(
      help: "The tuned checkpoint.", completion: .file(), transform: HuggingFaceCache.path(of:))
    var tuned: String

    @Option(
      name: [.customShort("o"), .long],
      help: ArgumentHelp("The delta to write, a .safetensors file.", valueName: "delta"),
      completion: .file())
    var output: String

    @OptionGroup var foreign: ForeignOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var progress: ProgressOptions

    func validate() throws {
      if !output.hasSuffix(".safetensors") {
        throw ValidationError(
          "a delta is a safetensors file; use a name that ends in .safetensors")
      }
    }

    func run() throws {
      let comparison = Progress("comparing", unit: .bytes, mode: progress.progress)
      let delta = try CheckpointDelta(
        from: try foreign.open(base), to: try foreign.open(tuned)
      ) { done, total in comparison.reach(done, of: total) }
      comparison.finish()
      let bytes = delta.checkpoint.tensors.values.reduce(0) { $0 &+ $1.byteCount }
      let bar = Progress("writing", total: bytes, unit: .bytes, mode: progress.progress)
      try delta.checkpoint.write(
        to: output, options: WriteOptions(progress: { written, _ in bar.reach(written) }))
      bar.finish()
      let rows = delta.rows.values.reduce(0) { $0 + $1.count }
      if format.json {
        var json = JSONStream()
        json.member("path", .string(output))
        json.member("tensors", .integer(delta.wholeKeys.count))
        json.member("rows", .integer(rows))
        json.member("renamed", .integer(delta.renamed.count))
        json.member("bytes", .integer(bytes))
        json.member("base_sha256", .string(delta.baseDigest))
        json.finish()
        return
      }
      var parts = [Text.counted(delta.wholeKeys.count, "tensor")]
      if rows > 0 {
        parts.append("\(Text.counted(rows, "row")) of \(Text.counted(delta.rows.count, "tensor"))")
      }
      if !delta.renamed.isEmpty { parts.append("\(grouped(delta.renamed.count)) renamed") }
      StandardOutput.shared.sentence(
        "\(output): \(parts.joined(separator: ", ")), \(byteText(bytes))")
    }
  }

  struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "apply",
      abstract: "Apply a delta to its base and write the tuned checkpoint.",
      usage: "espalier delta apply <base> <delta> --output <output> [<options>]",
      discussion: """
          espalier delta apply base head.delta.safetensors -o tuned
          espalier train --model base --train linear --data t.tsv --save delta -o head
          espalier delta apply base head -o tuned
        """)

    @Argument(
      help: "The base checkpoint.", completion: .file(), transform: HuggingFaceCache.path(of:))
    var base: String

    @Argument(
      help: "The delta, or the folder of a run with --save delta.", completion: .file(),
      transform: HuggingFaceCache.path(of:))
    var delta: String

    @OptionGroup var written: CheckpointOutput

    @OptionGroup var foreign: ForeignOptions
    @OptionGroup var older: ReplaceOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var progress: ProgressOptions

    func validate() throws { try ModelOutput.checkEnding(of: written.output) }

    func run() throws {
      guard let file = CheckpointDelta.path(at: delta) else {
        throw InputError("\(delta): there is no \(CheckpointDelta.fileName) in this folder")
      }
      let change = try CheckpointDelta(reading: try Checkpoint.open(file))
      let base = try foreign.open(base)
      if older.replace, WholeFile.isSame(delta, written.output) {
        throw InputError(
          "\(written.output): holds the delta that is read; write to another directory")
      }
      let target = ModelOutput(
        base: base, path: written.output, ignoresForeign: foreign.ignoreForeign,
        replacesOlder: older.replace, addsFormat: false)
      let reading = Progress(
        "reading the base", total: base.tensors.values.reduce(0) { $0 &+ $1.byteCount },
        unit: .bytes, mode: progress.progress)
      let tuned = try base.applying(change) { reading.advance(by: $0) }
      reading.finish()
      let bar = Progress(
        "writing", total: tuned.tensors.values.reduce(0) { $0 &+ $1.byteCount }, unit: .bytes,
        mode: progress.progress)
      try target.write(tuned, progress: bar) { files in
        if let run = ModelFolder.run(of: delta) { try ModelFolder.addRun(from: run, to: &files) }
      }
      bar.finish()
      if format.json {
        var json = JSONStream()
        json.member("path", .string(written.output))
        json.member("tensors", .integer(tuned.tensors.count))
        json.finish()
      } else {
        StandardOutput.shared.sentence(
          "\(written.output): \(Text.counted(tuned.tensors.count, "tensor"))")
      }
    }
  }
}
