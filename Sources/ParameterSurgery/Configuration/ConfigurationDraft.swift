internal import CheckpointFiles
internal import OrderedCollections

/// A configuration that is being updated.
struct ConfigurationDraft {
  private(set) var json: JSONValue
  private(set) var notes: [String] = []
  /// Whether tokens get new ids, so that a former id says nothing about the rows that are left.
  var renumbersTokens = false
  /// The sections as they were before.
  let sections: [ConfigurationSection]

  init(_ json: JSONValue) {
    self.json = json
    sections = ConfigurationSection.all(in: json)
  }

  mutating func set(_ name: String, in section: Int, to value: JSONValue) {
    json = ConfigurationDraft.setting(sections[section].path[...], name, value, in: json)
  }

  /// The path of a section is at most three names long.
  private static func setting(
    _ path: ArraySlice<String>, _ name: String, _ value: JSONValue, in json: JSONValue
  ) -> JSONValue {
    guard var members = json.object else { return json }
    if let first = path.first {
      guard let inner = members[Key(first)] else { return json }
      members[Key(first)] = setting(path.dropFirst(), name, value, in: inner)
    } else {
      members[Key(name)] = value
    }
    return .object(members)
  }

  /// The value of a member as it is now.
  func value(_ name: String, in section: Int) -> JSONValue? {
    var json = json
    for part in sections[section].path {
      guard let inner = json[part] else { return nil }
      json = inner
    }
    return json[name]
  }

  mutating func note(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }

  /// The members that differ from `old`, by their names with dots.
  func changes(from old: JSONValue) -> [ConfigurationUpdate.Change] {
    ConfigurationDraft.changes(old, json, "", 0)
  }

  private static func changes(
    _ old: JSONValue, _ new: JSONValue, _ prefix: String, _ depth: Int
  ) -> [ConfigurationUpdate.Change] {
    let names = OrderedSet(old.object?.keys ?? []).union(new.object?.keys ?? [])
    return names.flatMap { name -> [ConfigurationUpdate.Change] in
      let (before, after) = (old[name.string], new[name.string])
      if before == after { return [] }
      if let before, let after, before.object != nil, after.object != nil, depth < 3 {
        return changes(before, after, prefix + name.string + ".", depth + 1)
      }
      return [.init(name: prefix + name.string, before: before, after: after)]
    }
  }
}
