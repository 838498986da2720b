import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `--replace`, for every command that writes a checkpoint.
struct ReplaceOptions: ParsableArguments {
  @Flag(
    help: """
      Remove the older checkpoint of the output's folder once the new one is complete; without, a folder that \
      would still be read as the older one is refused.
      """)
  var replace = false
}

extension OlderFiles {
  /// Notes what was removed, and what is still there and may be taken for the new checkpoint.
  func note(writing path: String) {
    if !removed.isEmpty {
      StandardError.note(
        "removed the older \(removed.prefix(3).map(shown).joined(separator: ", "))"
          + (removed.count > 3 ? " and \(grouped(removed.count - 3)) more" : ""))
    }
    let stays = { (file: String) in !removed.contains(file) }
    if let winner, stays(winner) {
      StandardError.note(
        "\(path): the folder is read as \(quoted(Path.name(of: winner))), which comes first, not as this"
      )
    }
    for file in others where stays(file) {
      StandardError.note(
        "\(path): \(quoted(Path.name(of: file))) beside it is of an older checkpoint; loaders that look for that "
          + "name read it")
    }
  }
}
