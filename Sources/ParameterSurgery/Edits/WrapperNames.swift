internal import CheckpointFiles
internal import OrderedCollections

/// The names that wrappers of a model put into the keys of its state dict, and the steps that take them out.
///
/// Most are names that no model has of its own and go wherever they are. `module` (of `DataParallel`, DDP, DeepSpeed
/// and the averages of `torch.optim.swa_utils`) is also the name of parts of models: it goes beside one of the
/// others when nothing else is there, and where every key of a state dict begins with it.
struct WrapperNames {
  /// torch.compile, FSDP, activation checkpointing, FairScale, Lightning.
  private static let certain = [
    "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module",
    "_forward_module",
  ]
  /// DDP and many others; `_module` is of Opacus.
  private static let leading: Set<Substring> = ["module", "_module"]
  /// What a flat file calls a state dict that was inside of another dictionary.
  private static let containers = ["state_dict", "model_state_dict", "state_dict_ema"]

  private let containers: Set<Key>
  /// The keys after the steps.
  private(set) var keys: [Key]
  private(set) var steps: [SurgeryOperation] = []

  /// The steps for `keys`; `dictionaries` are the paths of those that hold tensors, in a PyTorch file.
  init(_ keys: [Key], dictionaries: [Key]) throws(SurgeryError) {
    self.keys = keys
    containers = Set(dictionaries + WrapperNames.containers.map { Key($0) })
    try takeCounters()
    try takeAverages()
    try takeCertain()
    // Those inside of a dictionary before the name of the dictionary itself.
    try takeLeading(container)
    try takeLeading(containersInsideOut())
  }

  /// Takes out the names that are certain, with each `module` beside them, unless the model has a part of that
  /// name.
  private mutating func takeCertain() throws(SurgeryError) {
    let words = WrapperNames.certain.joined(separator: "|")
    let rule =
      hasPartBesideWrapper
      ? "/(|.*?\\.)(?:(?:\(words))\\.)+(.*)/=$1$2"
      : "/(|.*?\\.)(?:module\\.)*(?:\(words))\\.(?:(?:\(words)|module)\\.)*(.*)/=$1$2"
    let rewrite = try KeyRewrite(rule)
    // Once for each time that a name is in a key.
    for _ in 0..<64 {
      let names = rewrite.apply(to: keys)
      guard names.contains(where: { $0 != nil }) else { return }
      keys = zip(keys, names).map { $1 ?? $0 }
      steps.append(.rename(rewrite))
    }
  }

  /// Whether a `module` beside one of the certain names is a part of the model: a wrapper has nothing beside its
  /// `module`, and there are other keys there.
  private var hasPartBesideWrapper: Bool {
    let certain = Set(WrapperNames.certain.map { Key($0) })
    // The paths at which there is a `module` next to certain names.
    var parents: Set<Key> = []
    var deepest = 0
    for key in keys {
      let parts = key.parts
      var path = ""
      var row: [(parent: Key, depth: Int)] = []
      var isBeside = false
      for (depth, part) in parts.dropLast().enumerated() {
        let isCertain = certain.contains(part)
        if part == "module" { row.append((Key(path), depth)) }
        isBeside = isBeside || isCertain
        path += path.isEmpty ? part.string : "." + part.string
        let next = parts[depth + 1]
        if isCertain || part == "module",
          depth + 2 < parts.count, next == "module" || certain.contains(next)
        {
          continue
        }
        if isBeside {
          parents.formUnion(row.map(\.parent))
          deepest = max(deepest, row.last?.depth ?? 0)
        }
        (row, isBeside) = ([], false)
      }
    }
    guard !parents.isEmpty else { return false }
    return keys.contains { key in
      var path = ""
      for part in key.parts.prefix(deepest + 1) {
        if part != "module", parents.contains(Key(path)) { return true }
        path += path.isEmpty ? part.string : "." + part.string
      }
      return false
    }
  }

  /// Takes out the counter that `AveragedModel` has beside its module.
  private mutating func takeCounters() throws(SurgeryError) {
    for counter in keys where counter.last.isSame(as: "n_averaged") {
      let prefix = counter.droppingLast("n_averaged").string
      let others = keys.filter { $0 != counter && $0.begins(with: prefix) }
      guard !others.isEmpty, others.allSatisfy({ $0.begins(with: prefix + "module.") }) else {
        continue
      }
      steps.append(.drop(try SelectorList([quotedSelector(counter)])))
      keys.removeAll { $0 == counter }
      // One is honest; a file of many would cost a search each.
      if steps.count == 16 { return }
    }
  }

  /// Takes the average out of `ema_pytorch`'s files, which have the model beside it and counters.
  private mutating func takeAverages() throws(SurgeryError) {
    let counters: Set<Key> = ["initted", "step"]
    guard counters.isSubset(of: keys) else { return }
    let models = Set(keys.filter { !counters.contains($0) }.map { $0.parts[0] })
    guard models.contains("ema_model"), models.isSubset(of: ["ema_model", "online_model"])
    else { return }
    steps += [.keep(try SelectorList(["ema_model"])), .stripPrefix("ema_model.")]
    keys = keys.filter { $0.parts[0] == "ema_model" }.map {
      $0.dropping("ema_model.")
    }
  }

  /// Takes out `module` where all keys of a state dict begin with it.
  private mutating func takeLeading(_ container: (Key) -> Key) throws(SurgeryError) {
    var groups: OrderedDictionary<Key, [Key]> = [:]
    for key in keys { groups[container(key), default: []].append(key) }
    for (container, group) in groups {
      let prefix = container.string.isEmpty ? "" : container.string + "."
      let names = group.map { $0.dropping(prefix).components }
      guard let first = names.first else { continue }
      var depth = 0
      while depth < first.count - 1, WrapperNames.leading.contains(first[depth]),
        names.allSatisfy({ $0.count > depth + 1 && $0[depth] == first[depth] })
      {
        depth += 1
      }
      guard depth > 0 else { continue }
      let wrapper = first[..<depth].joined(separator: ".")
      let members = Set(group)
      keys = keys.map { key in
        members.contains(key)
          ? Key(prefix + key.dropping("\(prefix)\(wrapper).").string) : key
      }
      steps.append(
        prefix.isEmpty
          ? .stripPrefix(wrapper + ".")
          : .rename(
            try KeyRewrite(
              from: "/\(KeyTemplate.escaped(prefix + wrapper))\\.(.*)/",
              to: prefix.replacing("$", with: "$$") + "$1")))
    }
  }

  /// The innermost dictionary that holds `key`; empty for the outermost.
  private func container(of key: Key) -> Key {
    var path = ""
    var result: Key = ""
    for part in key.parts.dropLast() {
      path += path.isEmpty ? part.string : "." + part.string
      if containers.contains(Key(path)) { result = Key(path) }
    }
    return result
  }

  /// The same, but the one around it when a wrapper gave a dictionary its name and it is all that the file has.
  private func containersInsideOut() -> (Key) -> Key {
    var known: [Key: Key] = [:]
    for inner in Set(keys.map(container)) {
      var parts = inner.components
      while let last = parts.last, WrapperNames.leading.contains(last) {
        let path = parts.joined(separator: ".") + "."
        guard keys.allSatisfy({ $0.begins(with: path) }) else { break }
        parts.removeLast()
      }
      known[inner] = Key(parts.joined(separator: "."))
    }
    return { known[container(of: $0)] ?? "" }
  }
}
