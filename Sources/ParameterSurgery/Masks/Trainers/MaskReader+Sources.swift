internal import CheckpointFiles
internal import OrderedCollections

extension MaskReader {
  /// Patterns match from the start of a name, a dot is a dot, and `[a:b]` at the end takes rows.
  mutating func readAxolotl(_ yaml: FlatYAML) throws(SurgeryError) {
    guard let items = yaml["unfrozen_parameters"], !items.isEmpty else {
      throw SurgeryError("no `unfrozen_parameters` list at the top level")
    }
    for item in items {
      let (name, range) = try MaskReader.axolotlRange(item)
      var regex = try PythonRegex(
        name.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "\\."))
      for key in try match(item, in: "unfrozen_parameters", { regex.match($0) }) {
        trained.insert(key)
        guard let range else { continue }
        let count = tree[key]?.rowCount ?? 0
        let end = range.end ?? count
        guard range.start < end, end <= count else {
          throw SurgeryError(
            "\(quoted(item)) takes rows that \(quoted(key.string)) with its \(count) does not have")
        }
        rows[key] = (rows[key] ?? RowSet([])).union(RowSet([range.start..<end]))
      }
    }
    if !rows.isEmpty {
      notes.append("axolotl lets weight decay act on frozen rows; the mask does not")
    }
  }

  private static func axolotlRange(
    _ item: String
  ) throws(SurgeryError) -> (name: String, range: (start: Int, end: Int?)?) {
    guard item.hasSuffix("]"), let open = item.lastIndex(of: "["), open > item.startIndex else {
      return (item, nil)
    }
    let inner = item[item.index(after: open)...].dropLast()
    guard inner.utf8.allSatisfy({ $0 == UInt8(ascii: ":") || (48...57).contains($0) }) else {
      return (item, nil)
    }
    let parts = inner.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, !(parts.count == 1 && inner.isEmpty) else { return (item, nil) }
    let start = parts[0].isEmpty ? 0 : Int(parts[0])
    let end: Int? =
      parts.count == 1 ? start.map { $0 &+ 1 } : parts[1].isEmpty ? nil : Int(parts[1])
    guard let start, parts.count == 1 || parts[1].isEmpty || end != nil else {
      throw SurgeryError("\(quoted(item)): the rows are no numbers that fit")
    }
    return (String(item[..<open]), (start, end))
  }

  /// Names are looked for anywhere in a parameter's name.
  mutating func readLlamaFactory(_ yaml: FlatYAML) throws(SurgeryError) {
    let settings = ["freeze_trainable_layers", "freeze_trainable_modules", "freeze_extra_modules"]
    guard settings.contains(where: { yaml[$0] != nil }) else {
      throw SurgeryError("has none of the settings \(settings.joined(separator: ", "))")
    }
    guard let layers = Int(yaml[settings[0]]?.first ?? "2") else {
      throw SurgeryError("`freeze_trainable_layers` is not a number")
    }
    if let type = yaml["finetuning_type"]?.first, type != "freeze" {
      throw SurgeryError("`finetuning_type` is \(quoted(type)), expected \"freeze\"")
    }
    func names(_ key: String) -> [String]? {
      yaml[key]?.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " } }
    }
    let rules = LlamaFactoryRules(
      layers: layers, modules: names("freeze_trainable_modules") ?? ["all"],
      extra: names("freeze_extra_modules") ?? [])
    let count = LlamaFactoryRules.layerCount(of: tree.entries.map(\.key))
    for pattern in rules.patterns(layerCount: count) {
      trained.formUnion(
        try match(pattern, in: "the freeze settings") { $0.utf8.firstRange(of: pattern.utf8) })
    }
  }

  /// Prefixes end anywhere, expressions match anywhere; what is trainable wins.
  mutating func readMsSwift(_ json: JSONValue) throws(SurgeryError) {
    let ratio = json["freeze_parameters_ratio"]?.double ?? 0
    guard ratio == 0 || ratio == 1 else {
      throw SurgeryError(
        "`freeze_parameters_ratio` is \(ratio): what that freezes depends on the order in which the "
          + "model registers its parameters, which a checkpoint does not tell; expected 0 or 1")
    }
    if ratio == 0 { trained = Set(tree.entries.map(\.key)) }
    for (suffix, trains) in [("freeze_parameters", false), ("trainable_parameters", true)] {
      var matched: [Key] = []
      for prefix in json[suffix]?.array?.compactMap(\.string) ?? [] {
        matched += try match(prefix, in: suffix) { key in
          key.rangeOfPrefix(prefix)
        }
      }
      if let expression = json[suffix + "_regex"]?.string {
        var regex = try PythonRegex(expression)
        matched += try match(expression, in: suffix + "_regex") { regex.search($0) }
      }
      if trains { trained.formUnion(matched) } else { trained.subtract(matched) }
    }
  }

  /// A module is taken when its path ends with the text.
  mutating func readPeft(_ json: JSONValue) throws(SurgeryError) {
    for target in json["modules_to_save"]?.array?.compactMap(\.string) ?? [] {
      trained.formUnion(
        try match(target, in: "modules_to_save") { key in
          for path in PeftRules.modules(above: Key(key)) where path.endsExactly(with: target) {
            let end = key.utf8.index(key.startIndex, offsetBy: path.utf8.count)
            return key.utf8.index(end, offsetBy: -target.utf8.count)..<end
          }
          return nil
        })
    }
    if let tokens = json["trainable_token_indices"], tokens != .null {
      guard let members = tokens.object else {
        throw SurgeryError(
          "`trainable_token_indices` is a list, which leaves open of which embedding; write "
            + "{\"word_embeddings\": [...]}")
      }
      for (module, value) in members {
        let indices = value.array?.compactMap(\.integer) ?? []
        guard !indices.isEmpty, indices.allSatisfy({ $0 >= 0 && $0 < .max }) else {
          throw SurgeryError(
            "`trainable_token_indices`: \(quoted(module.string)) has no row numbers")
        }
        let ending = module.string + ".weight"
        for key in try match(
          module.string, in: "trainable_token_indices",
          { key in
            guard ("." + key).endsExactly(with: "." + ending) else { return nil }
            return key.utf8.index(key.endIndex, offsetBy: -ending.utf8.count)..<key.endIndex
          })
        {
          rows[key] = RowSet(indices.map { $0..<$0 + 1 })
        }
      }
    }
    if json["target_modules"].map({ $0 != .null }) == true {
      notes.append(
        "PEFT trains adapters for `target_modules` as well; they are not in the checkpoint")
    }
  }

  /// What `named_parameters()` gives; of tensors that are one, it gives the first name alone.
  mutating func readRequiresGrad(_ json: JSONValue) throws(SurgeryError) {
    guard let members = json.object else {
      throw SurgeryError("not an object of names and true or false")
    }
    var known: Set<Key> = []
    for (key, value) in members {
      guard let trains = value.bool else {
        throw SurgeryError("\(quoted(key.string)) is \(value.text()), expected true or false")
      }
      guard tree[key] != nil else {
        throw SurgeryError("\(quoted(key.string)) is no tensor of the checkpoint")
      }
      known.insert(key)
      if trains { trained.insert(key) }
    }
    for group in tree.ties where group.contains(where: known.contains) {
      if group.contains(where: trained.contains) { trained.formUnion(group) }
      known.formUnion(group)
    }
    if let lost = tree.entries.first(where: { !known.contains($0.key) && $0.canTrain }) {
      throw SurgeryError("\(quoted(lost.key.string)) is in the checkpoint and not in the list")
    }
  }
}
