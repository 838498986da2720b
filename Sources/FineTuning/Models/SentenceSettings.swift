internal import CheckpointFiles
internal import OrderedCollections

/// What a folder of sentence-transformers says about its model beside `config.json`: how it pools and how
/// much of a text it reads. `modules.json` names the modules, `1_Pooling/config.json` the pooling,
/// `sentence_bert_config.json` or, since version 6, `tokenizer_config.json` the longest sequence.
public struct SentenceSettings: Sendable, Hashable {
  /// The pooling, when it is one that is implemented.
  public private(set) var pooling: Pooling?
  /// The longest sequence, in tokens.
  public private(set) var maximumLength: Int?
  /// What of the model takes no part here, a sentence each.
  public private(set) var notes: [String] = []

  /// The settings in a folder; `nil` when it has no `modules.json`.
  ///
  /// - Throws: `FineTuningError` or `CheckpointError` when a file of them cannot be read.
  package init?(ofModelIn folder: String) throws {
    let path = Path.join(folder, "modules.json")
    guard WholeFile.exists(path) else { return nil }
    guard let modules = try FileSystem.json(path).array else {
      throw FineTuningError.modulesAreNotList(path)
    }
    var others: [String] = []
    for module in modules {
      guard let type = module["type"]?.string else {
        throw FineTuningError.moduleWithoutType(path)
      }
      switch type.split(separator: ".").last {
      case "Transformer": break
      case "Pooling":
        let place = module["path"]?.string ?? "1_Pooling"
        // The path is in a file: it must not lead out of the folder.
        guard !place.begins(with: "/"), !place.split(separator: "/").contains("..") else {
          throw FineTuningError.moduleOutsideFolder(place, path: path)
        }
        try readPooling(Path.join(Path.join(folder, place), "config.json"))
      case let name?: others.append(String(name))
      case nil:
        throw FineTuningError.moduleWithoutType(path)
      }
    }
    if !others.isEmpty {
      notes.append(
        "\(path): \(listed(others)) of the sentence-transformers model "
          + "\(others.count == 1 ? "takes" : "take") no part in the classifier")
    }
    try readLength(in: folder)
    try readPrompts(in: folder)
  }

  /// A prompt that sentence-transformers puts before every text.
  private mutating func readPrompts(in folder: String) throws {
    let path = Path.join(folder, "config_sentence_transformers.json")
    guard WholeFile.exists(path) else { return }
    let json = try FileSystem.json(path)
    guard let name = json["default_prompt_name"]?.string else { return }
    let prompt = json["prompts"]?.object?[Key(name)]?.string
    guard prompt != "" else { return }
    notes.append(
      "\(path): sentence-transformers puts the prompt \(quoted(name))\(prompt.map { " (\(quoted($0)))" } ?? "") before every "
        + "text; here texts are read as they are")
  }

  private mutating func readPooling(_ path: String) throws {
    guard WholeFile.exists(path) else { return }
    let json = try FileSystem.json(path)
    let old = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens"]
    var modes: [String]
    if let mode = json["pooling_mode"], mode != .null {
      modes = mode.string.map { [$0] } ?? mode.array?.compactMap(\.string) ?? []
    } else {
      modes = (old + ["weightedmean_tokens", "lasttoken"]).filter {
        json["pooling_mode_\($0)"]?.bool ?? false
      }
      if modes.isEmpty { modes = ["mean"] }
    }
    switch modes {
    case ["mean"], ["mean_tokens"]: pooling = .mean
    case ["cls"], ["cls_token"]: pooling = .cls
    default:
      notes.append(
        "\(path): the pooling \(listed(modes)) of the sentence-transformers model is not implemented"
      )
    }
  }

  private mutating func readLength(in folder: String) throws {
    for family in ["bert", "roberta", "distilbert", "xlm-roberta", "camembert", "albert", "xlnet"] {
      let path = Path.join(folder, "sentence_\(family)_config.json")
      guard WholeFile.exists(path) else { continue }
      let json = try FileSystem.json(path)
      if let length = json["max_seq_length"], length != .null {
        guard let value = length.integer, value >= 3 else {
          throw FineTuningError.member(
            "max_seq_length", length, expected: .tokenCount(from: 3), path: path)
        }
        maximumLength = value
      }
      let arguments = [
        "model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args",
        "config_kwargs",
      ].filter { json[$0]?.object?.isEmpty == false }
      if !arguments.isEmpty {
        notes.append(
          "\(path): \(listed(arguments)) of the sentence-transformers model \(arguments.count == 1 ? "is" : "are") not read"
        )
      }
      if json["do_lower_case"]?.bool ?? false {
        notes.append(
          "\(path): \"do_lower_case\" lets sentence-transformers read texts in lower case; here the "
            + "tokenizer's own files decide")
      }
      break
    }
    if maximumLength == nil { maximumLength = try tokenizerLength(in: folder) }
  }

  /// Version 6 of sentence-transformers stores the length with the tokenizer. Huge numbers mean none.
  private func tokenizerLength(in folder: String) throws -> Int? {
    let path = Path.join(folder, "tokenizer_config.json")
    guard WholeFile.exists(path) else { return nil }
    let length = try FileSystem.json(path)["model_max_length"]?.integer
    return length.flatMap { (3...1 << 20).contains($0) ? $0 : nil }
  }
}

extension SentenceSettings {
  /// What to say when they decide something; `nil` when they do not.
  static func note(
    _ folder: String, pooling: Pooling?, maximumLength: Int?
  ) -> String? {
    let parts =
      (pooling.map { ["the pooling \($0.rawValue)"] } ?? [])
      + (maximumLength.map { ["the maximum length \($0)"] } ?? [])
    guard !parts.isEmpty else { return nil }
    return "\(folder): " + parts.joined(separator: " and ")
      + " \(parts.count == 1 ? "is" : "are") taken over from the sentence-transformers model"
  }
}
