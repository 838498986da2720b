extension Tensor {
  /// Whether the tensors are *tied*: both are in the same storage and have bytes in common.
  ///
  /// Views that interleave, such as the left and the right columns of one matrix, have none in common.
  /// Whether two names are one tensor is another question, which the identity of a view answers: storage, offset, shape, strides and dtype.
  public func sharesStorage(with other: Tensor) -> Bool {
    guard storage === other.storage, byteSpan.overlaps(other.byteSpan) else { return false }
    if isContiguous, other.isContiguous { return true }
    return ByteOverlap(self, other).exists
  }

  /// The tensors that are tied with each other, directly or through others, as indices of `tensors`: groups of
  /// two or more, each in ascending order.
  package static func tiedGroups(_ tensors: some RandomAccessCollection<Tensor>) -> [[Int]] {
    // Mostly each has a storage of its own.
    if Set(tensors.lazy.map { ObjectIdentifier($0.storage) }).count == tensors.count { return [] }
    var members: [ObjectIdentifier: [(index: Int, tensor: Tensor)]] = [:]
    for (index, tensor) in tensors.enumerated() where !tensor.byteSpan.isEmpty {
      members[ObjectIdentifier(tensor.storage), default: []].append((index, tensor))
    }
    var groups: [[Int]] = []
    for members in members.values where members.count > 1 {
      // A sweep joins neighbours whose spans overlap.
      let sorted = members.sorted { $0.tensor.byteSpan.lowerBound < $1.tensor.byteSpan.lowerBound }
      var group: [(index: Int, tensor: Tensor)] = []
      var end = 0
      for member in sorted {
        if !group.isEmpty, member.tensor.byteSpan.lowerBound >= end {
          groups += overlapping(group)
          group = []
        }
        end = max(group.isEmpty ? 0 : end, member.tensor.byteSpan.upperBound)
        group.append(member)
      }
      groups += overlapping(group)
    }
    return groups.sorted { $0[0] < $1[0] }
  }

  /// The most views whose pairs are compared one by one.
  private static let comparedViews = 128

  /// The groups among tensors whose spans overlap. Spans of views with strides may overlap though no element
  /// does.
  private static func overlapping(_ members: [(index: Int, tensor: Tensor)]) -> [[Int]] {
    guard members.count > 1 else { return [] }
    if members.count > comparedViews || members.allSatisfy({ $0.tensor.isContiguous }) {
      return [members.map(\.index).sorted()]
    }
    var groups: [[(index: Int, tensor: Tensor)]] = []
    for member in members {
      let isNear = groups.map { group in
        group.contains { $0.tensor.sharesStorage(with: member.tensor) }
      }
      let near = zip(groups, isNear).filter(\.1).flatMap(\.0)
      groups = zip(groups, isNear).filter { !$1 }.map(\.0) + [near + [member]]
    }
    return groups.filter { $0.count > 1 }.map { $0.map(\.index).sorted() }
  }
}

/// Whether two views of one storage have a byte in common.
///
/// A byte of a view is at its offset + Σ stride·index + the byte of the element. Two views overlap where both
/// sums are equal; with the indices of one counted from its end, that is one sum of positive steps, each taken a
/// bounded number of times, that must come to a given distance.
private struct ByteOverlap {
  /// A step in bytes and how often it may be taken.
  private struct Term {
    var step: Int
    var limit: Int
  }

  private let terms: [Term]
  private let distance: Int

  /// Numbers of steps that are tried before the views count as overlapping.
  private static let budget = 1 << 12

  init(_ a: Tensor, _ b: Tensor) {
    var limits: [Int: Int] = [:]
    for term in ByteOverlap.terms(of: a) + ByteOverlap.terms(of: b) {
      limits[term.step, default: 0] += term.limit
    }
    terms = limits.map { Term(step: $0, limit: $1) }.sorted { $0.step > $1.step }
    distance = b.byteSpan.upperBound - 1 - a.byteSpan.lowerBound
  }

  /// The steps of a view, those that follow without a gap being one.
  private static func terms(of tensor: Tensor) -> [Term] {
    let width = tensor.dtype.byteWidth ?? 1
    if tensor.isContiguous { return [Term(step: 1, limit: tensor.byteCount - 1)] }
    let steps = zip(tensor.strides, tensor.shape.dimensions)
      .filter { $0 > 0 && $1 > 1 }.map { Term(step: $0 * width, limit: $1 - 1) }
      .sorted { $0.step < $1.step }
    var terms = [Term(step: 1, limit: width - 1)]
    for term in steps {
      let last = terms[terms.count - 1]
      if term.step == last.step * (last.limit + 1) {
        terms[terms.count - 1].limit += term.limit * (last.limit + 1)
      } else {
        terms.append(term)
      }
    }
    return terms
  }

  /// Whether the distance can be reached; `true` when that takes too long to find out.
  var exists: Bool {
    // What the terms after each can add.
    var rest = [Int](repeating: 0, count: terms.count)
    for index in terms.indices.dropLast().reversed() {
      rest[index] = rest[index + 1] + terms[index + 1].step * terms[index + 1].limit
    }
    // For each term what is left before it, the number of steps to try next, and the least that can do.
    var left = rest
    var next = rest
    var least = rest
    func open(_ index: Int, _ remainder: Int) {
      let term = terms[index]
      left[index] = remainder
      next[index] = min(term.limit, remainder / term.step)
      least[index] = (max(0, remainder - rest[index]) + term.step - 1) / term.step
    }
    open(0, distance)
    var index = 0
    var budget = ByteOverlap.budget
    while index >= 0 {
      guard next[index] >= least[index] else {
        index -= 1
        continue
      }
      budget -= 1
      let remainder = left[index] - next[index] * terms[index].step
      next[index] -= 1
      if remainder == 0 || budget == 0 { return true }
      if index + 1 < terms.count {
        index += 1
        open(index, remainder)
      }
    }
    return false
  }
}
