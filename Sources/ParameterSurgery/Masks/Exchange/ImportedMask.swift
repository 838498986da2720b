public import CheckpointFiles
internal import OrderedCollections

/// A freeze mask read from another trainer's configuration, with what its patterns really match.
///
///     let imported = try ImportedMask(
///       .peft, path: "adapter_config.json", in: ParameterTree(checkpoint))
///     for pattern in imported.patterns { print(pattern.text, pattern.matched.count) }
public struct ImportedMask: Sendable {
  /// Where a configuration can come from.
  public enum Source: String, Sendable, Hashable, CaseIterable {
    /// A configuration of axolotl (YAML) with `unfrozen_parameters`.
    case axolotl
    /// A configuration of LLaMA-Factory (YAML or JSON) with `freeze_…` settings.
    case llamafactory
    /// `args.json` of ms-swift, or its arguments as YAML.
    case msSwift = "ms-swift"
    /// One name a line, as ``TrainerFormat/names`` writes them.
    case names
    /// The two lists of names of ONNX Runtime's `generate_artifacts`, as JSON.
    case ort
    /// `adapter_config.json` of PEFT.
    case peft
    /// A JSON object of names and whether each requires a gradient.
    case requiresGrad = "requires-grad"
  }

  /// A pattern and what it matched by the trainer's own rules.
  public struct Pattern: Sendable, Hashable {
    /// The pattern as the configuration spells it.
    public let text: String
    /// The keys that it matched, in the order of the file.
    public let matched: [Key]
    /// The first key of which it matched a part of a name: `layer.1` in `layer.10`.
    public let stray: Key?

    /// Whether the patterns are the same; their texts are compared by their bytes.
    public static func == (a: Pattern, b: Pattern) -> Bool {
      a.text.isSame(as: b.text) && a.matched == b.matched && a.stray == b.stray
    }

    /// Feeds the bytes of the text, and the keys.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(Key(text))
      hasher.combine(matched)
    }
  }

  /// The mask.
  public private(set) var mask: FreezeMask
  /// The patterns, in order.
  public private(set) var patterns: [Pattern] = []
  /// Effects of the configuration that a mask does not describe.
  public private(set) var notes: [String] = []
  /// Settings that the configuration leaves open, and how they were read.
  public private(set) var warnings: [String] = []

  /// Reads the file of a configuration for a checkpoint.
  ///
  /// - Parameters:
  ///   - source: the trainer.
  ///   - path: the file of the configuration.
  ///   - tree: the keys of the checkpoint.
  ///   - configuration: `config.json` of the model, if there is one: LLaMA-Factory counts its layers.
  /// - Throws: ``SurgeryError`` when the file cannot be read or is larger than such a configuration can be, and as
  ///   ``init(_:bytes:in:configuration:)``.
  public init(
    _ source: Source, path: String, in tree: ParameterTree, configuration: JSONValue? = nil
  ) throws(SurgeryError) {
    let limit: Int
    switch source {
    // Settings are short; lists of names are as long as the checkpoint has tensors.
    case .axolotl, .llamafactory, .msSwift, .peft: limit = 1 << 23
    case .names, .ort, .requiresGrad: limit = FreezeMask.byteLimit(for: tree)
    }
    self = try locating(path: path) {
      try ImportedMask(
        source, bytes: try WholeFile.read(path, limit: limit), in: tree,
        configuration: configuration)
    }
  }

  /// Reads a configuration for a checkpoint.
  ///
  /// - Parameters:
  ///   - source: the trainer.
  ///   - bytes: the configuration.
  ///   - tree: the keys of the checkpoint.
  ///   - configuration: `config.json` of the model, if there is one: LLaMA-Factory counts its layers.
  /// - Throws: ``SurgeryError`` when it cannot be read, holds a setting whose effect on what trains is
  ///   not known, a pattern matches nothing, or nothing trains.
  public init(
    _ source: Source, bytes: [UInt8], in tree: ParameterTree, configuration: JSONValue? = nil
  ) throws(SurgeryError) {
    var reader = MaskReader(tree: tree)
    switch source {
    case .axolotl: try reader.readAxolotl(TrainerSettings(bytes))
    case .llamafactory:
      try reader.readLlamaFactory(TrainerSettings(bytes), configuration: configuration)
    case .msSwift: try reader.readMsSwift(TrainerSettings(bytes))
    case .names: try reader.readNames(bytes)
    case .ort: try reader.readOrt(TrainerSettings(json: bytes))
    case .peft: try reader.readPeft(TrainerSettings(json: bytes))
    case .requiresGrad: try reader.readRequiresGrad(TrainerSettings.parse(bytes))
    }
    mask = try reader.finish()
    patterns = reader.patterns
    notes = reader.notes
    warnings = reader.warnings
  }
}
