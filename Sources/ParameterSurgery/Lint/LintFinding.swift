public import CheckpointFiles

/// Damage of a checkpoint, or a probable mistake.
///
///     let errors = try CheckpointLint(path: "model").findings.filter { $0.severity == .error }
///     for finding in errors { print(finding.rule.summary, finding.message) }
public struct LintFinding: Sendable, Hashable {
  /// How severe a finding is.
  public enum Severity: String, Sendable, Hashable, CaseIterable {
    /// Unusual, and mostly harmless.
    case note
    /// Unusual, and possibly intended.
    case warning
    /// The checkpoint is damaged or does not belong to its configuration.
    case error
  }

  /// The kinds of findings.
  public enum Rule: String, Sendable, Hashable, CaseIterable {
    case unreadable
    case unsupported
    case checksum
    case notANumber = "not-a-number"
    case infinite
    case indexTotalSize = "index-total-size"
    case indexBesideFile = "index-beside-file"
    case missingShard = "missing-shard"
    case emptyWeights = "empty-weights"
    case otherWeights = "other-weights"
    case missingLayer = "missing-layer"
    case incompleteLayer = "incomplete-layer"
    case unlikeLayer = "unlike-layer"
    case duplicateLayer = "duplicate-layer"
    case dtypeOutlier = "dtype-outlier"
    case configuration
    case vocabulary

    /// The rule in a sentence.
    public var summary: String {
      switch self {
      case .unreadable: "The file is truncated, has gaps, or is broken in another way."
      case .unsupported: "A tensor exists, but cannot be read, or the index does not name it."
      case .checksum: "The elements of a tensor cannot be loaded, or have a wrong checksum."
      case .notANumber: "A tensor has elements that are not a number."
      case .infinite: "A tensor has infinite elements."
      case .indexTotalSize: "The index states another size than its tensors have."
      case .indexBesideFile: "A folder has an index and a single file: loaders read the file."
      case .missingShard:
        "A shard has no others in its folder, or the index names only some of the shards."
      case .emptyWeights: "Weights of the model have no elements."
      case .otherWeights:
        "A folder also holds the weights of another checkpoint than the one that loaders read."
      case .missingLayer: "The numbers of the layers have a gap."
      case .incompleteLayer: "A layer lacks a tensor that the others have."
      case .unlikeLayer: "A tensor has another dtype or shape than in the other layers."
      case .duplicateLayer: "Two layers hold the same bytes."
      case .dtypeOutlier: "A few tensors have another dtype than all the others."
      case .configuration: "The tensors contradict config.json."
      case .vocabulary: "The embeddings have other rows than the tokenizer has tokens."
      }
    }

    /// The usual severity.
    public var severity: Severity {
      switch self {
      case .unreadable, .checksum, .notANumber, .missingLayer, .incompleteLayer, .configuration,
        .vocabulary, .emptyWeights:
        .error
      case .unsupported, .infinite, .indexTotalSize, .indexBesideFile, .missingShard, .otherWeights,
        .unlikeLayer,
        .duplicateLayer:
        .warning
      case .dtypeOutlier: .note
      }
    }
  }

  /// The kind of the finding.
  public let rule: Rule
  /// The file or folder.
  public let path: String
  /// The tensor or layer it is about, if it is about one.
  public let key: Key?
  /// The finding in words, without the file.
  public let message: String

  /// The severity, which is lower than usual for the rule where the finding may be intended.
  public let severity: Severity
}
