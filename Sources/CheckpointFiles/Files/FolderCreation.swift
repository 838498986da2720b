/// A folder for results, made with the missing ones above it.
///
/// What was created can be removed again until something is in it: a command that fails before it
/// writes leaves what it found.
package struct FolderCreation: Sendable {
  /// The folders that were not there, from the outermost one.
  private let made: [String]
  private let path: String

  /// Makes the folder at `path` and those above it; what is there already stays.
  package init(path: String) throws(CheckpointError) {
    var made: [String] = []
    do throws(CheckpointError) {
      for folder in FolderCreation.missing(path).reversed()
      where try SystemCall.createFolder(folder) {
        made.append(folder)
      }
      guard SystemCall.status(at: path)?.isDirectory ?? false else {
        throw .notAFolder.located(path: path)
      }
    } catch {
      FolderCreation.remove(made)
      throw error
    }
    self.made = made
    self.path = path
  }

  /// The nearest folder at or above `path` that is there: what must be writable.
  package static func ground(of path: String) -> String {
    missing(path).last.map(Path.parent) ?? path
  }

  /// Does `body`; when it fails, or the program is interrupted, the folders that are still empty go.
  package func removingIfEmpty<Result>(_ body: () throws -> Result) throws -> Result {
    let slots = made.map(PendingFiles.register)
    defer { for slot in slots { PendingFiles.unregister(slot) } }
    do {
      return try body()
    } catch {
      FolderCreation.remove(made)
      throw error
    }
  }

  /// Does `body`, which puts files into the folder; when it fails, those that were not there before go again,
  /// and the folders that are empty then.
  ///
  /// - Parameter isOurs: whether a file of this name is one that `body` may have put there.
  package func removingOnFailure<Result>(
    _ isOurs: (String) -> Bool, _ body: () throws -> Result
  ) throws -> Result {
    let before = Set(try SystemCall.entries(ofFolder: path).map { Key($0) })
    return try removingIfEmpty {
      do {
        return try body()
      } catch {
        for name in (try? SystemCall.entries(ofFolder: path)) ?? []
        where isOurs(name) && !before.contains(Key(name)) {
          SystemCall.remove(Path.join(path, name))
        }
        throw error
      }
    }
  }

  /// `path` and the folders above it that are not there, from the innermost one.
  private static func missing(_ path: String) -> [String] {
    var missing: [String] = []
    var current = String(Path.trimmed(path[...]))
    while !current.isEmpty, current != ".", current != "/",
      SystemCall.status(at: current) == nil
    {
      missing.append(current)
      current = Path.parent(of: current)
    }
    return missing
  }

  private static func remove(_ folders: [String]) {
    for folder in folders.reversed() { SystemCall.removeFolder(folder) }
  }
}
