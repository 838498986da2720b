internal import CheckpointFiles
internal import OrderedCollections

/// Conversions that everybody repeats, as steps of a plan.
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

  /// The steps, for the tensors that a plan has now.
  static func steps(
    named name: String, for plan: SurgeryPlan
  ) throws(SurgeryError) -> [SurgeryOperation] {
    guard let preset = SurgeryPreset(rawValue: name) else {
      let names = allCases.map(\.rawValue)
      throw SurgeryError.form(
        "there is no preset \(quoted(name)); presets are \(listed(names))")
    }
    let steps = try preset.steps(
      Array(plan.entries.keys), dictionaries: plan.base.dictionaryPaths)
    guard !steps.isEmpty else {
      throw SurgeryError("preset \(name): nothing here is to be converted")
    }
    return steps
  }

  private func steps(
    _ keys: [Key], dictionaries: [Key]
  ) throws(SurgeryError) -> [SurgeryOperation] {
    switch self {
    case .gammaBeta:
      var steps: [SurgeryOperation] = []
      for (old, new) in [("gamma", "weight"), ("beta", "bias")] {
        let rule = "/(.*)LayerNorm\\.\(old)/=$1LayerNorm.\(new)"
        if try KeyRewrite(rule).apply(to: keys).contains(where: { $0 != nil }) {
          steps.append(SurgeryOperation(.rename, [rule]))
        }
      }
      return steps
    case .stripWrappers: return try WrapperNames(keys, dictionaries: dictionaries).steps
    case .stripBert:
      guard keys.contains(where: { $0.components.first == "bert" }) else { return [] }
      // Heads have no place in a `BertModel`.
      let hasHeads = keys.contains { $0.components.first != "bert" }
      return (hasHeads ? [SurgeryOperation(.keep, ["bert"])] : [])
        + [SurgeryOperation(.stripPrefix, ["bert."])]
    case .lightning:
      var model = keys.filter { $0.components.first == "state_dict" }
      guard !model.isEmpty else { return [] }
      var steps = model.count == keys.count ? [] : [SurgeryOperation(.keep, ["state_dict"])]
      steps.append(SurgeryOperation(.stripPrefix, ["state_dict."]))
      model = model.map { Key(String($0.string.dropFirst("state_dict.".count))) }
      func takeModel() {
        guard model.allSatisfy({ $0.string.hasPrefix("model.") }) else { return }
        steps.append(SurgeryOperation(.stripPrefix, ["model."]))
        model = model.map { Key(String($0.string.dropFirst("model.".count))) }
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
    let prefix = keys.contains { $0.components.first == "bert" } ? "bert." : ""
    let layers = Set(
      keys.compactMap { key -> Int? in
        let parts = (prefix.isEmpty ? key : Key(String(key.string.dropFirst(5)))).components
        guard parts.count > 3, parts[0] == "encoder", parts[1] == "layer" else { return nil }
        return Key(String(parts[2])).indexValue
      }
    ).count
    guard layers > 0 else { return [] }
    // The twelve layers of BERT base are taken as the authors of DistilBERT took them.
    let chosen = layers == 12 ? [0, 2, 4, 7, 9, 11] : Array(stride(from: 0, to: layers, by: 2))
    // The names of 2018 first, for LayerNorm's parameters keep their own below the new ones.
    var steps = try SurgeryPreset.gammaBeta.steps(keys, dictionaries: [])
    steps += [
      SurgeryOperation(
        .layers, ["\(prefix)encoder.layer=" + chosen.map(String.init).joined(separator: ",")])
    ]
    func has(_ path: String) -> Bool {
      keys.contains { $0.string == path || $0.string.hasPrefix(path + ".") }
    }
    for path in [
      "\(prefix)embeddings.token_type_embeddings", "\(prefix)embeddings.position_ids",
      "\(prefix)pooler", "cls.seq_relationship",
    ] where has(path) {
      steps.append(SurgeryOperation(.drop, [path]))
    }
    steps.append(
      SurgeryOperation(.rename, ["\(prefix)embeddings=distilbert.embeddings"]))
    for (old, new) in [
      ("attention.self.query", "attention.q_lin"), ("attention.self.key", "attention.k_lin"),
      ("attention.self.value", "attention.v_lin"), ("attention.output.dense", "attention.out_lin"),
      ("attention.output.LayerNorm", "sa_layer_norm"), ("intermediate.dense", "ffn.lin1"),
      ("output.dense", "ffn.lin2"), ("output.LayerNorm", "output_layer_norm"),
    ] {
      steps.append(
        SurgeryOperation(
          .rename,
          ["\(prefix)encoder.layer.{i}.\(old)=distilbert.transformer.layer.{i}.\(new)"]))
    }
    for (old, new) in [
      ("cls.predictions.transform.dense", "vocab_transform"),
      ("cls.predictions.transform.LayerNorm", "vocab_layer_norm"),
      ("cls.predictions.decoder", "vocab_projector"),
      ("cls.predictions.bias", "vocab_projector.bias"),
    ] where has(old) && !(old == "cls.predictions.bias" && has("cls.predictions.decoder.bias")) {
      steps.append(SurgeryOperation(.rename, ["\(old)=\(new)"]))
    }
    if has("cls.predictions.bias"), has("cls.predictions.decoder.bias") {
      steps.append(SurgeryOperation(.drop, ["cls.predictions.bias"]))
    }
    return steps
  }
}
