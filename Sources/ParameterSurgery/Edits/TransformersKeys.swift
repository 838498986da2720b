internal import CheckpointFiles
internal import OrderedCollections

/// The operations that make the state dict of a model of transformers from what a training program stored.
///
/// The model is found by its table of word embeddings, whose path is known for each kind of model: what precedes the
/// path are names of wrappers and containers, and what has another beginning is not part of the model.
struct TransformersKeys {
  /// What follows the names of wrappers and containers in the key of a table of word embeddings. A longer path wins
  /// over its own end: `model.embed_tokens.weight` is a LLaMA, not an `embed_tokens.weight` in a wrapper.
  private static let tables: [[Key]] =
    (EncoderKeys.all.flatMap { keys -> [String] in
      let table = (keys.path(.wordEmbeddings) ?? "") + ".weight"
      return [table, keys.member + "." + table]
    } + [
      "deberta.embeddings.word_embeddings.weight", "mpnet.embeddings.word_embeddings.weight",
      "albert.embeddings.word_embeddings.weight", "embeddings.tok_embeddings.weight",
      "model.embeddings.tok_embeddings.weight", "embed_tokens.weight", "model.embed_tokens.weight",
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "shared.weight",
      "model.shared.weight", "wte.weight", "transformer.wte.weight", "embed_in.weight",
      "gpt_neox.embed_in.weight", "transformer.word_embeddings.weight", "word_embeddings.weight",
    ]).map { Key($0).parts }

  /// Names of wrappers that no model of transformers has inside of it.
  private static let wrappers: Set<Key> = [
    "module", "_module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    "_fpw_module", "_forward_module",
  ]
  /// Dictionaries of optimisers, which may name their moments as the model names its tensors.
  private static let optimisers: Set<Key> = [
    "optimizer", "optimizers", "optimizer_state", "optimizer_states", "optimizer_state_dict",
    "optim", "optim_state", "optim_state_dict", "exp_avg", "exp_avg_sq", "momentum_buffer",
  ]

  private(set) var steps: [SurgeryOperation] = []
  private(set) var notes: [String] = []
  /// The keys after the steps, each with the key before them.
  private var keys: [(key: Key, origin: Key)]

  /// - Throws: ``SurgeryError`` that names what was found, when there is no model or more than one.
  init(_ plan: SurgeryPlan) throws(SurgeryError) {
    keys = plan.tensors.keys.map { ($0, $0) }
    try takeModel()
    try rename(WrapperNames(keys.map(\.key), dictionaries: []).steps)
    try rename(try SurgeryPreset.gammaBeta.steps(keys.map(\.key), dictionaries: []))
  }

  // MARK: - The model

  /// The components of `key` that precede the path of a table of word embeddings; `nil` for another tensor.
  private static func root(of key: Key) -> [Key]? {
    let parts = key.parts
    let places = parts.indices.filter { !wrappers.contains(parts[$0]) }
    let plain = places.map { parts[$0] }
    let longest = tables.filter { plain.count >= $0.count && plain.suffix($0.count) == $0[...] }
      .map(\.count).max()
    return longest.map { Array(parts[..<places[places.count - $0]]) }
  }

  /// Keeps what is below the root of the one model, and removes the root from its keys.
  private mutating func takeModel() throws(SurgeryError) {
    var roots: OrderedSet<[Key]> = []
    for (key, _) in keys {
      guard key.ends(with: "weight"), let root = TransformersKeys.root(of: key),
        !root.contains(where: TransformersKeys.optimisers.contains)
      else { continue }
      roots.append(root)
    }
    // The two halves of a model that has both are one model.
    if roots.count == 2, Set(roots.map(\.last)) == ["encoder", "decoder"],
      let parent = roots.first?.dropLast(), roots.last?.dropLast() == parent
    {
      roots = [Array(parent)]
    }
    guard let root = roots.first else { throw .noModelFound(groups) }
    guard roots.count == 1 else {
      throw .severalModels(
        roots.map { root in
          let prefix = TransformersKeys.prefix(root)
          return (Key(joining: root), keys.count { $0.key.begins(with: prefix) })
        })
    }
    guard !root.isEmpty else { return dropStrangers() }
    let prefix = TransformersKeys.prefix(root)
    let inside = keys.filter { $0.key.begins(with: prefix) }
    if inside.count < keys.count {
      noteNeighbours(of: root, among: keys.map(\.key).filter { !$0.begins(with: prefix) })
      steps.append(.keep(try SelectorList([TransformersKeys.selector(root)])))
    }
    steps.append(.stripPrefix(prefix))
    keys = inside.map { ($0.key.dropping(prefix), $0.origin) }
  }

  /// Removes the dictionaries of optimisers beside a model at the top of the file.
  private mutating func dropStrangers() {
    let strangers = OrderedSet(
      keys.compactMap { entry -> Key? in
        let parts = entry.key.parts
        return parts.count > 1 && TransformersKeys.optimisers.contains(parts[0]) ? parts[0] : nil
      })
    guard !strangers.isEmpty,
      let list = try? SelectorList(strangers.map { TransformersKeys.selector([$0]) })
    else { return }
    steps.append(.drop(list))
    keys.removeAll { strangers.contains($0.key.parts[0]) }
  }

  /// Notes tensors of the same state dict that are not below the root: parts of a model around the one that is taken.
  private mutating func noteNeighbours(of root: [Key], among others: [Key]) {
    let end = root.lastIndex { !TransformersKeys.wrappers.contains($0) } ?? 0
    let prefix = TransformersKeys.prefix(root[..<end])
    let neighbours = others.filter { key in
      key.begins(with: prefix) && !key.parts.contains(where: TransformersKeys.optimisers.contains)
    }
    guard !neighbours.isEmpty else { return }
    notes.append(
      "\(Text.list(neighbours.map { quoted($0.string) }, limit: 6)) "
        + "\(neighbours.count == 1 ? "is" : "are") not below \(quoted(Key(joining: root).string)), the model, and "
        + "\(neighbours.count == 1 ? "is" : "are") dropped")
  }

  /// The first components of all keys, with the number of tensors below each.
  private var groups: [(Key, Int)] {
    var counts: OrderedDictionary<Key, Int> = [:]
    for (key, _) in keys { counts[Key(String(key.components[0])), default: 0] += 1 }
    return counts.map { ($0.key, $0.value) }
  }

  private static func prefix(_ path: some Collection<Key>) -> String {
    path.isEmpty ? "" : Key(joining: path).string + "."
  }

  /// A selector of everything below a path of one or more components.
  private static func selector(_ path: [Key]) -> String {
    let text = Key(joining: path)
    let isPlain = text.string.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    return isPlain ? text.string : quotedSelector(text)
  }

  /// Adds steps that only rename.
  private mutating func rename(_ more: [SurgeryOperation]) throws(SurgeryError) {
    for step in more {
      let names: [Key?]
      switch step {
      case .rename(let rule): names = rule.apply(to: keys.map(\.key))
      case .stripPrefix(let prefix):
        names = keys.map { $0.key.begins(with: prefix) ? $0.key.dropping(prefix) : nil }
      case .drop(let list):
        let dropped = Set(list.selectors.map { Key($0.text) })
        keys.removeAll { dropped.contains(Key(quotedSelector($0.key))) }
        steps.append(step)
        continue
      default: continue
      }
      keys = zip(keys, names).map { ($1 ?? $0.key, $0.origin) }
      steps.append(step)
    }
  }
}

// MARK: - Ties

extension TransformersKeys {
  /// Drops names of tensors that the class of the model ties to another one: `from_pretrained` makes them again.
  mutating func dropTies(of plan: SurgeryPlan) throws(SurgeryError) {
    let tensors = Dictionary(
      keys.compactMap { entry in plan.tensors[entry.origin].map { (entry.key, $0.tensor) } },
      uniquingKeysWith: { first, _ in first })
    let intent = TiedNames.Intent(inFolderOf: plan.base)
    let names = TiedNames(among: keys.map(\.key))
    var dropped: [Key] = []
    for (key, _) in keys {
      guard let tensor = tensors[key],
        let other = names.partners(of: key).first(where: { tensors[$0]?.shape == tensor.shape }),
        let twin = tensors[other]
      else { continue }
      let isShared = TensorView(tensor) == TensorView(twin)
      let both = "\(quoted(key.string)) and \(quoted(other.string))"
      if intent == .apart {
        if isShared {
          notes.append(
            "\(both) are one tensor, but config.json has tie_word_embeddings false: both are kept")
        }
      } else if isShared || intent == .tied && OutputHead.areEqual(tensor, twin) {
        dropped.append(key)
        notes.append(
          "\(quoted(key.string)) is \(quoted(other.string)) again, which the class of the model ties to it: it is "
            + "written once")
      } else if intent == .tied {
        notes.append(
          "\(both) have different elements, but the class ties them: both are kept; set tie_word_embeddings to false "
            + "in config.json to use both")
      }
    }
    guard !dropped.isEmpty else { return }
    steps.append(.drop(try SelectorList(dropped.map { TransformersKeys.selector([$0]) })))
    let gone = Set(dropped)
    keys.removeAll { gone.contains($0.key) }
  }
}
