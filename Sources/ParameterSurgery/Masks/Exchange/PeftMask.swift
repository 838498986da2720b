internal import CheckpointFiles
internal import OrderedCollections

/// PEFT's rules for `modules_to_save`: a module is taken when its path ends with the text, at any
/// character, and everything below it trains.
enum PeftRules {
  /// The keys below every module that `target` names.
  static func keys(of target: String, among keys: some Sequence<Key>) -> [Key] {
    keys.filter { key in modules(above: key).contains { $0.string.ends(with: target) } }
  }

  /// The paths of the modules that a parameter lies in, the nearest last.
  static func modules(above key: Key) -> [Key] {
    var path = ""
    var isFirst = true
    return key.components.dropLast().map { component in
      if !isFirst { path += "." }
      isFirst = false
      path += component
      return Key(path)
    }
  }

  /// Whether `bias: "all"` lets a parameter train.
  static func isBias(_ key: Key) -> Bool { key.last.isSame(as: "bias") }

  /// The `target_modules` of a configuration without an adapter: `DUMMY_TARGET_MODULES` in PEFT's
  /// `utils/constants.py`. PEFT refuses other values that match no module, and adds adapters of its own
  /// choice when there is no value.
  static let noTargets = "dummy-target-modules"
}

extension FreezeMask {
  /// A `LoraConfig` without adapters, as `adapter_config.json` has it: modules, and every bias where that is what the
  /// mask says.
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

  /// - Parameter biases: what `bias` lets train in addition to the modules.
  private func peftArguments(
    _ keys: [Key], with biases: Set<Key>
  ) throws(SurgeryError) -> String {
    var modules: OrderedSet<Key> = []
    var tokens: [(key: Key, value: JSONValue)] = []
    for (key, state) in states where !biases.contains(key) {
      switch state {
      case .frozen: continue
      case .trainable:
        guard let module = PeftRules.modules(above: key).last else {
          throw .notInAModule(key)
        }
        modules.append(module)
      case .rows(let rows):
        guard key.last.isSame(as: "weight"), let module = PeftRules.modules(above: key).last
        else { throw .rowsOfNoEmbedding(key) }
        let ending = module.string + ".weight"
        if let other = keys.first(where: { $0 != key && $0.string.ends(with: ending) }) {
          throw .sameRows(of: other)
        }
        let indices = rows.ranges.flatMap { $0.map { JSONValue.integer($0) } }
        tokens.append((module, .array(indices)))
      }
    }
    var trained = biases.union(modules.flatMap { PeftRules.keys(of: $0.string, among: keys) })
    for (key, state) in states {
      guard case .rows = state else { continue }
      if trained.contains(key) { throw .allRows(of: key) }
      trained.insert(key)
    }
    try demand(trained, by: "PEFT")
    var members: [(String, JSONValue)] = [
      ("peft_type", "LORA"), ("target_modules", .string(PeftRules.noTargets)),
    ]
    if !biases.isEmpty { members.append(("bias", "all")) }
    if !modules.isEmpty || biases.isEmpty {
      members.append(("modules_to_save", .array(modules.map { .string($0.string) })))
    }
    if !tokens.isEmpty {
      members.append(
        ("trainable_token_indices", .object(pairs: tokens.map { ($0.key.string, $0.value) })))
    }
    return JSONValue.object(pairs: members).text(indent: 2) + "\n"
  }
}
