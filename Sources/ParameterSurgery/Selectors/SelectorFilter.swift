internal import CheckpointFiles

/// A condition after a pattern, such as `:rank(1)`.
struct SelectorFilter: Sendable, Hashable {
  enum Condition: Sendable, Hashable {
    case rank([Comparison])
    case count([Comparison])
    case dtype([DType])
    case shape([Extent])
    case role([TensorRole])
  }

  /// One extent of `:shape(…)`.
  enum Extent: Sendable, Hashable {
    case one(Comparison?)
    /// `**`: any number of extents.
    case many
  }

  /// A number to compare with.
  struct Comparison: Sendable, Hashable {
    enum Relation: String, Sendable, CaseIterable {
      // Longer spellings first: `>=` is not `>` and `=`.
      case atLeast = ">="
      case atMost = "<="
      case not = "!="
      case more = ">"
      case less = "<"
      case equal = "="
    }
    var relation: Relation
    var number: Int

    func holds(for value: Int) -> Bool {
      switch relation {
      case .atLeast: value >= number
      case .atMost: value <= number
      case .not: value != number
      case .more: value > number
      case .less: value < number
      case .equal: value == number
      }
    }
  }

  var condition: Condition
  /// As it was typed, with the colon.
  var spelling: String

  /// Whether a tensor passes.
  func accepts(_ info: TensorInfo) -> Bool {
    switch condition {
    case .rank(let any): any.contains { $0.holds(for: info.shape.rank) }
    case .count(let any): any.contains { $0.holds(for: info.shape.count) }
    case .dtype(let any): any.contains(info.dtype)
    case .shape(let extents): SelectorFilter.matches(extents[...], info.shape.dimensions[...])
    case .role(let any): any.contains { $0.applies(to: info) }
    }
  }

  private static func matches(_ extents: ArraySlice<Extent>, _ dimensions: ArraySlice<Int>) -> Bool
  {
    // As for globs: go back to the last `**` when a later extent does not fit.
    var extent = extents.startIndex
    var dimension = dimensions.startIndex
    var retry: (extent: Int, dimension: Int)?
    while true {
      if extent < extents.endIndex {
        switch extents[extent] {
        case .many:
          retry = (extent + 1, dimension)
          extent += 1
          continue
        case .one(let comparison):
          if dimension < dimensions.endIndex,
            comparison?.holds(for: dimensions[dimension]) ?? true
          {
            extent += 1
            dimension += 1
            continue
          }
        }
      } else if dimension == dimensions.endIndex {
        return true
      }
      guard let last = retry, last.dimension < dimensions.endIndex else { return false }
      retry = (last.extent, last.dimension + 1)
      extent = last.extent
      dimension = last.dimension + 1
    }
  }
}

// MARK: - Parsing

extension SelectorFilter {
  static let names = ["rank", "dtype", "numel", "shape", "role"]

  /// - Throws: ``SelectorProblem``, without the place.
  init(name: String, arguments: String, spelling: String) throws(SelectorProblem) {
    let parts = arguments.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    let condition: Condition
    switch name {
    case "rank":
      condition = .rank(try parts.map { text throws(SelectorProblem) in try Comparison(text) })
    case "numel":
      condition = .count(try parts.map { text throws(SelectorProblem) in try Comparison(text) })
    case "dtype":
      condition = .dtype(
        try parts.map { text throws(SelectorProblem) in
          guard let dtype = DType(named: text) else {
            let names = DType.allCases.map(\.name)
            throw .dtype(text, near: closest(to: text.uppercased(), among: names))
          }
          return dtype
        })
    case "shape":
      if arguments.isEmpty {
        condition = .shape([])
      } else {
        condition = .shape(
          try parts.map { text throws(SelectorProblem) in
            switch text {
            case "*": .one(nil)
            case "**", "...": .many
            default: .one(try Comparison(text))
            }
          })
      }
    case "role":
      condition = .role(
        try parts.map { text throws(SelectorProblem) in
          guard let role = TensorRole(rawValue: text.lowercased()) else {
            throw .role(text)
          }
          return role
        })
    default:
      throw .noSuchFilter(name)
    }
    self.init(condition: condition, spelling: spelling)
  }
}

extension SelectorFilter.Comparison {
  fileprivate init(_ text: String) throws(SelectorProblem) {
    var rest = text[...]
    relation = .equal
    for relation in Relation.allCases where rest.hasPrefix(relation.rawValue) {
      self.relation = relation
      rest = rest.dropFirst(relation.rawValue.count)
      break
    }
    rest = rest.drop { $0 == " " }
    let suffixes: [(String, Int)] = [
      ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30),
      ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("B", 1_000_000_000),
      ("T", 1_000_000_000_000),
    ]
    var scale = 1
    for (suffix, value) in suffixes
    where rest.lowercased().hasSuffix(suffix.lowercased()) {
      scale = value
      rest = rest.dropLast(suffix.count)
      break
    }
    let whole = Int(rest)
    let scaled = whole?.multipliedReportingOverflow(by: scale)
    if let scaled, !scaled.overflow, whole ?? -1 >= 0 {
      number = scaled.partialValue
    } else if let fraction = Double(rest), scale > 1, fraction >= 0, fraction.isFinite,
      fraction * Double(scale) < 0x1p62
    {
      number = Int(fraction * Double(scale))
    } else {
      throw .number(text)
    }
  }
}
