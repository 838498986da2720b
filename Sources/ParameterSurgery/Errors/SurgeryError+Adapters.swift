internal import CheckpointFiles

/// Why an adapter cannot be merged.
enum AdapterProblem {
  // Its configuration.
  case missing(String)
  case otherMethod(String)
  case otherValue(String, String, String)
  case expression(String, String, String)
  case together(String, String)
  case alone(String, without: String)
  case variants(String)
  case layersOfExpression
  case parametersOfVariant
  case refused(String, String)
  case unknownMember(Key)
  case unknownInitialisation(String)
  case changesBase(String, isQuantised: Bool)
  case otherRank(String, module: String, rank: Int)
  case leftOut(String, module: String)
  case savedWithFactors(String, module: String)
  case moduleNotHeld(String, tensor: String)
  case tiedEmbeddingFactors(String)
  case ambiguousSquare(String, Bool)
  case noTokenRows(String, Key)
  case duplicateTokenRow(String)
  // Its files and the tensors in them.
  case isAFile
  case noWeights
  case noFactors
  case severalAdapters(Set<Key>)
  case mixedPrefix(Key, Key, String)
  case notAFactor(Key)
  case duplicate(Key)
  case otherKind(Key)
  case biasWithoutSetting(Key)
  case lengthsWithoutSetting(Key)
  case noLengths(String)
  case moduleNotNamed(Key)
  case baseWithoutFactors(Key, module: String)
  case otherTokenRows(Key, Shape, count: Int)
  case unfitFactors(String)
  case storedAgain(Key)
  case storedWithFactors(Key)
  case storedWithChange(Key)
  // The checkpoint that it is merged into.
  case noTarget(String, near: String?)
  case severalTargets(String, [Key])
  case noPlace(Key, Key)
  case duplicateFactors(Key)
  case biasOfAttention(String)
  case noBias(String)
  case notLinear(String, variant: String)
  case magnitudeShape(String, outputs: Int, Shape)
  case otherDType(Key, DType)
  case otherShape(Key, Shape, [Int], isGrouped: Bool)
  case ambiguousInputs(Key, Shape)
  case ambiguousParameter(String, fits: Int, [Key])
  case unfitTensor(Key, Shape, Shape)
  case unfitDType(Key, DType, DType)
  case unfitRows(Key, Shape, highest: Int, width: Int)
  case tiedHead(Key)
}

extension SurgeryError {
  /// A problem of the file at `path`.
  static func adapter(_ path: String, _ problem: AdapterProblem) -> SurgeryError {
    SurgeryError(problem.kind, path: path, key: problem.key, "\(path): \(problem.sentence)")
  }

  /// A problem of an adapter with the tensors that it is merged into.
  static func merge(_ operation: SurgeryOperation, _ problem: AdapterProblem) -> SurgeryError {
    SurgeryError(problem.kind, key: problem.key, "\(operation): \(problem.sentence)")
  }
}

extension AdapterProblem {
  fileprivate var kind: SurgeryError.Kind {
    switch self {
    case .otherMethod, .refused, .unknownMember, .unknownInitialisation, .otherKind,
      .severalAdapters, .layersOfExpression, .parametersOfVariant:
      .unsupported
    case .changesBase, .noTarget, .severalTargets, .noPlace: .otherCheckpoint
    case .duplicateFactors, .duplicate: .duplicateKey
    case .biasOfAttention, .noBias, .notLinear, .magnitudeShape, .otherDType, .otherShape,
      .ambiguousInputs, .ambiguousParameter, .unfitTensor, .unfitDType, .unfitRows, .tiedHead:
      .tensorMismatch
    case .isAFile: .invalidArgument
    default: .malformed
    }
  }

  fileprivate var key: Key? {
    switch self {
    case .mixedPrefix(let key, _, _), .notAFactor(let key), .duplicate(let key),
      .otherKind(let key), .biasWithoutSetting(let key), .lengthsWithoutSetting(let key),
      .moduleNotNamed(let key), .baseWithoutFactors(let key, _), .otherTokenRows(let key, _, _),
      .storedAgain(let key), .storedWithFactors(let key), .storedWithChange(let key),
      .noPlace(_, let key), .duplicateFactors(let key), .otherDType(let key, _),
      .otherShape(let key, _, _, _), .ambiguousInputs(let key, _), .unfitTensor(let key, _, _),
      .unfitDType(let key, _, _), .unfitRows(let key, _, _, _), .tiedHead(let key):
      key
    default: nil
    }
  }

  /// The problem as a sentence, without the file or the operation.
  fileprivate var sentence: String { settingSentence ?? memberSentence ?? targetSentence ?? "" }

  private var settingSentence: String? {
    switch self {
    case .missing(let name): "`\(name)` is missing"
    case .otherMethod(let type): "`peft_type` is \(quoted(type)); only LORA adapters are merged"
    case .otherValue(let name, let value, let wanted):
      "`\(name)` is \(quoted(value)), not \(wanted)"
    case .expression(let name, let text, let reason): "`\(name)` \(quoted(text)): \(reason)"
    case .together(let first, let second):
      "`\(first)` beside `\(second)`, a combination that PEFT does not have"
    case .alone(let name, let other):
      "`\(name)` is set, and `\(other)` is not, which PEFT does not accept"
    case .variants(let name): "`\(name)` beside another variant of LoRA, which PEFT does not have"
    case .layersOfExpression:
      "`layers_to_transform` cannot be combined with an expression in `target_modules`"
    case .parametersOfVariant: "`target_parameters` can only be combined with plain LoRA"
    case .refused(let name, let reason): "`\(name)` is set: \(reason)"
    case .unknownMember(let key):
      "\(quoted(key.string)) is an unknown member and may change what the factors mean; merge this adapter with the "
        + "version of PEFT that wrote it"
    case .unknownInitialisation(let text):
      "`init_lora_weights` is \(quoted(text)), which is not an initialisation of PEFT"
    case .changesBase(let text, let isQuantised):
      "`init_lora_weights` is \(quoted(text)): the factors belong to other base weights than the checkpoint's, because "
        + "this initialisation changes the base; "
        + (isQuantised
          ? "merge it with PEFT into the quantised base"
          : "save it with PEFT's `path_initial_model_for_weight_conversion` first")
    case .otherRank(let text, let module, let rank):
      "`r` is \(text), the factors of \(quoted(module)) have the rank \(rank)"
    case .leftOut(let member, let module):
      "`\(member)` leaves out \(quoted(module)), and the adapter holds factors for it"
    case .savedWithFactors(let entry, let module):
      "`modules_to_save` names \(quoted(entry)), and the adapter holds factors for \(quoted(module))"
    case .moduleNotHeld(let module, let tensor):
      "`modules_to_save` or `task_type` names \(quoted(module)), and the adapter does not hold \(quoted(tensor))"
    case .tiedEmbeddingFactors(let module):
      "`ensure_weight_tying` is set, and \(quoted(module)) is an embedding with factors"
    case .ambiguousSquare(let module, let value):
      "`fan_in_fan_out` is \(value), which does not fit all layers, and \(quoted(module)) is square: how its factors "
        + "are stored is not known"
    case .noTokenRows(let module, let source):
      "`trainable_token_indices` has no rows for \(quoted(module)), and the adapter holds \(quoted(source.string))"
    case .duplicateTokenRow(let module):
      "`trainable_token_indices` names a row of \(quoted(module)) twice"
    default: nil
    }
  }

  private var memberSentence: String? {
    switch self {
    case .isAFile: "is a file; an adapter is a folder with an adapter_config.json"
    case .noWeights: "there is no adapter_model.safetensors"
    case .noFactors: "holds no LoRA factors"
    case .severalAdapters(let names):
      "holds several adapters (\(listed(names.sorted().map { $0 == "" ? "one without a name" : $0.string }))), and one is "
        + "merged at a time"
    case .mixedPrefix(let key, let other, let prefix):
      "\(quoted(key.string)) does not begin with `\(prefix)`, and \(quoted(other.string)) does"
    case .notAFactor(let key): "\(quoted(key.string)) is not the name of a factor"
    case .duplicate(let key): "\(quoted(key.string)) occurs twice"
    case .otherKind(let key): "\(quoted(key.string)) is of a kind that is not merged"
    case .biasWithoutSetting(let key):
      "\(quoted(key.string)) is a bias, and `lora_bias` is not set"
    case .lengthsWithoutSetting(let key):
      "\(quoted(key.string)) belongs to DoRA, and `use_dora` is not set"
    case .noLengths(let module):
      "\(quoted(module)) has no `lora_magnitude_vector`, and `use_dora` is set"
    case .moduleNotNamed(let key):
      "\(quoted(key.string)) belongs to a module that `modules_to_save` does not name"
    case .baseWithoutFactors(let key, let module):
      "\(quoted(key.string)) is of a layer with factors, and there are no factors for \(quoted(module))"
    case .otherTokenRows(let key, let shape, let count):
      "\(quoted(key.string)) has the shape \(shape), and `trainable_token_indices` names \(count) rows"
    case .unfitFactors(let module):
      "the two factors for \(quoted(module + ".weight")) do not fit"
    case .storedAgain(let key): "\(quoted(key.string)) is stored a second time under another name"
    case .storedWithFactors(let key):
      "\(quoted(key.string)) is stored beside factors for the same weight"
    case .storedWithChange(let key):
      "\(quoted(key.string)) is stored beside another change of the same weight"
    default: nil
    }
  }

  private var targetSentence: String? {
    switch self {
    case .noTarget(let name, let near):
      "the adapter is for \(quoted(name)), and there is no such tensor"
        + (OutputHead.isHead(Key(name))
          ? ": a head that is tied to the embedding must be a tensor of its own first; copy the embedding to that name"
          : near.map { "; the nearest is \(quoted($0))" } ?? "")
    case .severalTargets(let name, let keys):
      "the adapter is for \(quoted(name)), and \(keys.count) tensors have that name: "
        + listed(keys.prefix(4).map { quoted($0.string) })
    case .noPlace(let source, let key):
      "the adapter holds \(quoted(source.string)), and there is no tensor \(quoted(key.string))"
    case .duplicateFactors(let key):
      "the adapter holds factors for \(quoted(key.string)) twice"
    case .biasOfAttention(let module):
      "`lora_bias` is set, and \(quoted(module)) is an attention"
    case .noBias(let module):
      "`lora_bias` is set, and \(quoted(module)) has no bias that the adapter's is added to"
    case .notLinear(let module, let variant):
      "`\(variant)` is set, and \(quoted(module)) is not a linear layer"
    case .magnitudeShape(let module, let outputs, let shape):
      "\(quoted(module)) has \(outputs) outputs, and a `lora_magnitude_vector` of the shape \(shape)"
    case .otherDType(let key, let dtype):
      "\(quoted(key.string)) holds \(dtype), and factors are added to F64, F32, F16 and BF16 only"
    case .otherShape(let key, let shape, let product, let isGrouped):
      "\(quoted(key.string)) has the shape \(shape), the adapter makes \(product)"
        + (isGrouped ? ": a convolution in groups, which PEFT does not merge" : "")
    case .ambiguousInputs(let key, let shape):
      "\(quoted(key.string)) has the shape \(shape), and `target_parameters` does not say which of the last two "
        + "dimensions are the inputs"
    case .ambiguousParameter(let module, let count, let keys):
      "the factors of \(quoted(module)) fit \(count) of the parameters that `target_parameters` names: "
        + listed(keys.map { quoted($0.string) })
    case .unfitTensor(let key, let shape, let other):
      "\(quoted(key.string)) has the shape \(shape), the adapter's \(other)"
        + (shape.dimensions.dropFirst() == other.dimensions.dropFirst() ? "; resize it first" : "")
    case .unfitDType(let key, let dtype, let other):
      "\(quoted(key.string)) holds \(dtype), the adapter's \(other)"
    case .unfitRows(let key, let shape, let highest, let width):
      "\(quoted(key.string)) has the shape \(shape), and the adapter holds rows up to \(highest) of \(width) elements"
    case .tiedHead(let key):
      "`modules_to_save` replaces \(quoted(key.string)), and the head that is tied to it by config.json stays what it "
        + "was in PEFT; copy the embedding to the head's name first, such as lm_head.weight"
    default: nil
    }
  }
}
