package import CheckpointFiles

/// How a family of encoders differs from BERT: the one description that configuration, loader,
/// layers and writer share. The arithmetic of an encoder layer is the same in all of them.
public struct ModelFamily: Sendable, Hashable {
  /// `model_type` of `config.json`.
  public let modelType: String
  /// What PyTorch's classifier class calls the encoder; trained keys begin with it.
  public let member: String
  /// Whether token types are embedded.
  let hasTokenTypes: Bool
  /// Whether the encoder has BERT's pooler.
  let hasPooler: Bool
  /// Whether positions count from the padding token's id on, skipping padding, as fairseq counts.
  let countsFromPadding: Bool
  /// Whether embeddings may be narrower than hidden states, with a dense layer between.
  let projectsEmbeddings: Bool
  /// The head of the family's class for sequence classification.
  let ownHead: OwnHead
  /// Parts of names as BERT has them and as the family has them; the first that fits is taken.
  private let spellings: [Spelling]

  private struct Spelling: Sendable, Hashable {
    let bert: String
    let own: String
  }

  /// A family's own head: an optional dense layer with an activation, then the output.
  struct OwnHead: Sendable, Hashable {
    /// The dense layer, C to C; `nil` when the output reads the pooled vector.
    var dense: String?
    var activation = ClassificationHead.Activation.tanh
    var output: String
    /// Whether dropout comes before the dense layer too.
    var dropsInput = true
    /// The pooling that the head expects.
    var pooling: Pooling
  }

  private init(
    _ modelType: String, member: String, hasTokenTypes: Bool = true, hasPooler: Bool = true,
    countsFromPadding: Bool = false, projectsEmbeddings: Bool = false, ownHead: OwnHead,
    spellings: [(String, String)] = []
  ) {
    self.modelType = modelType
    self.member = member
    self.hasTokenTypes = hasTokenTypes
    self.hasPooler = hasPooler
    self.countsFromPadding = countsFromPadding
    self.projectsEmbeddings = projectsEmbeddings
    self.ownHead = ownHead
    self.spellings = spellings.map { Spelling(bert: $0.0, own: $0.1) }
  }

  /// BERT, and what shares its state dict: MiniLM, BGE, E5.
  public static let bert = ModelFamily(
    "bert", member: "bert", ownHead: OwnHead(output: "classifier", pooling: .pooler))

  /// DistilBERT: no token types, no pooler, other names.
  public static let distilBERT = ModelFamily(
    "distilbert", member: "distilbert", hasTokenTypes: false, hasPooler: false,
    ownHead: OwnHead(
      dense: "pre_classifier", activation: .relu, output: "classifier", dropsInput: false,
      pooling: .cls),
    spellings: [
      (".attention.self.query", ".attention.q_lin"), (".attention.self.key", ".attention.k_lin"),
      (".attention.self.value", ".attention.v_lin"),
      (".attention.output.dense", ".attention.out_lin"),
      (".attention.output.LayerNorm", ".sa_layer_norm"), (".intermediate.dense", ".ffn.lin1"),
      (".output.dense", ".ffn.lin2"), (".output.LayerNorm", ".output_layer_norm"),
    ])

  /// RoBERTa: positions count from the padding token's id on.
  public static let roberta = fairseq("roberta")

  /// XLM-RoBERTa: RoBERTa with another vocabulary.
  public static let xlmRoberta = fairseq("xlm-roberta")

  /// ELECTRA: narrow embeddings, no pooler.
  public static let electra = ModelFamily(
    "electra", member: "electra", hasPooler: false, projectsEmbeddings: true,
    ownHead: OwnHead(
      dense: "classifier.dense", activation: .gelu, output: "classifier.out_proj", pooling: .cls))

  private static func fairseq(_ modelType: String) -> ModelFamily {
    ModelFamily(
      modelType, member: "roberta", countsFromPadding: true,
      ownHead: OwnHead(
        dense: "classifier.dense", output: "classifier.out_proj", pooling: .cls))
  }

  /// All that are implemented.
  public static let all = [bert, distilBERT, roberta, xlmRoberta, electra]

  /// The family's own name of a parameter that `BertModel` calls `name`.
  func spelling(of name: String) -> String {
    let layers = "encoder.layer."
    guard name.hasPrefix(layers), !spellings.isEmpty else { return name }
    let rest = name.dropFirst(layers.count)
    guard let dot = rest.firstIndex(of: ".") else { return name }
    let tail = String(rest[dot...])
    for spelling in spellings where tail.hasPrefix(spelling.bert) {
      return "transformer.layer." + rest[..<dot] + spelling.own
        + tail.dropFirst(spelling.bert.count)
    }
    return name
  }

  /// The name that the tensor under a checkpoint's key gets in the trained model.
  package func trainedName(of key: Key, prefix: String) -> Key {
    let parts = ["embeddings.", "embeddings_project.", "encoder.", "transformer.", "pooler."]
    guard parts.contains(where: { key.string.hasPrefix(prefix + $0) }) else { return key }
    var name = member + "." + key.string.dropFirst(prefix.count)
    if name.hasSuffix("LayerNorm.gamma") { name = String(name.dropLast(5)) + "weight" }
    if name.hasSuffix("LayerNorm.beta") { name = String(name.dropLast(4)) + "bias" }
    return Key(name)
  }
}
