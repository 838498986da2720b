internal import CheckpointFiles
internal import OrderedCollections

/// What `adapter_config.json` says about a LoRA adapter, as far as merging needs it.
///
/// Every member of PEFT's `LoraConfig` is read here, known to have no influence on the merged weights, or refused
/// by its name. So is a member that PEFT 0.21 does not have: it may change what the factors mean.
struct LoRASettings {
  /// The configuration file, for messages.
  let path: String
  /// What the product of a module's factors is multiplied by.
  var scaling: LoRAScaling
  /// The modules that get factors.
  var targets: LoRATargets
  let fanInFanOut: Bool
  let usesDoRA: Bool
  let hasFactorBias: Bool
  /// A variant whose factors merge like those of plain LoRA, and which only linear layers have.
  let linearVariant: String?
  /// `module.parameter`, for weights that are parameters of a module without one of its own.
  let targetParameters: [String]
  /// Names or expressions of the modules that the adapter replaces as a whole.
  let modulesToSave: [String]
  /// The rows of embeddings that `trainable_tokens_delta` replaces: by the name of the module, or for the one.
  let tokens: Tokens?
  let tiesWeights: Bool

  enum Tokens {
    case all([Int])
    case modules([(name: String, rows: [Int])])
  }

  /// Members that only matter while an adapter is trained, or that say where it comes from.
  private static let harmless: Set<Key> = [
    "auto_mapping", "base_model_name_or_path", "revision", "peft_type",
    "peft_version", "inference_mode", "lora_dropout", "megatron_core", "runtime_config",
    "eva_config", "corda_config", "loftq_config", "lora_ga_config", "qalora_group_size",
    // Of older versions of PEFT, and of ms-swift.
    "merge_weights", "lora_dtype", "lorap_lr_ratio", "lorap_emb_lr",
  ]

  /// Members that `init` reads.
  private static let known: Set<Key> = [
    "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules",
    "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out", "bias",
    "use_dora", "lora_bias", "modules_to_save", "init_lora_weights", "trainable_token_indices",
    "target_parameters", "ensure_weight_tying", "velora_config", "monteclora_config", "task_type",
  ]

  /// Members that stand for a computation that is not a sum of weights, or that needs more than the factors.
  private static let refused: [(name: String, reason: String)] = [
    (
      "alora_invocation_tokens", "an activated LoRA works on some tokens only, and cannot be merged"
    ),
    ("arrow_config", "a router that chooses between adapters cannot be merged"),
    ("kasa_config", "KaSA changes the weights of the base before it is trained"),
    ("use_bdlora", "block-diagonal factors are not merged"),
    ("use_qalora", "QALoRA factors for pooled inputs are not merged"),
    ("layer_replication", "an adapter for replicated layers is not merged"),
    ("megatron_config", "an adapter for the parallel layers of Megatron is not merged"),
    ("enable_lora", "factors for parts of a fused weight are not merged"),
  ]

  /// - Throws: ``SurgeryError`` that names the member which is refused, `CheckpointError` when the file cannot be
  ///   read.
  init(_ path: String) throws {
    self.path = path
    let config = try LoRASettings.document(path)
    guard let type = config["peft_type"]?.string else {
      throw SurgeryError.adapter(path, .missing("peft_type"))
    }
    guard type.isSame(as: "LORA") else {
      throw SurgeryError.adapter(path, .otherMethod(type))
    }
    try LoRASettings.refuse(config, path)
    let fields = LoRAFields(config: config, path: path)
    scaling = try LoRAScaling(fields)
    targets = try LoRATargets(fields)
    fanInFanOut = try fields.flag("fan_in_fan_out")
    usesDoRA = try fields.flag("use_dora")
    hasFactorBias = try fields.flag("lora_bias")
    tiesWeights = try fields.flag("ensure_weight_tying")
    targetParameters = try fields.texts("target_parameters")
    if !targetParameters.isEmpty, fields.isSet("lora_dropout") {
      throw SurgeryError.adapter(path, .together("lora_dropout", "target_parameters"))
    }
    modulesToSave = try LoRASettings.modulesToSave(fields)
    tokens = try LoRASettings.tokens(fields)
    let bias = config["bias"]?.string ?? "none"
    guard ["none", "all", "lora_only"].contains(Key(bias)) else {
      throw SurgeryError.adapter(path, .otherValue("bias", bias, "none, all or lora_only"))
    }
    let start: Key? = try LoRASettings.initialisation(config["init_lora_weights"] ?? .null, path)
    let variants = ["velora_config", "monteclora_config"].filter(fields.isSet)
    linearVariant = variants.first
    if let first = variants.first, variants.count > 1 || usesDoRA || start == "mica" {
      throw SurgeryError.adapter(path, .variants(first))
    }
    if usesDoRA, start == "mica" || hasFactorBias {
      throw SurgeryError.adapter(
        path, .together("use_dora", hasFactorBias ? "lora_bias" : "init_lora_weights"))
    }
    if hasFactorBias, start != nil {
      throw SurgeryError.adapter(path, .together("lora_bias", "init_lora_weights"))
    }
  }

  private static func document(_ path: String) throws(CheckpointError) -> JSONValue {
    do {
      return try JSONParser.parse(try WholeFile.read(path, limit: 1 << 23))
    } catch var error {
      if error.path.isEmpty { error.path = path }
      throw error
    }
  }

  private static func refuse(_ config: JSONValue, _ path: String) throws(SurgeryError) {
    let fields = LoRAFields(config: config, path: path)
    for (name, reason) in refused where fields.isSet(name) {
      throw .adapter(path, .refused(name, reason))
    }
    for key in config.object?.keys ?? [] where fields.isSet(key.string) {
      guard harmless.contains(key) || known.contains(key) else {
        throw .adapter(path, .unknownMember(key))
      }
    }
  }

  /// The initialisation of the factors, in lower case.
  ///
  /// - Throws: ``SurgeryError`` for an initialisation that takes the first factors out of the base: the base that
  ///   the adapter belongs to is not the checkpoint then.
  private static func initialisation(
    _ value: JSONValue, _ path: String
  ) throws(SurgeryError) -> Key? {
    let text: String
    switch value {
    case .null, .bool: return nil
    case .string(let string): text = string
    default:
      throw .adapter(path, .otherValue("init_lora_weights", value.text(), "a name"))
    }
    let name = Key(text.lowercased())
    if ["gaussian", "eva", "orthogonal", "mica"].contains(name) { return name }
    let changesBase =
      name.begins(with: "pissa") || name.begins(with: "corda")
      || ["olora", "loftq", "lora_ga"].contains(name)
    guard changesBase else {
      throw .adapter(path, .unknownInitialisation(text))
    }
    throw .adapter(path, .changesBase(text, isQuantised: name == "loftq"))
  }

  /// `modules_to_save`, and the heads that PEFT adds to it for the task.
  private static func modulesToSave(_ fields: LoRAFields) throws(SurgeryError) -> [String] {
    let stated = try fields.texts("modules_to_save")
    let heads =
      switch fields.config["task_type"]?.string.map({ Key($0) }) {
      case "SEQ_CLS", "TOKEN_CLS": ["classifier", "score"]
      case "QUESTION_ANS": ["qa_outputs"]
      default: [String]()
      }
    let known = Set(stated.map { Key($0) })
    return stated + heads.filter { !known.contains(Key($0)) }
  }

  private static func tokens(_ fields: LoRAFields) throws(SurgeryError) -> Tokens? {
    let name = "trainable_token_indices"
    guard fields.isSet(name), let value = fields.config[name] else { return nil }
    if let members = value.object {
      var modules: [(name: String, rows: [Int])] = []
      for (key, list) in members { modules.append((key.string, try fields.indices(list, name))) }
      return .modules(modules)
    }
    return .all(try fields.indices(value, name))
  }

  /// The rows that belong to the embedding `module`; `nil` when the configuration has none for it.
  func rows(of module: String) -> [Int]? {
    switch tokens {
    case .none: return nil
    case .all(let rows): return rows
    case .modules(let modules):
      let exact = modules.first { Key($0.name) == Key(module) }
      return (exact ?? modules.first { Key(module).ends(with: "." + $0.name) })?.rows
    }
  }

  /// The entries of `modules_to_save` that mean a module which holds `name`, as PEFT compares them: by the end of
  /// the module's name.
  func savedModules(holding name: String) -> [String] {
    let parts = Key(name).components
    var path = ""
    var paths: [String] = []
    for part in parts.dropLast() {
      path += path.isEmpty ? part : "." + part
      paths.append(path)
    }
    return modulesToSave.filter { entry in paths.contains { Key($0).ends(with: entry) } }
  }
}

/// The members of an `adapter_config.json`, with errors that name them.
struct LoRAFields {
  let config: JSONValue
  let path: String

  /// Whether a member is there and says more than "no".
  func isSet(_ name: String) -> Bool {
    switch config[name] {
    case .none, .null, .bool(false): false
    case .string(let text): !text.isEmpty
    case .array(let elements): !elements.isEmpty
    // An empty object is a variant with its defaults; PEFT asks that of Megatron whether it is empty.
    case .object(let members):
      !members.isEmpty || name != "megatron_config" && name.hasSuffix("_config")
        || name == "use_bdlora"
    case .number(let text): Double(text) != 0
    case .bool(true): true
    }
  }

  func flag(_ name: String) throws(SurgeryError) -> Bool {
    switch config[name] {
    case .none, .null: return false
    case .bool(let value): return value
    case .some(let other):
      throw .adapter(path, .otherValue(name, other.text(), "true or false"))
    }
  }

  /// A list of texts.
  func texts(_ name: String) throws(SurgeryError) -> [String] {
    guard let value = config[name], value != .null else { return [] }
    guard let list = value.array, list.allSatisfy({ $0.string != nil }) else {
      throw .adapter(path, .otherValue(name, value.text(), "a list of names"))
    }
    return list.compactMap(\.string)
  }

  /// A list of numbers of rows or layers.
  func indices(_ value: JSONValue, _ name: String) throws(SurgeryError) -> [Int] {
    guard let list = value.array, list.allSatisfy({ ($0.integer ?? -1) >= 0 }) else {
      throw .adapter(path, .otherValue(name, value.text(), "a list of indices"))
    }
    return list.compactMap(\.integer)
  }

  func expression(_ text: String, _ name: String) throws(SurgeryError) -> KeyExpression {
    do {
      return try KeyExpression(text, .read)
    } catch {
      throw .adapter(path, .expression(name, text, error.reason))
    }
  }
}
