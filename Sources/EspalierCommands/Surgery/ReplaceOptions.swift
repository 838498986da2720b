import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `--replace`, for every command that writes a checkpoint.
struct ReplaceOptions: ParsableArguments {
  @Flag(
    help: """
      Remove the older checkpoint in the folder of the output once the new one is complete. By default, an \
      output whose folder would still be read as the older checkpoint is an error.
      """)
  var replace = false
}

extension OlderFiles {
  /// Notes which files were removed, and which files of an older checkpoint may be read instead of the new one.
  func note(writing path: String) {
    if !removed.isEmpty {
      StandardError.note(
        "removed the older \(removed.prefix(3).map(shown).joined(separator: ", "))"
          + (removed.count > 3 ? " and \(grouped(removed.count - 3)) more" : ""))
    }
    let stays = { (file: String) in !removed.contains(file) }
    if let winner, stays(winner) {
      StandardError.note(
        "\(path): the folder is opened as \(quoted(Path.name(of: winner))), which comes first, and not as this file"
      )
    }
    for file in others where stays(file) {
      StandardError.note(
        "\(path): \(quoted(Path.name(of: file))) in the same folder is from an older checkpoint; loaders that look for "
          + "that name read it")
    }
  }
}
