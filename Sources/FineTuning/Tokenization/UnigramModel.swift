internal import CheckpointFiles

/// The unigram model of sentencepiece: of all ways to cut a text into tokens, the one with the
/// highest sum of scores (Viterbi).
struct UnigramModel: Sendable {
  private(set) var vocabulary: Vocabulary
  private var scores: [Double] = []
  private let unknownID: Int32
  private let unknownScore: Double
  /// `<0x00>` to `<0xFF>`, for what no token covers.
  private let byteIDs: [Int32]?

  /// Longer tokens would make long texts slow, and no tokenizer has them.
  private static let longestToken = 512

  /// The model in a `tokenizer.json`.
  ///
  /// - Throws: `FineTuningError` that names what is damaged.
  init(_ model: JSONValue, path: String) throws(FineTuningError) {
    guard let list = model["vocab"]?.array, list.count < 1 << 24 else {
      throw .vocabularyIsNotList(path: path)
    }
    var vocabulary = Vocabulary(capacity: list.count)
    scores.reserveCapacity(list.count)
    for (id, entry) in list.enumerated() {
      guard let parts = entry.array, parts.count == 2, let token = parts[0].string,
        let score = parts[1].double, score.isFinite
      else {
        throw .vocabularyEntry(id, path: path)
      }
      guard token.utf8.count <= UnigramModel.longestToken else {
        throw .longToken(id, limit: UnigramModel.longestToken, path: path)
      }
      scores.append(score)
      guard vocabulary.insert(token.utf8, id: Int32(id)) else {
        throw .repeatedToken(token, path: path)
      }
    }
    guard let unknown = TokenizerSettings.id(model["unk_id"]), unknown < list.count else {
      throw .unknownID(path: path)
    }
    unknownID = unknown
    unknownScore = (scores.min() ?? 0) - 10
    self.vocabulary = vocabulary
    guard model["byte_fallback"]?.bool == true else {
      byteIDs = nil
      return
    }
    let digits = Array("0123456789ABCDEF")
    let ids = (0..<256).compactMap { vocabulary.id(of: "<0x\(digits[$0 >> 4])\(digits[$0 & 15])>") }
    byteIDs = ids.count == 256 ? ids : nil
  }

  /// Appends the ids of a word: the best cut, neighbours that are unknown as one.
  func append(_ text: [UInt8], to ids: inout [Int32]) {
    // For every place, the best token that ends there.
    var best = [(score: Double, start: Int, id: Int32)](
      repeating: (0, -1, 0), count: text.count + 1)
    var start = 0
    while start < text.count {
      var first = start
      _ = decodeScalar(text, &first)
      let score = best[start].score
      var coversOne = false
      var hash = Vocabulary.emptyHash
      for end in start..<min(text.count, start + vocabulary.longest) {
        Vocabulary.extend(&hash, by: text[end])
        guard let id = vocabulary.find(text, start..<end + 1, prefix: [], hash: hash) else {
          continue
        }
        let candidate = scores[Int(id)] + score
        if best[end + 1].start < 0 || candidate > best[end + 1].score {
          best[end + 1] = (candidate, start, id)
        }
        if end + 1 == first { coversOne = true }
      }
      if !coversOne {
        let candidate = unknownScore + score
        if best[first].start < 0 || candidate > best[first].score {
          best[first] = (candidate, start, unknownID)
        }
      }
      start = first
    }
    var pieces: [(range: Range<Int>, id: Int32)] = []
    var end = text.count
    while end > 0 {
      let (_, start, id) = best[end]
      if id == unknownID, let last = pieces.last, last.id == unknownID {
        pieces[pieces.count - 1].range = start..<last.range.upperBound
      } else {
        pieces.append((start..<end, id))
      }
      end = start
    }
    for piece in pieces.reversed() {
      // Fused, unknown neighbours may spell a token.
      if piece.id != unknownID {
        ids.append(piece.id)
      } else if let id = vocabulary.find(text, piece.range, prefix: []) {
        ids.append(id)
      } else if let byteIDs {
        ids.append(contentsOf: text[piece.range].map { byteIDs[Int($0)] })
      } else {
        ids.append(unknownID)
      }
    }
  }
}
