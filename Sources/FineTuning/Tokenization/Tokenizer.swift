/// Turns texts into the numbers that a model reads.
public protocol Tokenizer: Sendable {
  /// One more than the highest id of the vocabulary and of the special tokens around a text. Added tokens
  /// in a text may have higher ones.
  var vocabularySize: Int { get }
  /// The files that it was read from.
  var files: TokenizerFiles { get }
  /// The id that fills a batch up.
  var paddingID: Int32 { get }
  /// `model_max_length` of the model's files, to which texts are cut unless a user asks for more; `nil` when
  /// they name none.
  var modelMaximumLength: Int? { get }
  /// The ids of a text, or of a pair of texts, with the model's special tokens around them.
  ///
  /// - Parameters:
  ///   - first: the text.
  ///   - second: the other text of a pair.
  ///   - maximumLength: the most ids to give, special tokens included. Of a pair, the longer text is cut
  ///     first.
  func encode(_ first: String, _ second: String?, maximumLength: Int) -> Encoding
}

extension Tokenizer {
  /// The ids of one text.
  public func encode(_ text: String, maximumLength: Int) -> Encoding {
    encode(text, nil, maximumLength: maximumLength)
  }
}

/// A text as a model reads it.
public struct Encoding: Sendable, Hashable {
  /// The ids, special tokens included.
  public var ids: [Int32]
  /// 0 for the first text, 1 for the second.
  public var tokenTypes: [UInt8]
  /// Whether something was cut to fit.
  public var isTruncated: Bool

  /// An encoding with these ids and types.
  public init(ids: [Int32], tokenTypes: [UInt8], isTruncated: Bool = false) {
    self.ids = ids
    self.tokenTypes = tokenTypes
    self.isTruncated = isTruncated
  }
}

/// How many tokens of each text stay when special tokens leave room for `room`: the reference's
/// `longest_first`, which shortens the longer text and, when both are too long, gives each half.
func longestFirst(_ first: Int, _ second: Int, room: Int) -> (first: Int, second: Int) {
  guard first + second > room else { return (first, second) }
  var short = min(first, second)
  var long = short > room ? short : max(short, room - short)
  if short + long > room {
    short = room / 2
    long = short + room % 2
  }
  return first > second ? (long, short) : (short, long)
}
