import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `espalier ls`: lists the contents of a checkpoint.
struct ListCommand: ParsableCommand {
  /// The orders of a listing.
  enum Order: String, ExpressibleByArgument, CaseIterable {
    /// The order of the file.
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
      Only headers are read, except with --stats and --sha256, which read the elements.

        espalier ls model.safetensors
        espalier ls google-bert/bert-base-uncased --tree --sort natural
        espalier ls model.bin 'bert.encoder.layer[-2:]' '!**:role(norm)' --stats
        espalier ls model.safetensors 'embeddings.word_embeddings.weight[30522:]'
        espalier ls model.safetensors.index.json --tree --group
        espalier ls model.safetensors --depth 2
        espalier ls https://example.org/model.safetensors
      """)

  @Argument(
    help:
      "A safetensors or PyTorch file, an index of shards, a directory, a model in the Hugging Face cache, or the address of a safetensors file or index.",
    completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var file: String

  @Argument(help: "The tensors to list; default: all.")
  var selectors: [String] = []

  @Flag(help: "Draw the keys as a tree.")
  var tree = false

  @Option(
    help: ArgumentHelp(
      "Show no keys below this number of components, but what each of these nodes holds.",
      valueName: "n"))
  var depth: Int?

  @Option(help: "The order of the rows.")
  var sort: Order = .file

  @Flag(
    help: """
      Read the elements and show minimum, maximum, mean, standard deviation (n - 1), Euclidean norm, \
      and the number of NaN and infinite elements.
      """)
  var stats = false

  @Flag(
    name: .customLong("sha256"),
    help: "Show the SHA-256 of the elements, in row-major order and little-endian.")
  var digests = false

  @Flag(help: "Also show metadata, values that are not tensors, and entries that cannot be read.")
  var all = false

  @Flag(help: "Also show the number of tensors, elements and bytes of each dtype.")
  var totals = false

  @Option(
    help: ArgumentHelp(
      "The time limit for each request to a server; all requests together may take ten times as long.",
      valueName: "seconds"))
  var timeout = 60

  @OptionGroup var groups: GroupOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard (1...86_400).contains(timeout) else {
      throw ValidationError("--timeout takes a number of seconds from 1 to 86,400")
    }
    if RemoteCheckpoint.isAddress(file), stats || digests {
      throw ValidationError(
        "--stats and --sha256 read the elements, which are not fetched from a server; download the file first"
      )
    }
    if tree, output.json {
      throw ValidationError("--tree and --json exclude each other; leave out one")
    }
    try groups.check(against: [("--json", output.json), ("--sha256", digests)])
    if let depth {
      guard depth > 0 else {
        throw ValidationError("--depth takes a number of components from 1 on")
      }
      if let option = [("--json", output.json), ("--stats", stats), ("--sha256", digests)].first(
        where: \.1)
      {
        throw ValidationError("\(option.0) shows tensors and --depth nodes; leave out one")
      }
    }
    if tree, stats || digests {
      throw ValidationError("--tree shows no elements; leave out --stats and --sha256")
    }
  }

  /// The tree of keys is built only when it is needed: a listing of all tensors does not need it.
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
      guard error.kind == .notFound, error.path == file,
        CheckpointName.refusal(of: file) != nil || error.advice != nil,
        let listing = CheckpointName.listing(of: file)
      else { throw error }
      let explained = CheckpointName.explained(error, typed: [file])
      let sentence = ExitStatus.sentence(for: explained, in: ListCommand.self)
      throw InputError("\(sentence); \(listing)")
    }
  }

  func run() throws {
    let checkpoint = try open()
    var listing = try listing(of: checkpoint)
    listing.sort(by: sort)
    if !output.json, !tree, depth == nil, !digests, groups.folds(listing.rows.count) {
      listing.fold(checkpoint)
    }
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
      TreeRendering(listing, sort: sort, depth: depth).print(groups)
    } else if let depth {
      listing.printNodes(depth: depth, sort, isWhole: selectors.isEmpty, groups)
    } else if let folded = listing.groups {
      listing.printGroups(folded, groups)
    } else {
      listing.printTable()
    }
    if all { try printOthers(checkpoint) }
    if totals {
      listing.printTotals()
    } else if StandardOutput.shared.isTerminal {
      StandardOutput.shared.aside(listing.summary(of: checkpoint))
    }
    Program.finish()
  }
}
