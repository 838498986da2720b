internal import CheckpointFiles
internal import OrderedCollections

// What a configuration says about the rows of embeddings.
extension ConfigurationDraft {
  /// A tensor of the base, and its shape after the edit; `nil` when it is gone.
  private struct EditedShape {
    let key: Key
    let before: [Int]
    let after: [Int]?
  }

  mutating func followRows(from base: Checkpoint, to result: Checkpoint, origins: [Key: Key]) {
    var targets: [Key: Key] = [:]
    for (key, origin) in origins where result[key] != nil {
      if targets[origin] == nil || key == origin { targets[origin] = key }
    }
    let shapes = base.tensors.compactMap { key, tensor -> EditedShape? in
      guard (1...2).contains(tensor.shape.rank), NumberedLayers.split(key) == nil else {
        return nil
      }
      let after = (targets[key] ?? (result[key] == nil ? nil : key)).flatMap { result[$0] }
      return EditedShape(key: key, before: tensor.shape.dimensions, after: after?.shape.dimensions)
    }
    guard shapes.contains(where: { $0.after != nil && $0.after != $0.before }) else { return }
    for kind in EmbeddingRows.Kind.allCases { follow(kind, shapes) }
    noteLabels(shapes)
  }

  private func sections(of key: Key) -> [Int] {
    let found = ConfigurationSection.candidates(key.parts, in: sections).map(\.section)
    return found.contains(0) ? found : found + [0]
  }

  private mutating func follow(_ kind: EmbeddingRows.Kind, _ shapes: [EditedShape]) {
    let embeddings = shapes.filter {
      EmbeddingRows.kind(of: $0.key) == kind && $0.before.count == 2
    }
    var followed: Set<Key> = []
    for index in sections.indices {
      for name in kind.members {
        guard let count = sections[index].count(name) else { continue }
        for offset in kind.offsets {
          let counted = embeddings.filter { shape in
            shape.before[0] == count.addingSaturated(offset) && shape.after != nil
              && sections(of: shape.key).contains(index)
              && EmbeddingRows.fits(name, shape.key.parts)
          }
          let others = (kind == .tokens ? perToken(count, shapes) : []).filter { shape in
            sections(of: shape.key).contains(index)
              && EmbeddingRows.fits(name, shape.key.parts)
          }
          guard !counted.isEmpty || !others.isEmpty else { continue }
          followed.formUnion(counted.map(\.key))
          follow(counted, others, count, offset, name, index, kind)
          if !counted.isEmpty { break }
        }
      }
    }
    for shape in embeddings {
      guard let rows = shape.after?.first, rows != shape.before[0], !followed.contains(shape.key)
      else { continue }
      note(
        "\(quoted(shape.key.string)) has \(rows) rows now; config.json did not say \(shape.before[0]) for a number of "
          + "\(kind.noun)s, and stays as it is")
    }
  }

  /// Tensors besides embeddings with an element or a row for each of `count` tokens.
  private func perToken(_ count: Int, _ shapes: [EditedShape]) -> [EditedShape] {
    shapes.filter { shape in
      guard shape.after != nil, EmbeddingRows.kind(of: shape.key) == nil else { return false }
      let name = shape.key.string.lowercased()
      if name.contains("norm") || name.contains("position") { return false }
      return shape.before[0] == count && (count >= 1024 || EmbeddingRows.isOutput(shape.key))
        || EmbeddingRows.perColumn(shape.key) && shape.before.last == count
    }
  }

  private mutating func follow(
    _ counted: [EditedShape], _ others: [EditedShape], _ count: Int, _ offset: Int, _ name: String,
    _ section: Int, _ kind: EmbeddingRows.Kind
  ) {
    let member = sections[section].name(name)
    func extent(_ shape: EditedShape) -> Int {
      let place = shape.before[0] == count.addingSaturated(offset) ? 0 : shape.before.count - 1
      return shape.after.flatMap { $0.count > place ? $0[place] : nil } ?? 0
    }
    let changed = Set(counted.map(extent)).subtracting([count.addingSaturated(offset)])
    guard let rows = changed.first else {
      // No embedding has changed; only the tensors that follow them have.
      let odd = others.filter { extent($0) != count }
      guard !odd.isEmpty, !counted.isEmpty else { return }
      note(
        "\(listed(odd.map { quoted($0.key.string) })) \(odd.count == 1 ? "has" : "have") \(extent(odd[0])) rows now, the embedding "
          + "and \(member) in config.json still \(count)")
      return
    }
    guard changed.count == 1, rows > offset else {
      note(
        "\(listed(counted.map { quoted($0.key.string) })) have different numbers of rows now: \(member) in config.json stays \(count)"
      )
      return
    }
    set(name, in: section, to: .integer(rows - offset))
    let (narrow, late) = ConfigurationDraft.split((counted + others).filter { extent($0) != rows })
    if let first = narrow.first {
      note(
        "\(listed(narrow.map { quoted($0.key.string) })) still \(narrow.count == 1 ? "has" : "have") \(extent(first)) columns, one for each token; "
          + "\(member) in config.json is \(rows - offset) now: transpose \(narrow.count == 1 ? "it" : "them"), resize, and transpose back"
      )
    }
    if !late.isEmpty {
      note(
        "\(listed(late.prefix(5).map { quoted($0.key.string) })) still \(late.count == 1 ? "has" : "have") \(extent(late[0])) rows, one for each "
          + "\(kind.noun); \(member) in config.json is \(rows - offset) now: resize \(late.count == 1 ? "it" : "them"), too"
      )
    }
    if kind == .tokens, rows < count, !renumbersTokens { noteTokens(rows, section) }
  }

  /// What has a column for each token, and what has a row.
  private static func split(_ shapes: [EditedShape]) -> (
    columns: [EditedShape], rows: [EditedShape]
  ) {
    (
      shapes.filter { EmbeddingRows.perColumn($0.key) },
      shapes.filter { !EmbeddingRows.perColumn($0.key) }
    )
  }

  /// Notes on tokens that the configuration names and that have no row any more.
  private mutating func noteTokens(_ rows: Int, _ section: Int) {
    let names = sections[section].members.compactMap { key, value -> String? in
      let numbers = value.array?.compactMap(\.integer) ?? value.integer.map { [$0] } ?? []
      return key.ends(with: "token_id") && numbers.contains { $0 >= rows }
        ? "\(sections[section].name(key.string)) \(value.text())" : nil
    }
    guard !names.isEmpty else { return }
    note("config.json names tokens that have no row now, for there are \(rows): \(listed(names))")
  }

  /// Notes on classifiers that have another number of rows than labels now.
  private mutating func noteLabels(_ shapes: [EditedShape]) {
    guard let labels = sections[0]["id2label"]?.object?.count ?? sections[0].count("num_labels")
    else { return }
    for shape in shapes
    where EncoderKeys.outputLayers.contains(shape.key) && shape.before.count == 2 {
      guard shape.before[0] == labels, let rows = shape.after?.first, rows != labels else {
        continue
      }
      note("\(quoted(shape.key.string)) has \(rows) rows now, config.json \(labels) labels")
    }
  }
}
