internal import CheckpointFiles

/// Where the special tokens of a model stand around one text and around two.
struct SequenceTemplate: Sendable {
  /// An element of a template, with its token type.
  enum Piece: Sendable, Hashable {
    case token(Int32, UInt8)
    case first(UInt8)
    case second(UInt8)

    var isToken: Bool { if case .token = self { true } else { false } }
  }

  let single: [Piece]
  let pair: [Piece]

  /// `<s> A </s>` and `<s> A </s></s> B </s>`, as RoBERTa has it.
  static func roberta(start: Int32, separator: Int32) -> SequenceTemplate {
    SequenceTemplate(
      single: [.token(start, 0), .first(0), .token(separator, 0)],
      pair: [
        .token(start, 0), .first(0), .token(separator, 0), .token(separator, 0), .second(0),
        .token(separator, 0),
      ])
  }

  /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, as BERT has it.
  static func bert(start: Int32, separator: Int32) -> SequenceTemplate {
    SequenceTemplate(
      single: [.token(start, 0), .first(0), .token(separator, 0)],
      pair: [
        .token(start, 0), .first(0), .token(separator, 0), .second(1), .token(separator, 1),
      ])
  }

  private init(single: [Piece], pair: [Piece]) {
    self.single = single
    self.pair = pair
  }

  /// The template of a `post_processor` in `tokenizer.json`.
  ///
  /// - Throws: `FineTuningError` when it is of another kind, or does not hold each text once behind
  ///   a special token.
  init(_ processor: JSONValue?, path: String) throws(FineTuningError) {
    let processor = SequenceTemplate.withoutByteLevel(processor)
    switch processor?["type"]?.string {
    case "RobertaProcessing", "BertProcessing":
      guard let start = TokenizerSettings.id(processor?["cls"]?.array?.last),
        let separator = TokenizerSettings.id(processor?["sep"]?.array?.last)
      else {
        throw .processorWithoutTokens(path: path)
      }
      self =
        processor?["type"]?.word == "BertProcessing"
        ? .bert(start: start, separator: separator) : .roberta(start: start, separator: separator)
    case "TemplateProcessing":
      let tokens = processor?["special_tokens"]
      func pieces(_ name: String) throws(FineTuningError) -> [Piece] {
        var pieces: [Piece] = []
        for element in processor?[name]?.array ?? [] {
          let value = element["SpecialToken"] ?? element["Sequence"] ?? .null
          guard let id = value["id"]?.string, let type = value["type_id"]?.integer,
            type == 0 || type == 1
          else {
            throw .processorPart(name, path: path)
          }
          switch (element["Sequence"] != nil, id) {
          case (true, "A"): pieces.append(.first(UInt8(type)))
          case (true, "B"): pieces.append(.second(UInt8(type)))
          default:
            guard let ids = tokens?[id]?["ids"]?.array, !ids.isEmpty else {
              throw .tokenWithoutIDs(id, path: path)
            }
            for id in ids {
              guard let id = TokenizerSettings.id(id) else {
                throw .processorID(path: path)
              }
              pieces.append(.token(id, UInt8(type)))
            }
          }
        }
        return pieces
      }
      single = try pieces("single")
      pair = try pieces("pair")
    case nil where processor == nil || processor == .null:
      throw .noProcessor(path: path)
    case let type:
      throw .otherPart(
        .postProcessor, type,
        expected: ["TemplateProcessing", "BertProcessing", "RobertaProcessing"], path: path)
    }
    func count(_ pieces: [Piece], _ isWanted: (Piece) -> Bool) -> Int {
      pieces.count(where: isWanted)
    }
    let isFirst: (Piece) -> Bool = { if case .first = $0 { true } else { false } }
    let isSecond: (Piece) -> Bool = { if case .second = $0 { true } else { false } }
    guard single.first?.isToken == true, pair.first?.isToken == true, single.count <= 16,
      pair.count <= 16, count(single, isFirst) == 1, count(single, isSecond) == 0,
      count(pair, isFirst) == 1, count(pair, isSecond) == 1
    else {
      throw .processorPlaces(path: path)
    }
  }

  /// Of a sequence of processors, the one that adds tokens: `ByteLevel` moves offsets alone.
  private static func withoutByteLevel(_ processor: JSONValue?) -> JSONValue? {
    guard processor?["type"]?.word == "Sequence" else { return processor }
    let parts = (processor?["processors"]?.array ?? []).filter {
      $0["type"]?.word != "ByteLevel"
    }
    return parts.count == 1 ? parts[0] : processor
  }

  /// The highest id of a special token.
  var highestID: Int32 {
    (single + pair).reduce(-1) { if case .token(let id, _) = $1 { max($0, id) } else { $0 } }
  }

  /// Puts the special tokens around the ids of one or two texts, cut to `maximumLength`.
  ///
  /// - Parameter givesTypes: whether the model reads the token types; if not, they are zeros.
  func encode(
    _ first: [Int32], _ second: [Int32]?, maximumLength: Int, keepsEnd: Bool, givesTypes: Bool
  ) -> Encoding {
    let pieces = second == nil ? single : pair
    let room = max(0, maximumLength - pieces.count(where: \.isToken))
    let b = second ?? []
    let counts =
      second == nil ? (min(first.count, room), 0) : longestFirst(first.count, b.count, room: room)
    var ids: [Int32] = []
    var types: [UInt8] = []
    ids.reserveCapacity(counts.0 + counts.1 + pieces.count)
    func append(_ part: [Int32], _ count: Int, _ type: UInt8) {
      ids.append(contentsOf: keepsEnd ? part.suffix(count) : part.prefix(count))
      types.append(contentsOf: repeatElement(givesTypes ? type : 0, count: ids.count - types.count))
    }
    for piece in pieces {
      switch piece {
      case .token(let id, let type): append([id], 1, type)
      case .first(let type): append(first, counts.0, type)
      case .second(let type): append(b, counts.1, type)
      }
    }
    return Encoding(
      ids: ids, tokenTypes: types,
      isTruncated: counts.0 < first.count || counts.1 < b.count)
  }
}
