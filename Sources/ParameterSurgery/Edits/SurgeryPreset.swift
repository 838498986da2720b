internal import CheckpointFiles
internal import OrderedCollections

/// Conversions that many need, as steps of a plan.
///
///     try plan.apply(.gammaBeta)
public enum SurgeryPreset: String, Sendable, CaseIterable {
  /// `LayerNorm.gamma` and `.beta` of 2018 become `.weight` and `.bias`.
  case gammaBeta = "gamma-beta"
  /// The names that wrappers put in, such as `module` and `_orig_mod`, are removed.
  case stripWrappers = "strip-wrappers"
  /// A `BertModel` from a BERT with a head: `bert.` and the heads are removed.
  case stripBert = "strip-bert"
  /// A Lightning checkpoint becomes the model's own: `state_dict` without `model.`.
  case lightning
  /// A DistilBERT from a BERT: every other layer, under DistilBERT's names.
  case distilbert

  /// What it does, in a line.
  public var summary: String {
    switch self {
    case .gammaBeta: "LayerNorm.gamma and .beta become .weight and .bias"
    case .stripWrappers:
      "module., _orig_mod., _fsdp_wrapped_module. and other names of wrappers are removed"
    case .stripBert: "bert. and the heads beside it are removed"
    case .lightning: "a Lightning checkpoint becomes the plain state_dict of its model"
    case .distilbert: "every other layer of a BERT under the names of DistilBERT"
    }
  }

  /// The preset with this name.
  ///
  /// - Throws: ``SurgeryError`` of the kind `syntax` when there is none.
  public init(name: String) throws(SurgeryError) {
    guard let preset = SurgeryPreset.allCases.first(where: { Key($0.rawValue) == Key(name) }) else {
      throw .noSuchPreset(name)
    }
    self = preset
  }

  /// The steps, for the tensors that a plan has now.
  func steps(for plan: SurgeryPlan) throws(SurgeryError) -> [SurgeryOperation] {
    let steps = try steps(plan.tensors.keys, dictionaries: plan.base.dictionaryPaths)
    guard !steps.isEmpty else { throw .nothingToConvert(self) }
    return steps
  }

  /// The steps for tensors with these keys; `dictionaries` are the paths of those that hold tensors.
  func steps(
    _ keys: [Key], dictionaries: [Key]
  ) throws(SurgeryError) -> [SurgeryOperation] {
    switch self {
    case .gammaBeta:
      var steps: [SurgeryOperation] = []
      for (old, new) in [("gamma", "weight"), ("beta", "bias")] {
        let rule = "/(.*)LayerNorm\\.\(old)/=$1LayerNorm.\(new)"
        if try KeyRewrite(rule).apply(to: keys).contains(where: { $0 != nil }) {
          steps.append(.rename(try KeyRewrite(rule)))
        }
      }
      return steps
    case .stripWrappers: return try WrapperNames(keys, dictionaries: dictionaries).steps
    case .stripBert:
      guard keys.contains(where: { $0.parts.first == "bert" }) else { return [] }
      // Heads have no place in a `BertModel`.
      let hasHeads = keys.contains { $0.parts.first != "bert" }
      return (hasHeads ? [.keep(try SelectorList(["bert"]))] : []) + [.stripPrefix("bert.")]
    case .lightning:
      var model = keys.filter { $0.parts.first == "state_dict" }
      guard !model.isEmpty else { return [] }
      var steps: [SurgeryOperation] = []
      if model.count < keys.count { steps.append(.keep(try SelectorList(["state_dict"]))) }
      steps.append(.stripPrefix("state_dict."))
      model = model.map { $0.dropping("state_dict.") }
      func takeModel() {
        guard model.allSatisfy({ $0.begins(with: "model.") }) else { return }
        steps.append(.stripPrefix("model."))
        model = model.map { $0.dropping("model.") }
      }
      // The module or the model in it may be wrapped.
      func takeWrappers() throws(SurgeryError) {
        let wrappers = try WrapperNames(model, dictionaries: [])
        steps += wrappers.steps
        model = wrappers.keys
      }
      try takeWrappers()
      takeModel()
      try takeWrappers()
      return steps
    case .distilbert: return try distilbert(keys)
    }
  }

  private func distilbert(_ keys: [Key]) throws(SurgeryError) -> [SurgeryOperation] {
    let prefix = keys.contains { $0.parts.first == "bert" } ? "bert." : ""
    let layers = Set(
      keys.compactMap { key -> Int? in
        let parts = (prefix.isEmpty ? key : key.dropping(prefix)).parts
        guard parts.count > 3, parts[0] == "encoder", parts[1] == "layer" else { return nil }
        return parts[2].indexValue
      }
    ).count
    guard layers > 0 else { return [] }
    // The twelve layers of BERT base are taken as the authors of DistilBERT took them.
    let chosen = layers == 12 ? [0, 2, 4, 7, 9, 11] : Array(stride(from: 0, to: layers, by: 2))
    // The names of 2018 first, for LayerNorm's parameters keep their own below the new ones.
    var steps = try SurgeryPreset.gammaBeta.steps(keys, dictionaries: [])
    steps.append(.arrangeLayers(of: "\(prefix)encoder.layer", chosen.map { .index($0) }))
    func has(_ path: String) -> Bool {
      keys.contains { $0 == Key(path) || $0.begins(with: path + ".") }
    }
    for path in [
      "\(prefix)embeddings.token_type_embeddings", "\(prefix)embeddings.position_ids",
      "\(prefix)pooler", "cls.seq_relationship",
    ] where has(path) {
      steps.append(.drop(try SelectorList([path])))
    }
    steps.append(
      .rename(try KeyRewrite(from: "\(prefix)embeddings", to: "distilbert.embeddings")))
    for (old, new) in [
      ("attention.self.query", "attention.q_lin"), ("attention.self.key", "attention.k_lin"),
      ("attention.self.value", "attention.v_lin"), ("attention.output.dense", "attention.out_lin"),
      ("attention.output.LayerNorm", "sa_layer_norm"), ("intermediate.dense", "ffn.lin1"),
      ("output.dense", "ffn.lin2"), ("output.LayerNorm", "output_layer_norm"),
    ] {
      steps.append(
        .rename(
          try KeyRewrite(
            from: "\(prefix)encoder.layer.{i}.\(old)",
            to: "distilbert.transformer.layer.{i}.\(new)")))
    }
    for (old, new) in [
      ("cls.predictions.transform.dense", "vocab_transform"),
      ("cls.predictions.transform.LayerNorm", "vocab_layer_norm"),
      ("cls.predictions.decoder", "vocab_projector"),
      ("cls.predictions.bias", "vocab_projector.bias"),
    ] where has(old) && !(old == "cls.predictions.bias" && has("cls.predictions.decoder.bias")) {
      steps.append(.rename(try KeyRewrite(from: old, to: new)))
    }
    if has("cls.predictions.bias"), has("cls.predictions.decoder.bias") {
      steps.append(.drop(try SelectorList(["cls.predictions.bias"])))
    }
    return steps
  }
}
