package import CheckpointFiles
internal import ParameterSurgery

/// How a family of encoders differs from BERT: the one description that configuration, loader,
/// layers and writer share. The arithmetic of an encoder layer is the same in all of them; the names of its parameters
/// are in the table of the family, `EncoderKeys`.
public struct ModelFamily: Sendable, Hashable {
  /// The names of the family's modules.
  let keys: EncoderKeys
  /// Whether positions count from the padding token's id on, skipping padding, as fairseq counts.
  let countsFromPadding: Bool
  /// The head of the family's class for sequence classification.
  let ownHead: OwnHead

  /// A family's own head: an optional dense layer with an activation, then the output.
  struct OwnHead: Sendable, Hashable {
    /// The dense layer, C to C; `nil` when the output reads the pooled vector.
    var dense: String?
    var activation = HeadActivation.tanh
    var output: String
    /// Whether dropout comes before the dense layer too.
    var dropsInput = true
    /// The pooling that the head expects.
    var pooling: Pooling
  }

  private init(
    _ keys: EncoderKeys, countsFromPadding: Bool = false,
    activation: HeadActivation = .tanh, dropsInput: Bool = true,
    pooling: Pooling = .cls
  ) {
    self.keys = keys
    self.countsFromPadding = countsFromPadding
    ownHead = OwnHead(
      dense: keys.head.dense, activation: activation, output: keys.head.output,
      dropsInput: dropsInput, pooling: pooling)
  }

  /// BERT, and what shares its state dict: MiniLM, BGE, E5.
  public static let bert = ModelFamily(.bert, pooling: .pooler)

  /// DistilBERT: no token types, no pooler, other names.
  public static let distilBERT = ModelFamily(.distilBERT, activation: .relu, dropsInput: false)

  /// RoBERTa: positions count from the padding token's id on.
  public static let roberta = ModelFamily(.roberta, countsFromPadding: true)

  /// XLM-RoBERTa: RoBERTa with another vocabulary.
  public static let xlmRoberta = ModelFamily(.xlmRoberta, countsFromPadding: true)

  /// ELECTRA: narrow embeddings, no pooler.
  public static let electra = ModelFamily(.electra, activation: .gelu)

  /// All that are implemented.
  public static let all = [bert, distilBERT, roberta, xlmRoberta, electra]

  /// `model_type` of `config.json`.
  public var modelType: String { keys.modelType }
  /// What PyTorch's classifier class calls the encoder; trained keys begin with it.
  public var member: String { keys.member }
  /// Whether token types are embedded.
  var hasTokenTypes: Bool { keys.has(.tokenTypeEmbeddings) }
  /// Whether the encoder has BERT's pooler.
  var hasPooler: Bool { keys.has(.pooler) }
  /// Whether embeddings may be narrower than hidden states, with a dense layer between.
  var projectsEmbeddings: Bool { keys.has(.embeddingsProjection) }

  /// The name that the tensor under a checkpoint's key gets in the trained model.
  package func trainedName(of key: Key, prefix: String) -> Key {
    guard key.string.utf8.starts(with: prefix.utf8) else { return key }
    let rest = Key(String(decoding: key.string.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
    let parts = rest.components
    guard parts.count > 1, EncoderKeys.allRoots.contains(Key(String(parts[0]))) else { return key }
    return EncoderKeys.modern(Key(member + "." + rest.string))
  }
}
