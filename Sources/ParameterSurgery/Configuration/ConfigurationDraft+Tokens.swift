package import CheckpointFiles
internal import OrderedCollections

// What a configuration says about single tokens.
extension ConfigurationDraft {
  /// Gives members that name tokens their new ids.
  mutating func followTokens(_ ids: [Int: Int]) {
    for (index, section) in sections.enumerated() {
      for (key, value) in section.members where TokenMembers.name(key) {
        guard let new = TokenMembers.renumbered(value, ids) else {
          note(
            "\(section.name(key.string)) in config.json is \(value.text()), and there is no such token now"
          )
          continue
        }
        if new != value { set(key.string, in: index, to: new) }
      }
    }
  }
}

/// Members of `config.json` and `generation_config.json` that name tokens by their ids.
package enum TokenMembers {
  /// Lists of ids whose names do not say so.
  private static let lists: Set<Key> = [
    "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias",
    "forced_decoder_ids",
  ]

  /// Whether a member with this name is an id of a token, or a list of such ids.
  static func name(_ key: Key) -> Bool {
    ["token_id", "token_ids", "token_index"].contains { key.ends(with: $0) }
  }

  /// The ids that the members of an object name.
  ///
  ///     TokenMembers.ids(in: configuration)  // [101, 102, 0]
  package static func ids(in json: JSONValue) -> Set<Int> {
    var ids: Set<Int> = []
    for section in ConfigurationSection.all(in: json) {
      for (key, value) in section.members where name(key) {
        ids.formUnion((value.array ?? [value]).compactMap(\.integer).filter { $0 >= 0 })
      }
    }
    return ids
  }

  /// The value with new ids; `nil` when an id has none. Values that are not ids stay.
  static func renumbered(_ value: JSONValue, _ ids: [Int: Int]) -> JSONValue? {
    if let list = value.array {
      let new = list.compactMap { renumbered($0, ids) }
      return new.count == list.count ? .array(new) : nil
    }
    guard let id = value.integer, id >= 0 else { return value }
    return ids[id].map { .integer($0) }
  }

  /// The `generation_config.json` of a model whose tokens have new ids, and the names of members that name tokens in
  /// other ways and stay as they are.
  package static func renumbering(
    _ json: JSONValue, _ ids: [Int: Int]
  ) -> (json: JSONValue, left: [String]) {
    guard var members = json.object else { return (json, []) }
    var left: [String] = []
    for (key, value) in members {
      if name(key) {
        if let new = renumbered(value, ids) { members[key] = new } else { left.append(key.string) }
      } else if lists.contains(key), value != .null {
        left.append(key.string)
      }
    }
    return (.object(members), left)
  }
}
