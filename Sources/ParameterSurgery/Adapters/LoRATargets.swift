internal import CheckpointFiles
internal import OrderedCollections

/// Which modules an adapter's configuration gives factors to. PEFT leaves out the factors of others when it loads
/// an adapter.
struct LoRATargets {
  private enum Modules {
    /// The model's own list, or all linear layers.
    case any
    case names([String])
    case expression(KeyExpression.Matcher)
  }

  private let modules: Modules
  private let excluded: Modules
  /// The layers that get factors; `nil` when all do.
  private let layers: Set<Int>?
  private let layersPatterns: [KeyExpression.Matcher]
  /// Why an expression is not compared.
  private(set) var note: String?

  init(_ fields: LoRAFields) throws(SurgeryError) {
    let path = fields.path
    var note: String?
    func modules(_ name: String) throws(SurgeryError) -> Modules {
      guard let text = fields.config[name]?.string else {
        let names = try fields.texts(name)
        let isList = fields.config[name]?.array != nil
        return isList ? .names(names) : .any
      }
      if text.isSame(as: "all-linear") { return .any }
      do {
        return .expression(try KeyExpression(text, .read).matcher())
      } catch {
        note =
          "\(path): whether `\(name)` selects the modules that have factors is not checked: \(error.reason)"
        return .any
      }
    }
    self.modules = try modules("target_modules")
    excluded = try fields.isSet("exclude_modules") ? modules("exclude_modules") : .names([])
    self.note = note
    switch fields.config["layers_to_transform"] {
    case .none, .null: layers = nil
    case .some(.number(let text)):
      guard let index = Int(text) else {
        throw .adapter(path, .otherValue("layers_to_transform", text, "an index"))
      }
      layers = [index]
    case .some(let value):
      let list = try fields.indices(value, "layers_to_transform")
      layers = list.isEmpty ? nil : Set(list)
    }
    var patterns = [fields.config["layers_pattern"]?.string].compactMap(\.self)
    if patterns.isEmpty { patterns = try fields.texts("layers_pattern") }
    var matchers: [KeyExpression.Matcher] = []
    for pattern in patterns where !pattern.isEmpty {
      matchers.append(
        try fields.expression("(?:.*\\.)?(?:\(pattern))", "layers_pattern").matcher())
    }
    layersPatterns = matchers
    if layers == nil, !matchers.isEmpty {
      throw .adapter(path, .alone("layers_pattern", without: "layers_to_transform"))
    }
    if layers != nil, case .expression = self.modules {
      throw .adapter(path, .layersOfExpression)
    }
  }

  /// The member of the configuration that leaves `module` out; `nil` when it gets factors.
  mutating func exclusion(of module: String) -> String? {
    switch excluded {
    case .any: break
    case .names(let names): if LoRATargets.names(names, name: module) { return "exclude_modules" }
    case .expression(var matcher):
      if matcher.matches(module, .whole) { return "exclude_modules" }
    }
    switch modules {
    case .any: return nil
    case .expression(var matcher):
      return matcher.matches(module, .whole) ? nil : "target_modules"
    case .names(let names):
      guard LoRATargets.names(names, name: module) else { return "target_modules" }
    }
    guard let layers else { return nil }
    guard let index = layer(of: module), layers.contains(index) else {
      return "layers_to_transform"
    }
    return nil
  }

  /// The first index in a module's name that PEFT takes for that of its layer.
  private func layer(of module: String) -> Int? {
    let parts = Key(module).components
    for (place, part) in parts.enumerated().dropLast() where place > 0 {
      guard !part.isEmpty, part.allSatisfy({ $0.isASCII && $0.isNumber }), let index = Int(part)
      else { continue }
      if layersPatterns.isEmpty {
        if place > 1 { return index }
        continue
      }
      let before = parts[..<place].joined(separator: ".")
      for var matcher in layersPatterns where matcher.matches(before, .whole) { return index }
    }
    return nil
  }

  /// Whether `name` is one of `names`, or ends in one from a dot on.
  static func names(_ names: [String], name: String) -> Bool {
    names.contains {
      Key(name) == Key($0) || name.utf8.reversed().starts(with: ("." + $0).utf8.reversed())
    }
  }
}

/// What the product of a module's factors is multiplied by.
struct LoRAScaling {
  private let path: String
  private let alpha: Double?
  private let isRankStabilized: Bool
  private let rank: Double?
  private var alphas: Patterns
  private var ranks: Patterns

  /// What matches a module's name, or its end from a dot on, and its number.
  private typealias Patterns = [(matcher: KeyExpression.Matcher, number: Double)]

  /// - Throws: ``SurgeryError`` for a pattern that is not taken from a file, or has no number.
  init(_ fields: LoRAFields) throws(SurgeryError) {
    path = fields.path
    alpha = fields.config["lora_alpha"]?.double
    isRankStabilized = try fields.flag("use_rslora")
    rank = fields.config["r"]?.double
    if rank == nil, let value = fields.config["r"] {
      throw .adapter(path, .otherValue("r", value.text(), "a number"))
    }
    alphas = try LoRAScaling.patterns("alpha_pattern", fields)
    ranks = try LoRAScaling.patterns("rank_pattern", fields)
  }

  private static func patterns(
    _ name: String, _ fields: LoRAFields
  ) throws(SurgeryError) -> Patterns {
    guard let value = fields.config[name], value != .null else { return [] }
    guard let members = value.object else {
      throw .adapter(fields.path, .otherValue(name, value.text(), "an object"))
    }
    var patterns: Patterns = []
    for (pattern, value) in members {
      guard let number = value.double else {
        throw .adapter(fields.path, .expression(name, pattern.string, "expected a number"))
      }
      do {
        let expression = try KeyExpression("(?:.*\\.)?(?:\(pattern.string))", .read)
        patterns.append((expression.matcher(), number))
      } catch {
        throw .adapter(fields.path, .expression(name, pattern.string, error.reason))
      }
    }
    return patterns
  }

  /// The number of the first pattern that matches, as PEFT has it.
  private static func number(for module: String, in patterns: inout Patterns) -> Double? {
    for index in patterns.indices where patterns[index].matcher.matches(module, .whole) {
      return patterns[index].number
    }
    return nil
  }

  /// The rank that the configuration states for a module.
  mutating func rank(of module: String) -> Int? {
    (LoRAScaling.number(for: module, in: &ranks) ?? rank).flatMap { Int(exactly: $0) }
  }

  /// α/r, or α/√r with rsLoRA.
  ///
  /// - Throws: ``SurgeryError`` when the configuration has no α, or another r than the factors.
  mutating func scale(of module: String, rank: Int) throws(SurgeryError) -> Double {
    let stated = LoRAScaling.number(for: module, in: &ranks) ?? self.rank
    if let stated, stated != Double(rank) {
      let text = Int(exactly: stated).map(String.init) ?? "\(stated)"
      throw .adapter(path, .otherRank(text, module: module, rank: rank))
    }
    guard let alpha = LoRAScaling.number(for: module, in: &alphas) ?? alpha, alpha.isFinite else {
      throw .adapter(path, .missing("lora_alpha"))
    }
    return alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))
  }
}
