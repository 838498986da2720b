internal import CheckpointFiles
internal import OrderedCollections

/// The tensors that classes of transformers tie: `_tied_weights_keys` of their models.
struct TiedNames {
  /// What a model's configuration says about ties.
  enum Intent: Sendable, Hashable {
    /// The class ties the output to the embedding.
    case tied
    /// It does not.
    case apart
    /// There is no configuration, or it leaves it to a default that is not known here.
    case unknown

    /// Families whose configuration ties unless it says otherwise, besides encoders.
    private static let tying: Set<String> = [
      "gpt2", "gpt_neo", "gpt_bigcode", "t5", "mt5", "bart", "mbart", "pegasus", "marian", "opt",
      "bloom", "gemma", "gemma2", "gemma3_text", "albert", "mobilebert", "modernbert",
    ]

    /// That of the `config.json` beside a checkpoint.
    init(inFolderOf checkpoint: Checkpoint) {
      let folder =
        WholeFile.isFolder(checkpoint.path) ? checkpoint.path : Path.parent(of: checkpoint.path)
      guard let bytes = try? WholeFile.read(Path.join(folder, "config.json"), limit: 1 << 24),
        let json = try? JSONParser.parse(bytes, allowsNonFinite: true), json.object != nil
      else {
        self = .unknown
        return
      }
      if let stated = json["tie_word_embeddings"]?.bool {
        self = stated ? .tied : .apart
        return
      }
      let type = json["model_type"]?.string
      self =
        ModelFamily(type).isEncoder || type.map(Intent.tying.contains) ?? false ? .tied : .unknown
    }
  }

  /// Endings of the keys of biases of outputs that are two names of one tensor.
  private static let biases: [(tied: String, source: String)] = [
    ("predictions.decoder.bias", "predictions.bias"), ("lm_head.decoder.bias", "lm_head.bias"),
  ]
  /// A model has a few tables of embeddings.
  private static let mostTables = 16

  private let keys: Set<Key>
  /// The tables that an output may be tied to.
  private let embeddings: [Key]
  /// The tables that an encoder and a decoder share.
  private let shared: [Key]

  /// The names of the tensors of one model.
  init(among keys: [Key]) {
    self.keys = Set(keys)
    embeddings = Array(keys.lazy.filter(OutputHead.isEmbedding).prefix(TiedNames.mostTables))
    shared = embeddings.filter { $0 == "shared.weight" || $0.ends(with: ".shared.weight") }
  }

  /// The keys that the tensor under `key` may be tied to, and that stay when it goes; none for a tensor that no class
  /// ties.
  func partners(of key: Key) -> [Key] {
    for (tied, source) in TiedNames.biases where key == Key(tied) || key.ends(with: "." + tied) {
      return [Key(key.droppingLast(tied).string + source)].filter(keys.contains)
    }
    if OutputHead.isHead(key) { return embeddings.filter { $0 != key } }
    let isHalf = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"].contains {
      key.ends(with: $0)
    }
    return isHalf ? shared : []
  }
}
