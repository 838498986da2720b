internal import CheckpointFiles
internal import OrderedCollections

/// PEFT's rules for `modules_to_save`: a module is taken when its path ends with the text, at any
/// character, and everything below it trains.
enum PeftRules {
  /// The keys below every module that `target` names.
  static func keys(of target: String, among keys: some Sequence<Key>) -> [Key] {
    keys.filter { key in modules(above: key).contains { $0.endsExactly(with: target) } }
  }

  /// The paths of the modules that a parameter lies in, the nearest last.
  static func modules(above key: Key) -> [String] {
    var path = ""
    return key.components.dropLast().map { component in
      path += (path.isEmpty ? "" : ".") + component
      return path
    }
  }

  /// Whether `bias: "all"` lets a parameter train.
  static func isBias(_ key: Key) -> Bool { key.components.last == "bias" }
}

extension FreezeMask {
  /// Modules, and every bias where that is what the mask says.
  func peftArguments() throws(SurgeryError) -> String {
    let keys = parameterKeys
    let biases = Set(keys.filter(PeftRules.isBias))
    guard !biases.isEmpty, biases.isSubset(of: trainableKeys) else {
      return try peftArguments(keys, with: [])
    }
    do throws(SurgeryError) {
      return try peftArguments(keys, with: [])
    } catch {
      return try peftArguments(keys, with: biases)
    }
  }

  /// - Parameter biases: what `bias` lets train beside the modules.
  private func peftArguments(
    _ keys: [Key], with biases: Set<Key>
  ) throws(SurgeryError) -> String {
    var modules: OrderedSet<String> = []
    var tokens: [(key: Key, value: JSONValue)] = []
    for (key, state) in states where !biases.contains(key) {
      switch state {
      case .frozen: continue
      case .trainable:
        guard let module = PeftRules.modules(above: key).last else {
          throw SurgeryError(
            "PEFT trains modules, and \(quoted(key.string)) is in none; export to torch or hf")
        }
        modules.append(module)
      case .rows(let rows):
        guard key.components.last == "weight", let module = PeftRules.modules(above: key).last
        else {
          throw SurgeryError(
            "PEFT trains rows of an embedding's weight alone, not of \(quoted(key.string))")
        }
        let ending = module + ".weight"
        if let other = keys.first(where: { $0 != key && $0.string.endsExactly(with: ending) }) {
          throw SurgeryError(
            "PEFT has no words for this mask: it would train the same rows of \(quoted(other.string))"
          )
        }
        let indices = rows.ranges.flatMap { $0.map { JSONValue.integer($0) } }
        tokens.append((Key(module), .array(indices)))
      }
    }
    var trained = biases.union(modules.flatMap { PeftRules.keys(of: $0, among: keys) })
    for (key, state) in states {
      guard case .rows = state else { continue }
      if trained.contains(key) {
        throw SurgeryError(
          "PEFT has no words for this mask: it would train all rows of \(quoted(key.string))")
      }
      trained.insert(key)
    }
    try demand(trained, by: "PEFT")
    var members: [(String, JSONValue)] = []
    if !biases.isEmpty { members.append(("bias", "all")) }
    if !modules.isEmpty || biases.isEmpty {
      members.append(("modules_to_save", .array(modules.map { .string($0) })))
    }
    if !tokens.isEmpty {
      members.append(
        ("trainable_token_indices", .object(pairs: tokens.map { ($0.key.string, $0.value) })))
    }
    return JSONValue.object(pairs: members).text(indent: 2) + "\n"
  }
}
