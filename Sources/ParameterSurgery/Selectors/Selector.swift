internal import CheckpointFiles

/// A pattern that chooses tensors by name, index, range and property.
///
///     linear.0.weight            one tensor; the same as linear[0].weight
///     bert.encoder.layer[-2:]    the two highest layers, with everything below
///     **.LayerNorm               every node of that name, at any depth
///     **.{weight,bias}           glob: * and ? stay inside a component, ** crosses dots
///     /.*query\.(weight|bias)/   a regular expression for the whole key
///     **:rank(1):dtype(F32)      filters, which chain
///     wte.weight[30522:]         rows along dimension 0 of a tensor
///     !bert.pooler               excludes what it matches, in a list of selectors
///     "odd key.with [brackets]"  taken literally
///
/// Patterns are anchored at the root and match nodes of the tree on component boundaries; a node
/// means everything below it. A selector is parsed once, and nothing matches silently: one that
/// selects no tensor is an error which names the nearest keys.
public struct Selector: Sendable {
  /// The selector as it was typed.
  public let text: String
  /// Whether it excludes tensors (`!`).
  public let isNegated: Bool
  let pattern: Pattern
  let filters: [SelectorFilter]

  /// How keys are matched.
  enum Pattern: Sendable {
    /// Steps down the tree; one path for each choice of alternatives in braces.
    case paths([[Step]])
    /// The whole key matches; then perhaps rows.
    case regex(KeyExpression, rows: IndexExpression?)
  }

  /// What one component must be.
  enum Step: Sendable, Hashable {
    case literal(Key)
    case glob(Glob, spelling: String)
    /// Any number of components, none included.
    case anyDepth
    /// Indices among the children; on a tensor, rows.
    case index(IndexExpression, spelling: String)
  }

  /// Parses a selector.
  ///
  /// - Throws: ``SurgeryError`` with the place of the mistake.
  public init(_ text: String) throws(SurgeryError) {
    var parser = SelectorParser(text)
    self = try parser.selector()
  }

  init(text: String, isNegated: Bool, pattern: Pattern, filters: [SelectorFilter]) {
    self.text = text
    self.isNegated = isNegated
    self.pattern = pattern
    self.filters = filters
  }

  /// What this selector alone selects.
  ///
  /// - Throws: ``SurgeryError`` when that is nothing.
  public func resolve(in tree: ParameterTree) throws(SurgeryError) -> Selection {
    try SelectorList([self]).resolve(in: tree)
  }
}

extension Selector: Hashable, CustomStringConvertible {
  /// Whether both are spelled the same, byte for byte.
  public static func == (a: Selector, b: Selector) -> Bool { Key(a.text) == Key(b.text) }
  /// Feeds the spelling.
  public func hash(into hasher: inout Hasher) { hasher.combine(Key(text)) }
  /// The selector as it was typed.
  public var description: String { text }
}
