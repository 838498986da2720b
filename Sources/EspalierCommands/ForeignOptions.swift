import ArgumentParser
import CheckpointFiles

/// `--ignore-foreign`, for every command that writes a checkpoint.
struct ForeignOptions: ParsableArguments {
  @Flag(
    help: "Leave out entries that cannot be read: unknown classes, sparse and quantised tensors.")
  var ignoreForeign = false

  /// The checkpoint at `path`. Throws when entries would be left out and the option is not given.
  func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let checkpoint = try Checkpoint.open(path)
    if ignoreForeign { checkpoint.noteLeftOut() } else { try checkpoint.refuseForeign() }
    return checkpoint
  }
}

extension Checkpoint {
  /// Notes on standard error the entries that cannot be read.
  func noteForeign(unreadable: String = "is not readable") {
    for name in foreignGlobals {
      StandardError.note("\(path): refers to \(quoted(name)), which is unknown and was not called")
    }
    for entry in unsupported {
      StandardError.note("\(path): \(quoted(entry.key.string)) \(unreadable): \(entry.reason)")
    }
  }

  /// Notes on standard error the entries that cannot be read and are not written.
  func noteLeftOut() {
    for entry in unsupported {
      StandardError.note("\(path): \(quoted(entry.key.string)) is left out: \(entry.reason)")
    }
    for name in foreignGlobals {
      StandardError.note("\(path): values of \(quoted(name)) are left out")
    }
  }
}
