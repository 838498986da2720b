import ArgumentParser
import CheckpointFiles

/// `--json`, for every command that prints data.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON; 'espalier help json' describes it.")
  var json = false
}

/// `--progress`, for every command that may take a long time.
struct ProgressOptions: ParsableArguments {
  @Option(help: "When to show progress on standard error.")
  var progress: ProgressMode = .auto
}

/// `--explain` and `--expect`, for every command that takes selectors.
struct SelectionOptions: ParsableArguments {
  @Flag(help: "Print what each selector matched to standard error.")
  var explain = false

  @Option(
    help: ArgumentHelp(
      "Exit with status 2 unless exactly this number of tensors is selected.", valueName: "n"))
  var expect: Int?

  /// Whether one of the options is given.
  var isGiven: Bool { explain || expect != nil }

  func validate() throws {
    if let expect, expect < 0 { throw ValidationError("--expect takes a count of 0 or more") }
  }
}

/// `--group`, for every command that prints one line for each tensor.
struct GroupOptions: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: """
      Print one line for all tensors of one dtype and shape whose keys differ only in numbers. Its key \
      is a selector of these tensors. On a terminal, this is the default for a list that is taller \
      than the screen.
      """)
  var group: Bool?

  init() {}

  /// The options of a command that has none: `nil` folds what is taller than the screen.
  init(folding group: Bool?) {
    self.init()
    self.group = group
  }

  /// Whether a list of `count` lines is printed by groups.
  /// Output to a pipe or a file is folded only on request.
  func folds(_ count: Int) -> Bool { group ?? StandardOutput.shared.isTooTall(count) }

  /// Throws when `--group` is given together with an option that prints no lines for tensors.
  func check(against options: [(name: String, isGiven: Bool)]) throws {
    guard group == true, let option = options.first(where: \.isGiven) else { return }
    throw ValidationError("\(option.name) prints single tensors; leave out --group")
  }
}

/// `--shard-size`, for every command that writes a checkpoint which may be large.
struct ShardOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write several files, each with at most this number of bytes of tensors, and an index.",
      valueName: "bytes"), transform: ByteSize.parsed)
  var shardSize: ByteSize?
}

/// The checkpoint that a mask is created for or compared with.
struct CheckpointArgument: ParsableArguments {
  @Argument(
    help: "The checkpoint: a file, an index of shards, or a directory.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var file: String
}

/// `--output` of commands that write a freeze mask.
struct MaskOutput: ParsableArguments {
  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("The mask to write.", valueName: "mask"),
    completion: .file())
  var output: String
}

/// `--output` of commands that write a checkpoint.
struct CheckpointOutput: ParsableArguments {
  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("The file or the new directory to write.", valueName: "output"),
    completion: .file())
  var output: String
}
