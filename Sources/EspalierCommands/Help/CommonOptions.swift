/// The options that `-h` shows: those of a command with many options that most users need, otherwise all.
enum CommonOptions {
  /// What belongs to scripts or to rare cases, in every command.
  private static let rare: Set<String> = [
    "--explain", "--expect", "--progress", "--timeout", "--ignore-foreign", "--replace",
    "--quiet", "--verbose", "--color",
  ]

  /// The options of commands that have too many for one screen.
  private static let chosen: [String: [String]] = [
    "train": [
      "--model", "--mask", "--train", "--head", "--data", "--eval", "--task", "--output",
      "--text-column", "--label-column", "--epochs", "--batch-size", "--learning-rate",
      "--patience",
      "--max-length", "--seed", "--dry-run", "--resume", "--folds", "--json",
    ],
    "edit": [
      "--output", "--rename", "--drop", "--keep", "--cast", "--slice", "--layers", "--from",
      "--strip-prefix", "--add-prefix", "--preset", "--recipe", "--dry-run", "--in-place", "--json",
    ],
    "diff": [
      "--keys-only", "--atol", "--rtol", "--rename", "--ignore-prefix", "--summary", "--histogram",
      "--html", "--base", "--group/--no-group", "--json",
    ],
    "evaluate": ["--model", "--base", "--data", "--text-column", "--label-column", "--json"],
    "predict": ["--model", "--base", "--data", "--text-column", "--json"],
  ]

  /// The arguments of the short page.
  static func of(_ info: CommandInfo) -> [CommandInfo.Argument] {
    let names = info.path.dropFirst().joined(separator: " ")
    let demanded = UsageDemands(info.usage).options
    guard let chosen = chosen[names] else {
      return info.arguments.filter { argument in
        argument.kind == .positional || !demanded.isDisjoint(with: argument.names)
          || rare.isDisjoint(with: argument.names)
      }
    }
    return info.arguments.filter { argument in
      argument.kind == .positional || !demanded.isDisjoint(with: argument.names)
        || argument.names.contains(where: chosen.contains)
    }
  }
}
