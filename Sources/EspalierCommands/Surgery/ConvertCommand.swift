import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Synchronization

/// `espalier convert`: writes the same tensors in another file format, dtype or number of files.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert between safetensors, PyTorch files and shards, and between dtypes.",
    usage: "espalier convert <file> -o <output> [<options>]",
    discussion: """
      The extension of the output decides the format: PyTorch for .pt, .pth, .bin and .ckpt, \
      safetensors for .safetensors. Tensors are streamed, so a checkpoint may be larger than memory.

        espalier convert pytorch_model.bin -o model.safetensors
        espalier convert model.safetensors -o model.pt --dtype BF16
        espalier convert m.safetensors -o new/m.safetensors --shard-size 2GB
      """)

  @Argument(
    help: "A safetensors or PyTorch file, an index of shards, or a directory.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var file: String

  @Option(name: [.short, .customLong("output")], help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: "Convert floating-point tensors: F64, F32, F16, BF16, F8_E4M3, F8_E5M2, …",
    transform: { name in
      guard let dtype = DType(named: name), dtype.isFloatingPoint else {
        throw ValidationError(
          "'\(name)' is not a floating-point dtype; use one such as F32 or BF16")
      }
      return dtype
    })
  var dtype: DType?

  @OptionGroup var shards: ShardOptions

  @Flag(help: "Keep the strides of tensors that are not row-major (PyTorch files only).")
  var preserveStrides = false

  @OptionGroup var foreign: ForeignOptions
  @OptionGroup var older: ReplaceOptions

  @Flag(help: "Allow the output to replace the input file.")
  var inPlace = false

  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    let endings = [".safetensors", ".pt", ".pth", ".bin", ".ckpt"]
    guard endings.contains(where: output.hasSuffix) else {
      throw ValidationError(
        "the extension of \(quoted(output)) is not that of a checkpoint; use one of "
          + endings.joined(separator: ", "))
    }
    if preserveStrides, output.hasSuffix(".safetensors") {
      throw ValidationError("safetensors files have no strides; leave out --preserve-strides")
    }
  }

  func run() throws {
    let source = try Checkpoint.open(file)
    var checkpoint = source
    let losses = CastLosses()
    if let dtype { checkpoint = try checkpoint.converted(to: dtype, losses: losses) }
    let total = checkpoint.tensors.values.reduce(0) { $0 &+ $1.byteCount }
    let bar = Progress("writing", total: total, unit: .bytes, mode: progress.progress)
    let meter = Meter(bar)
    let options = WriteOptions(
      inPlace: inPlace, ignoresForeign: foreign.ignoreForeign, preservesStrides: preserveStrides,
      shardByteCount: shards.shardSize?.bytes, replacesOlder: older.replace,
      progress: { written, _ in meter.advance(to: written) })
    let beside = try checkpoint.olderFiles(writingTo: output, options: options)
    try checkpoint.write(to: output, options: options, beside: [], removing: [], older: beside)
    bar.finish()
    beside.note(writing: output)
    losses.warn()
    noteWhatIsLost(checkpoint)
    if let dtype { noteQuantized(source, dtype) }
    PartedTie.note(in: source, checkpoint, writtenTo: output)
  }

  private func noteQuantized(_ checkpoint: Checkpoint, _ dtype: DType) {
    let kept = checkpoint.keptQuantized(convertingTo: dtype)
    guard !kept.isEmpty, let first = checkpoint.quantizedTensors.first else { return }
    StandardError.note(
      "\(file): \(Text.counted(kept.count, "tensor")) \(kept.count == 1 ? "is not converted" : "are not converted"): "
        + first.refusal)
  }

  private func noteWhatIsLost(_ checkpoint: Checkpoint) {
    if output.hasSuffix(".safetensors") || shards.shardSize != nil,
      let count = try? checkpoint.values.count, count > 0
    {
      StandardError.note(
        "\(file): \(Text.counted(count, "value")) that \(count == 1 ? "is not a tensor is" : "are not tensors are") "
          + "left out; espalier ls --all shows \(count == 1 ? "it" : "them")")
    }
    checkpoint.noteLeftOut()
  }
}

/// Turns "bytes written so far" into steps.
private final class Meter: Sendable {
  private let bar: Progress
  private let done = Atomic(0)

  init(_ bar: Progress) { self.bar = bar }

  func advance(to count: Int) {
    bar.advance(by: count - done.exchange(count, ordering: .relaxed))
  }
}
