import ArgumentParser

/// `--json`, for every command that prints.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON; docs/json.md describes it.")
  var json = false
}

/// `--progress`, for every command that may take long.
struct ProgressOptions: ParsableArguments {
  @Option(help: "When to show progress on standard error.")
  var progress: ProgressMode = .auto
}

/// `--explain` and `--expect`, for every command that takes selectors.
struct SelectionOptions: ParsableArguments {
  @Flag(help: "Say on standard error what each selector matched.")
  var explain = false

  @Option(
    help: ArgumentHelp(
      "Fail with status 2 unless exactly this many tensors are selected.", valueName: "n"))
  var expect: Int?

  /// Whether anything was asked for.
  var isGiven: Bool { explain || expect != nil }

  func validate() throws {
    if let expect, expect < 0 { throw ValidationError("--expect takes a count of 0 or more") }
  }
}

/// `--group`, for every command that prints a line a tensor.
struct GroupOptions: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: """
      A line for tensors of one dtype and shape whose keys differ in numbers alone; a terminal gets it \
      for more than 500.
      """)
  var group: Bool?

  /// Whether a list of `count` lines is printed by groups.
  func folds(_ count: Int) -> Bool { group ?? GroupOptions.isLong(count) }

  /// Whether nobody could read a list of `count` lines. What is piped is never folded by itself.
  static func isLong(_ count: Int) -> Bool { StandardOutput.shared.isTerminal && count > 500 }

  /// Throws when `--group` stands beside an option that has no lines for tensors.
  func check(against options: [(name: String, isGiven: Bool)]) throws {
    guard group == true, let option = options.first(where: \.isGiven) else { return }
    throw ValidationError("\(option.name) is about single tensors: leave out --group")
  }
}

/// `--shard-size`, for every command that writes a checkpoint which may be large.
struct ShardOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write several files of at most this many bytes of tensors, and an index.",
      valueName: "bytes"))
  var shardSize: ByteSize?
}

/// The checkpoint that a mask is made for or compared with.
struct CheckpointArgument: ParsableArguments {
  @Argument(
    help: "The checkpoint: a file, an index of shards, or a directory.", completion: .file(),
    transform: CheckpointName.path)
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
