public import CheckpointFiles
internal import OrderedCollections

/// A freeze mask read from another trainer's configuration, with what its patterns really match.
public struct ImportedMask: Sendable {
  /// Where a configuration can come from.
  public enum Source: String, Sendable, Hashable, CaseIterable {
    /// A configuration of axolotl (YAML) with `unfrozen_parameters`.
    case axolotl
    /// A configuration of LLaMA-Factory (YAML) with `freeze_…` settings.
    case llamafactory
    /// `args.json` of ms-swift.
    case msSwift = "ms-swift"
    /// `adapter_config.json` of PEFT.
    case peft
    /// A JSON object of names and whether each requires a gradient.
    case requiresGrad = "requires-grad"
  }

  /// A pattern and what it matched by the trainer's own rules.
  public struct Pattern: Sendable, Hashable {
    /// As it stands in the configuration.
    public let text: String
    /// What it matched, in the order of the file.
    public let matched: [Key]
    /// The first key of which it matched a part of a name: `layer.1` in `layer.10`.
    public let stray: Key?
  }

  /// The mask.
  public private(set) var mask: FreezeMask
  /// The patterns, in order.
  public private(set) var patterns: [Pattern] = []
  /// What the configuration means beyond a mask.
  public private(set) var notes: [String] = []

  /// Reads a configuration for a checkpoint.
  ///
  /// - Throws: ``SurgeryError`` when it cannot be read, a pattern matches nothing, or nothing trains.
  public init(
    _ source: Source, bytes: [UInt8], in tree: ParameterTree
  ) throws(SurgeryError) {
    var reader = MaskReader(tree: tree)
    switch source {
    case .axolotl: try reader.readAxolotl(FlatYAML(String(decoding: bytes, as: UTF8.self)))
    case .llamafactory:
      try reader.readLlamaFactory(FlatYAML(String(decoding: bytes, as: UTF8.self)))
    case .msSwift: try reader.readMsSwift(MaskReader.json(bytes))
    case .peft: try reader.readPeft(MaskReader.json(bytes))
    case .requiresGrad: try reader.readRequiresGrad(MaskReader.json(bytes))
    }
    mask = try reader.finish()
    patterns = reader.patterns
    notes = reader.notes
  }
}

/// Gathers what trains while a configuration is read.
struct MaskReader {
  let tree: ParameterTree
  var trained: Set<Key> = []
  var rows: [Key: RowSet] = [:]
  var patterns: [ImportedMask.Pattern] = []
  var notes: [String] = []

  init(tree: ParameterTree) { self.tree = tree }

  static func json(_ bytes: [UInt8]) throws(SurgeryError) -> JSONValue {
    do { return try JSONParser.parse(bytes) } catch {
      throw SurgeryError("not JSON: \(error.description)")
    }
  }

  /// Notes what a pattern matches, by a function that says where in a name.
  ///
  /// - Throws: ``SurgeryError`` when that is nothing.
  mutating func match(
    _ text: String, in name: String, _ find: (String) -> Range<String.Index>?
  ) throws(SurgeryError) -> [Key] {
    var matched: [Key] = []
    var stray: Key?
    for info in tree.entries {
      let key = info.key.string
      guard let range = find(key) else { continue }
      matched.append(info.key)
      if stray == nil, !MaskReader.isWhole(range, of: key) { stray = info.key }
    }
    guard !matched.isEmpty else {
      throw SurgeryError("\(quoted(text)) in \(name) matches no tensor of the checkpoint")
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

  func finish() throws(SurgeryError) -> FreezeMask {
    var states: OrderedDictionary<Key, FreezeMask.State> = [:]
    var trains = false
    for info in tree.entries {
      var state = FreezeMask.State.frozen
      if info.canTrain {
        if let rows = rows[info.key] {
          guard rows.ranges.last?.upperBound ?? 0 <= info.rowCount ?? 0 else {
            throw SurgeryError(
              "rows up to \(rows.ranges.last?.upperBound ?? 0) of \(quoted(info.key.string)), which has "
                + "\(info.rowCount ?? 0)")
          }
          state = .of(rows: rows)
        } else if trained.contains(info.key) {
          state = .trainable
        }
      }
      trains = trains || state != .frozen
      states[info.key] = state
    }
    guard trains else { throw SurgeryError("the configuration lets nothing train") }
    return FreezeMask(states: states, rules: [], layoutDigest: tree.layoutDigest)
  }
}
