import ArgumentParser
import CheckpointFiles

/// `--ignore-foreign`, for every command that makes a checkpoint of others.
struct ForeignOptions: ParsableArguments {
  @Flag(help: "Leave out what cannot be read: unknown classes, sparse and quantised tensors.")
  var ignoreForeign = false

  /// The checkpoint at `path`, unless it holds what would be left out and nobody asked for that.
  func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    let checkpoint = try Checkpoint.open(path)
    if ignoreForeign { checkpoint.noteLeftOut() } else { try checkpoint.refuseForeign() }
    return checkpoint
  }
}

extension Checkpoint {
  /// Names on standard error what is there and cannot be read.
  func noteForeign(unreadable: String = "is not readable") {
    for name in foreignGlobals {
      StandardError.note("\(path): names \(quoted(name)), which is not known and was not called")
    }
    for entry in unsupported {
      StandardError.note("\(path): \(quoted(entry.key.string)) \(unreadable): \(entry.reason)")
    }
  }

  /// Names on standard error what cannot be read and is not written again.
  func noteLeftOut() {
    for entry in unsupported {
      StandardError.note("\(path): \(quoted(entry.key.string)) is left out: \(entry.reason)")
    }
    for name in foreignGlobals {
      StandardError.note("\(path): values of \(quoted(name)) are left out")
    }
  }
}
