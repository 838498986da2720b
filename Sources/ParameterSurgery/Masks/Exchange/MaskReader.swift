internal import CheckpointFiles
internal import OrderedCollections

/// Collects what trains while a configuration is read.
struct MaskReader {
  let tree: ParameterTree
  /// The tensors that `named_parameters()` of PyTorch lists: no buffers, and only the first name of tied tensors.
  let parameters: [TensorInfo]
  var trained: Set<Key> = []
  var rows: [Key: RowSet] = [:]
  var patterns: [ImportedMask.Pattern] = []
  var notes: [String] = []
  var warnings: [String] = []

  init(tree: ParameterTree) {
    self.tree = tree
    let later = Set(tree.ties.flatMap { $0.dropFirst() })
    parameters = tree.entries.filter { MaskReader.isParameter($0) && !later.contains($0.key) }
  }

  /// Whether a tensor of a checkpoint is a parameter of the model, and not a buffer.
  static func isParameter(_ info: TensorInfo) -> Bool {
    info.canTrain && !TensorRole.buffer.applies(to: info)
  }

  /// Records what a pattern matches, by a function that finds it in a name.
  ///
  /// - Parameter isOptional: whether the trainer adds the pattern by itself, so that it may match
  ///   nothing.
  /// - Throws: ``SurgeryError`` when it matches nothing.
  mutating func match(
    _ text: String, in name: String, isOptional: Bool = false,
    _ find: (String) -> Range<String.Index>?
  ) throws(SurgeryError) -> [Key] {
    var matched: [Key] = []
    var stray: Key?
    for info in parameters {
      let key = info.key.string
      guard let range = find(key) else { continue }
      matched.append(info.key)
      if stray == nil, !MaskReader.isWhole(range, of: key) { stray = info.key }
    }
    if matched.isEmpty {
      if isOptional { return [] }
      throw .matchesNothing(text, in: name)
    }
    patterns.append(ImportedMask.Pattern(text: text, matched: matched, stray: stray))
    return matched
  }

  /// Whether a match begins and ends at the ends of components.
  private static func isWhole(_ range: Range<String.Index>, of key: String) -> Bool {
    let bytes = key.utf8
    let dot = UInt8(ascii: ".")
    func isEdge(_ index: String.Index) -> Bool {
      index == bytes.startIndex || index == bytes.endIndex || bytes[index] == dot
        || bytes[bytes.index(before: index)] == dot
    }
    return isEdge(range.lowerBound) && isEdge(range.upperBound)
  }

  /// Gives every name of a tied tensor the state of the first.
  mutating func spreadOverTies() {
    for group in tree.ties {
      guard let first = group.first else { continue }
      for key in group.dropFirst() {
        rows[key] = rows[first]
        if trained.contains(first) { trained.insert(key) } else { trained.remove(key) }
      }
    }
  }

  func finish() throws(SurgeryError) -> FreezeMask {
    var states: OrderedDictionary<Key, FreezeMask.State> = [:]
    var trains = false
    for info in tree.entries {
      var state = FreezeMask.State.frozen
      if info.canTrain {
        if let rows = rows[info.key] {
          guard rows.ranges.last?.upperBound ?? 0 <= info.rowCount ?? 0 else {
            throw .rowsBeyond(
              rows.ranges.last?.upperBound ?? 0, of: info.key, rowCount: info.rowCount ?? 0)
          }
          state = .of(rows: rows)
        } else if trained.contains(info.key) {
          state = .trainable
        }
      }
      trains = trains || state != .frozen
      states[info.key] = state
    }
    guard trains else { throw .configurationTrainsNothing }
    return FreezeMask(states: states, rules: [], layoutDigest: tree.layoutDigest)
  }
}
