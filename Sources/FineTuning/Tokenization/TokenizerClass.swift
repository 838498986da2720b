internal import CheckpointFiles

/// The tokenizer classes of transformers 5 whose reading of a folder's files is known here.
enum TokenizerClass: String, Sendable, Hashable {
  /// WordPiece. Of `tokenizer.json`, the vocabulary alone counts.
  case bert = "BertTokenizer"
  /// The same, without token types.
  case distilBERT = "DistilBertTokenizer"
  /// Byte-level byte-pair encoding. Of `tokenizer.json`, vocabulary and merges alone count.
  case roberta = "RobertaTokenizer"
  /// Sentencepiece's unigram model. Of `tokenizer.json`, vocabulary and character map alone count.
  case xlmRoberta = "XLMRobertaTokenizer"
  /// `tokenizer.json` as it stands.
  case backend = "TokenizersBackend"

  /// The class that `AutoTokenizer` takes: the one that `tokenizer_config.json` names, then the one that
  /// `config.json` names, then the one of the model's family.
  ///
  /// Where it would find none, the class of the family, or of the vocabulary file, is taken.
  ///
  /// - Parameters:
  ///   - files: the files of the folder.
  ///   - configuration: `tokenizer_config.json`.
  /// - Throws: `FineTuningError` that names a class whose reading of the files is not known.
  static func chosen(
    for files: TokenizerFiles, configuration: JSONValue?
  ) throws(FineTuningError) -> TokenizerClass {
    let model = try files.modelConfiguration.map { path throws(FineTuningError) in
      try files.document(path)
    }
    try refuseCode(configuration, in: files.configuration, model)
    for (path, document) in [
      (files.configuration, configuration), (files.modelConfiguration, model),
    ] {
      guard let path, let value = document?["tokenizer_class"], value != .null else { continue }
      guard let name = value.string, !name.isEmpty else {
        throw .tokenizerMember("tokenizer_class", value, expected: .className, path: path)
      }
      // AutoTokenizer takes the base class for tokenizer.json only where another file says more.
      let isBase = ["PreTrainedTokenizer", "PythonBackend"].contains(where: name.isSame)
      guard !isBase || path != files.modelConfiguration || model?["model_type"]?.string != nil
      else {
        throw .classWithoutFiles(name, path: path)
      }
      return try TokenizerClass(named: name, path: path)
    }
    // Without "model_type", AutoTokenizer does not know the family and takes tokenizer.json as it stands.
    if files.tokenizer != nil, model?["model_type"]?.string == nil { return .backend }
    // Where neither says it, the family comes from the weights' keys, and the class from the vocabulary's kind.
    let names = [model?["model_type"], model?["architectures"]]
    if let model, let path = files.modelConfiguration,
      names.contains(where: { $0 ?? .null != .null })
    {
      switch try ModelFamily(of: model, path: path) {
      case .roberta: return .roberta
      case .xlmRoberta: return .xlmRoberta
      default: return .bert
      }
    }
    return files.vocabulary != nil ? .bert : .roberta
  }

  /// - Throws: `FineTuningError` when `auto_map` names code of the folder for its tokenizer and the files name no
  ///   class of transformers, which would come first.
  private static func refuseCode(
    _ configuration: JSONValue?, in path: String?, _ model: JSONValue?
  ) throws(FineTuningError) {
    guard let path, let map = configuration?["auto_map"] else { return }
    let code = map.array != nil ? map : map["AutoTokenizer"] ?? .null
    let name = configuration?["tokenizer_class"]?.string
    guard code != .null, model?["model_type"]?.string == nil, !(name.map(isKnown) ?? false) else {
      return
    }
    throw .tokenizerCode(path: path)
  }

  private static func isKnown(_ name: String) -> Bool {
    let stem = stem(of: name)
    let bases = ["PreTrainedTokenizer", "TokenizersBackend", "PythonBackend"]
    guard !bases.contains(stem), !others.contains(stem) else { return true }
    return (try? TokenizerClass(named: name, path: "")) != .backend
  }

  /// The name of a class without the ending of the fast ones; empty for a text that cannot be the name of a class, because
  /// those names are short and ASCII.
  private static func stem(of name: String) -> String {
    guard let word = JSONValue.string(name).word else { return "" }
    return word.ends(with: "Fast") ? word.droppingLastBytes(4) : word
  }

  /// The class that transformers finds under a name. Names that it does not know stand for `tokenizer.json`
  /// as it stands.
  init(named name: String, path: String) throws(FineTuningError) {
    let stem = TokenizerClass.stem(of: name)
    switch stem {
    case "BertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer", "LxmertTokenizer",
      "MobileBertTokenizer", "SqueezeBertTokenizer":
      self = .bert
    case "DistilBertTokenizer": self = .distilBERT
    case "RobertaTokenizer", "BartTokenizer", "LEDTokenizer", "LongformerTokenizer", "MvpTokenizer":
      self = .roberta
    case "XLMRobertaTokenizer": self = .xlmRoberta
    default:
      guard !TokenizerClass.others.contains(stem) else {
        throw .otherTokenizerClass(name, path: path)
      }
      self = .backend
    }
  }

  /// Classes of transformers 5.24 that read the files in other ways.
  private static let others: Set<String> = [
    "AlbertTokenizer", "AutoTokenizer", "BarthezTokenizer", "BartphoTokenizer", "BasicTokenizer",
    "BertGenerationTokenizer", "BertJapaneseTokenizer", "BertTokenizerLegacy", "BertweetTokenizer",
    "BigBirdTokenizer", "BioGptTokenizer", "BlenderbotSmallTokenizer", "BlenderbotTokenizer",
    "ByT5Tokenizer", "CLIPTokenizer", "CTRLTokenizer", "CamembertTokenizer", "CanineTokenizer",
    "CharacterTokenizer", "ClvpTokenizer", "CodeGenTokenizer", "CodeLlamaTokenizer",
    "CohereTokenizer", "ConvBertTokenizer", "CpmAntTokenizer", "CpmTokenizer",
    "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer", "DPRReaderTokenizer",
    "DebertaTokenizer", "DebertaV2Tokenizer", "DiaTokenizer", "EsmTokenizer", "EsmcTokenizer",
    "FNetTokenizer", "FSMTTokenizer", "FastSpeech2ConformerTokenizer", "FlaubertTokenizer",
    "FunnelTokenizer", "GPT2Tokenizer", "GPTNeoXJapaneseTokenizer", "GPTNeoXTokenizer",
    "GPTSw3Tokenizer", "GemmaTokenizer", "HerbertTokenizer", "LasrTokenizer",
    "LayoutLMv2Tokenizer", "LayoutLMv3Tokenizer", "LayoutXLMTokenizer", "LlamaTokenizer",
    "LukeTokenizer", "M2M100Tokenizer", "MBart50Tokenizer", "MBartTokenizer", "MLukeTokenizer",
    "MPNetTokenizer", "MarianTokenizer", "MarkupLMTokenizer", "MecabTokenizer", "MgpstrTokenizer",
    "MistralCommonBackend", "MyT5Tokenizer", "NllbTokenizer", "NougatTokenizer",
    "OpenAIGPTTokenizer", "PLBartTokenizer", "ParakeetTokenizer", "PegasusTokenizer",
    "PerceiverTokenizer", "PhobertTokenizer", "Pop2PianoTokenizer", "ProphetNetTokenizer",
    "Qwen2Tokenizer", "Qwen3_5Tokenizer", "RagTokenizer", "ReformerTokenizer", "RemBertTokenizer",
    "RoCBertTokenizer", "RoFormerTokenizer", "SeamlessM4TTokenizer", "SentencePieceBackend",
    "Siglip2Tokenizer", "SiglipTokenizer", "Speech2TextTokenizer", "SpeechT5Tokenizer",
    "SplinterTokenizer", "T5Tokenizer", "TapasTokenizer", "Tipsv2Tokenizer", "TorchvisionBackend",
    "UdopTokenizer", "VideoPrismTokenizer", "VitsTokenizer", "Wav2Vec2CTCTokenizer",
    "Wav2Vec2PhonemeCTCTokenizer", "WhisperTokenizer", "WordpieceTokenizer", "XGLMTokenizer",
    "XLMTokenizer", "XLNetTokenizer",
  ]

  /// The special tokens that the class has when no file names them.
  var specialTokens: [String: String] {
    switch self {
    case .bert, .distilBERT:
      [
        "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
        "mask_token": "[MASK]",
      ]
    case .roberta, .xlmRoberta:
      [
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
        "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
      ]
    case .backend: [:]
    }
  }

  /// The kind of model that the class builds; `nil` takes that of the file.
  var modelType: String? {
    switch self {
    case .bert, .distilBERT: "WordPiece"
    case .roberta: "BPE"
    case .xlmRoberta: "Unigram"
    case .backend: nil
    }
  }

  /// Whether the model reads which of two texts a token belongs to, when no file says so. If not, it sees
  /// zeros.
  var givesTokenTypes: Bool { self == .bert }
}
