import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `espalier ls`: what is in a checkpoint.
struct ListCommand: ParsableCommand {
  /// The orders of a listing.
  enum Order: String, ExpressibleByArgument, CaseIterable {
    /// As the file has them.
    case file
    /// Numbers as numbers: `layer.2` before `layer.10`.
    case natural
    /// The largest first.
    case size
  }

  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List the tensors of a checkpoint: key, dtype, shape and size.",
    usage: "espalier ls <file> [<selector> ...] [<options>]",
    discussion: """
      Only headers are read, unless --stats or --sha256 ask for the elements.

        espalier ls model.safetensors
        espalier ls google-bert/bert-base-uncased --tree --sort natural
        espalier ls model.bin 'bert.encoder.layer[-2:]' '!**:role(norm)' --stats
        espalier ls model.safetensors 'embeddings.word_embeddings.weight[30522:]'
        espalier ls model.safetensors.index.json --group
        espalier ls https://example.org/model.safetensors
      """)

  @Argument(
    help:
      "A safetensors or PyTorch file, an index of shards, a directory, a model in the Hugging Face cache, or the address of a safetensors file or index.",
    completion: .file(),
    transform: CheckpointName.path)
  var file: String

  @Argument(help: "What to list; without selectors, everything.")
  var selectors: [String] = []

  @Flag(help: "Draw the keys as a tree.")
  var tree = false

  @Option(help: "The order of the rows.")
  var sort: Order = .file

  @Flag(
    help: """
      Read the elements: minimum, maximum, mean, standard deviation (n - 1), Euclidean norm, and how \
      many are NaN or infinite.
      """)
  var stats = false

  @Flag(
    name: .customLong("sha256"),
    help: "The SHA-256 of the elements, in row-major order and little-endian.")
  var digests = false

  @Flag(help: "Show metadata, values that are not tensors, and what cannot be read, too.")
  var all = false

  @Flag(help: "Add the number of tensors, elements and bytes of each dtype.")
  var totals = false

  @Option(
    help: ArgumentHelp("How long a server may take for each request.", valueName: "seconds"))
  var timeout = 60

  @OptionGroup var groups: GroupOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout takes a number of seconds") }
    if RemoteCheckpoint.isAddress(file), stats || digests {
      throw ValidationError(
        "--stats and --sha256 read the elements, which are not fetched: download the file first")
    }
    if tree, output.json { throw ValidationError("--tree and --json exclude each other") }
    try groups.check(against: [
      ("--json", output.json), ("--tree", tree), ("--stats", stats), ("--sha256", digests),
    ])
    if tree, stats || digests {
      throw ValidationError("--tree shows headers only: leave out --stats and --sha256")
    }
  }

  /// The tree of keys is made when it is asked for: a listing of everything does not need it.
  private func listing(of checkpoint: Checkpoint) throws -> Listing {
    let isEverything = selectors.isEmpty && selection.expect == nil
    if isEverything, let listing = Listing(untied: checkpoint) { return listing }
    let parameters = ParameterTree(checkpoint)
    let selected =
      isEverything ? nil : try selection.select(selectors, in: parameters, of: file)
    return Listing(checkpoint, parameters, selected)
  }

  private func open() throws -> Checkpoint {
    if RemoteCheckpoint.isAddress(file) {
      return try RemoteCheckpoint.open(file, timeout: timeout, progress: progress.progress)
    }
    do {
      return try Checkpoint.open(file)
    } catch {
      guard error.path == file, let sentence = CheckpointName.sentence(for: error),
        let listing = CheckpointName.listing(of: file)
      else { throw error }
      throw InputError("\(sentence); \(listing)")
    }
  }

  func run() throws {
    let checkpoint = try open()
    var listing = try listing(of: checkpoint)
    listing.sort(by: sort)
    if stats || digests {
      try listing.readElements(
        of: checkpoint, statistics: stats, digests: digests, mode: progress.progress)
    }
    checkpoint.noteForeign()
    if output.json {
      listing.printJSON(checkpoint, totals: totals, values: all ? try checkpoint.values : nil)
      Program.finish()
    }
    if tree {
      TreeRendering(listing, sort: sort).print()
    } else if !stats, !digests, groups.folds(listing.rows.count) {
      listing.printGroups()
    } else {
      listing.printTable()
    }
    if all { try printOthers(checkpoint) }
    if totals {
      listing.printTotals()
    } else if StandardOutput.shared.isTerminal {
      let style = StandardOutput.shared.style
      StandardOutput.shared.line(style.dim(listing.summary(of: checkpoint)))
    }
    Program.finish()
  }
}
