internal import CheckpointFiles
internal import OrderedCollections

/// An object of a `config.json` that describes one model: the whole file, or a part of it, such as `text_config`.
struct ConfigurationSection {
  /// The members that lead to it; empty for the whole file.
  let path: [String]
  let members: OrderedDictionary<Key, JSONValue>

  private static let maximumDepth = 3
  private static let others: Set<Key> = [
    "quantization_config", "generation_config", "compression_config", "task_specific_params",
  ]

  /// The whole file first, then its parts, outer ones first.
  static func all(in json: JSONValue) -> [ConfigurationSection] {
    var sections: [ConfigurationSection] = []
    var pending: [(path: [String], json: JSONValue)] = [([], json)]
    while !pending.isEmpty, sections.count < 64 {
      let (path, json) = pending.removeFirst()
      guard let members = json.object else { continue }
      sections.append(ConfigurationSection(path: path, members: members))
      guard path.count < maximumDepth else { continue }
      for (name, value) in members
      where value.object != nil && !others.contains(name)
        && (name.ends(with: "_config") || name == "encoder" || name == "decoder")
      {
        pending.append((path + [name.string], value))
      }
    }
    return sections
  }

  subscript(_ name: String) -> JSONValue? { members[Key(name)] }

  /// The count called `name`; `nil` when it is absent or not a count.
  func count(_ name: String) -> Int? { self[name]?.integer.flatMap { $0 > 0 ? $0 : nil } }

  /// A member's name in the file, such as `text_config.num_hidden_layers`.
  func name(_ member: String) -> String { (path + [member]).joined(separator: ".") }

  /// What the part is called in keys: `text` for `text_config`.
  private var word: Key? {
    path.last.map { name in
      let name = Key(name)
      return name.ends(with: "_config") ? name.droppingLast("_config") : name
    }
  }

  private static let synonyms: [Key: [String]] = [
    "vision": ["visual", "image"], "text": ["language_model", "llm"], "audio": ["speech", "sound"],
    "encoder": ["encoder"], "decoder": ["decoder"],
  ]

  /// The first component of a key that names the part; `nil` when none does.
  private func place(in parts: [Key]) -> Int? {
    guard let word else { return nil }
    if word == "encoder" || word == "decoder" { return parts.firstIndex(of: word) }
    let words = [word.string] + (ConfigurationSection.synonyms[word] ?? [])
    return parts.firstIndex { part in words.contains { part.contains($0) } }
  }

  /// The sections that may describe the node or tensor with these components, the likeliest first, each with
  /// the components that are left when its own name is removed.
  static func candidates(
    _ parts: [Key], in sections: [ConfigurationSection]
  ) -> [(section: Int, parts: [Key])] {
    var named: [(section: Int, place: Int, depth: Int)] = []
    for (index, section) in sections.enumerated() {
      if let place = section.place(in: parts) { named.append((index, place, section.path.count)) }
    }
    named.sort { ($0.place, -$0.depth) < ($1.place, -$1.depth) }
    var result = named.map { (section: $0.section, parts: Array(parts[($0.place + 1)...])) }
    // What is not named is the file's own model, or the text part of a file that has parts.
    let isText = !named.contains { sections[$0.section].word.map { $0 != "text" } ?? false }
    if isText {
      for (index, section) in sections.enumerated()
      where section.word == "text" && !named.contains(where: { $0.section == index }) {
        result.append((index, parts))
      }
      result.append((0, parts))
    } else if sections[0]["num_hidden_layers"] == nil || named.isEmpty {
      result.append((0, parts))
    }
    return result
  }
}
