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
}

extension FreezeMask {
  func peftArguments() throws(SurgeryError) -> String {
    var modules: OrderedSet<String> = []
    var tokens: [(key: Key, value: JSONValue)] = []
    for (key, state) in states {
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
        let indices = rows.ranges.flatMap { $0.map { JSONValue.integer($0) } }
        tokens.append((Key(module), .array(indices)))
      }
    }
    var trained = Set(
      modules.flatMap { PeftRules.keys(of: $0, among: states.keys) })
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
    members.append(("modules_to_save", .array(modules.map { .string($0) })))
    if !tokens.isEmpty {
      members.append(
        ("trainable_token_indices", .object(pairs: tokens.map { ($0.key.string, $0.value) })))
    }
    return JSONValue.object(pairs: members).text(indent: 2) + "\n"
  }
}
