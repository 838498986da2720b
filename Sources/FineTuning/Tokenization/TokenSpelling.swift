internal import CheckpointFiles

/// A token as a file spells it: as text alone, or with its flags.
struct TokenSpelling: Sendable, Hashable {
  let content: Key
  /// Whether a file, or the class, has the text alone. Such a token is special.
  let isPlain: Bool
  var isSingleWord = false
  var stripsLeft = false
  var stripsRight = false
  /// `nil`: unless the token is special.
  var normalized: Bool?
  var isSpecial = false

  /// The text alone.
  init(plain content: String) {
    self.content = Key(content)
    isPlain = true
    isSpecial = true
  }

  /// A token of `added_tokens.json`, which has neither flags nor the text alone.
  init(legacy content: Key, isSpecial: Bool) {
    self.content = content
    isPlain = false
    self.isSpecial = isSpecial
    normalized = !isSpecial
  }

  /// An object with the flags of `AddedToken`.
  ///
  /// - Parameters:
  ///   - value: the object.
  ///   - place: where it is, for errors.
  ///   - path: the file, for errors.
  ///   - isSpecial: overrides the object's own flag.
  init(
    _ value: JSONValue, at place: FineTuningError.TokenPlace, path: String, isSpecial: Bool? = nil
  ) throws(FineTuningError) {
    guard value.object != nil, let content = value["content"]?.string else {
      throw .tokenWithoutContent(value, at: place, path: path)
    }
    func flag(_ name: String) throws(FineTuningError) -> Bool? {
      guard let member = value[name] else { return nil }
      guard let flag = member.bool else {
        throw .tokenFlag(name, member, at: place, path: path)
      }
      return flag
    }
    self.content = Key(content)
    isPlain = false
    isSingleWord = try flag("single_word") ?? false
    stripsLeft = try flag("lstrip") ?? false
    stripsRight = try flag("rstrip") ?? false
    normalized = try flag("normalized")
    let own = try flag("special")
    self.isSpecial = isSpecial ?? own ?? false
  }

  /// The token, with an id to be found.
  var token: AddedToken {
    AddedToken(
      content: content.string, id: -1, isSingleWord: isSingleWord, stripsLeft: stripsLeft,
      stripsRight: stripsRight, isNormalized: normalized ?? !isSpecial, isSpecial: isSpecial)
  }
}
