extension Checkpoint {
  /// A value of a PyTorch file that is not a tensor, such as an epoch or a learning rate.
  public struct Value: Sendable, Hashable {
    /// Where it is: containers join with `.`, list positions count from 0.
    public let key: Key
    /// Python's name of its type: `int`, `dict`, `argparse.Namespace`.
    public let type: String
    /// The value on one short line.
    public let text: String
  }

  /// The values of a PyTorch file that are not tensors, in the order of the file.
  ///
  /// - Throws: `CheckpointError` when there are more than a file of its size should hold.
  public var values: [Value] {
    get throws(CheckpointError) {
      var result: [Value] = []
      do throws(CheckpointError) {
        for structure in structures {
          try structure.forEachEntry(.values) { entry in
            if case .value(let key, let id) = entry {
              result.append(
                Value(
                  key: key, type: structure.nodes.typeName(id), text: structure.nodes.brief(id)))
            }
          }
        }
      } catch { throw error.located(path: path) }
      return result
    }
  }

  /// The classes and functions, as `module.name`, that a PyTorch file names and Espalier does not know.
  /// None of them was looked up or called.
  public var foreignGlobals: [String] {
    var seen: Set<Key> = []
    return structures.flatMap(\.foreignGlobals).filter { seen.insert(Key($0)).inserted }
  }
}
