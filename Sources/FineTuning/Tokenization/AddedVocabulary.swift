internal import CheckpointFiles

/// The added tokens of a tokenizer while files add to them, with the ids that the `tokenizers` library gives:
/// that of the vocabulary if the token is there, otherwise the next free one, whatever a file says.
struct AddedVocabulary {
  private var tokens: [Int32: AddedToken] = [:]
  private var ids: [Key: Int32] = [:]
  /// The tokens of the vocabulary.
  let count: Int
  let find: (Key) -> Int32?

  /// - Parameters:
  ///   - count: the number of tokens in the vocabulary.
  ///   - find: the id of a token in the vocabulary.
  init(count: Int, find: @escaping (Key) -> Int32?) {
    self.count = count
    self.find = find
  }

  /// All tokens, by id.
  var all: [AddedToken] { tokens.sorted { $0.key < $1.key }.map(\.value) }

  /// Whether a token with this text was added.
  func contains(_ content: String) -> Bool { ids[Key(content)] != nil }

  /// Whether the token was added with the same flags.
  func contains(_ token: AddedToken) -> Bool {
    guard let id = ids[Key(token.content)], let known = tokens[id] else { return false }
    return known.spells(like: token)
  }

  /// The id of an added token or of one of the vocabulary.
  func id(of content: String) -> Int32? { ids[Key(content)] ?? find(Key(content)) }

  /// Adds tokens in this order. One whose text was added before replaces the flags.
  mutating func add(_ new: [AddedToken]) {
    let highest = tokens.keys.max() ?? -1
    var next = Int(highest) >= count || count == 0 ? highest + 1 : Int32(count)
    for var token in new where !token.content.isEmpty {
      if let known = id(of: token.content) {
        token.id = known
      } else {
        token.id = next
        next += 1
      }
      ids[Key(token.content)] = token.id
      tokens[token.id] = token
    }
  }
}

extension AddedToken {
  /// Whether text and flags are the same.
  func spells(like other: AddedToken) -> Bool {
    var other = other
    other.id = id
    return content.utf8.elementsEqual(other.content.utf8) && self == other
  }
}
