internal import CheckpointFiles
internal import Synchronization

/// The elements of one merged tensor: first what depends on whole sources, then piece by piece.
struct MergedElements: Sendable {
  private let merge: Merge
  private let key: Key
  private let sources: [Tensor]
  private let base: Tensor
  private let weights: [Double]

  init(method merge: Merge, _ key: Key, _ sources: [Tensor], _ base: Tensor) {
    self.merge = merge
    self.key = key
    self.sources = sources
    self.base = base
    weights = merge.weights.isEmpty ? sources.map { _ in 1.0 } : merge.weights
  }

  /// The merged tensor, computed while it is written.
  func tensor() throws(CheckpointError) -> Tensor {
    try Tensor.computed(dtype: base.dtype, shape: base.shape) { try piece() }
  }

  private func piece() throws -> @Sendable (Range<Int>, inout ElementSink) throws -> Void {
    let tensors = try sources.map { try $0.readable() }
    switch merge.method {
    case .linear:
      let total = weights.reduce(0, +)
      return sum(tensors, weights.map { $0 / total })
    case .slerp: return sum(tensors, try arc(tensors[0], tensors[1]))
    case .ema:
      // The weights of the recursion.
      return sum(
        tensors,
        tensors.indices.map { index in
          var factor = index == 0 ? 1 : 1 - merge.decay
          for _ in index..<tensors.count - 1 { factor *= merge.decay }
          return factor
        })
    case .task:
      let base = try base.readable()
      return { range, sink in
        var values = try base.doubles(in: range)
        var sums = [Double](repeating: 0, count: range.count)
        for (tensor, weight) in zip(tensors, weights) {
          Elementwise.add(try delta(tensor, values, range), times: weight, to: &sums)
        }
        Elementwise.add(sums, times: merge.lambda, to: &values)
        try sink.append(values.span)
      }
    case .dare:
      let base = try base.readable()
      let generators = tensors.indices.map {
        SplitMix64(seed: merge.seed, stream: "\($0) \(key.string)")
      }
      return { range, sink in
        var values = try base.doubles(in: range)
        var sums = [Double](repeating: 0, count: range.count)
        for (model, tensor) in tensors.enumerated() {
          let deltas = try delta(tensor, values, range)
          var generator = generators[model]
          generator.skip(range.lowerBound)
          for index in deltas.indices where generator.unit() < merge.density {
            sums[index] += deltas[index] / merge.density * weights[model]
          }
        }
        Elementwise.add(sums, times: merge.lambda, to: &values)
        try sink.append(values.span)
      }
    case .ties:
      let base = try base.readable()
      let thresholds = try tensors.map { try threshold($0, base) }
      return { range, sink in
        var values = try base.doubles(in: range)
        var deltas: [Double] = []
        deltas.reserveCapacity(range.count * tensors.count)
        for tensor in tensors { deltas += try delta(tensor, values, range) }
        Elementwise.addElected(
          &deltas, weights: weights, thresholds: thresholds, times: merge.lambda, to: &values)
        try sink.append(values.span)
      }
    }
  }

  private func sum(
    _ tensors: [Tensor], _ factors: [Double]
  ) -> @Sendable (Range<Int>, inout ElementSink) throws -> Void {
    { range, sink in
      var sums = [Double](repeating: 0, count: range.count)
      for (tensor, factor) in zip(tensors, factors) {
        Elementwise.add(try tensor.doubles(in: range), times: factor, to: &sums)
      }
      try sink.append(sums.span)
    }
  }

  private func delta(
    _ tensor: Tensor, _ base: [Double], _ range: Range<Int>
  ) throws -> [Double] {
    var deltas = try tensor.doubles(in: range)
    Elementwise.subtract(base, from: &deltas)
    return deltas
  }

  private static func pieces(_ range: Range<Int>, _ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 16) {
      try body(start..<min(start + 1 << 16, range.upperBound))
    }
  }

  /// The factors of the two tensors for `slerp`. The sums have one order, which does not depend on the threads.
  private func arc(_ a: Tensor, _ b: Tensor) throws -> [Double] {
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    try MergedElements.pieces(0..<a.shape.count) { range in
      let (x, y) = (try a.doubles(in: range), try b.doubles(in: range))
      for index in x.indices {
        ab += x[index] * y[index]
        aa += x[index] * x[index]
        bb += y[index] * y[index]
      }
    }
    let (t, cosine) = (merge.t, ab / (aa.squareRoot() * bb.squareRoot()))
    // Of tensors that are nearly parallel, or zero, the arc is a line.
    guard cosine.isFinite, abs(cosine) <= 0.9995 else { return [1 - t, t] }
    let angle = arcCosine(cosine)
    return [sine((1 - t) * angle) / sine(angle), sine(t * angle) / sine(angle)]
  }

  /// The least magnitude, as `Float`, of the largest `density` of a δ. The upper and then the lower bits of the
  /// magnitudes are counted, because a sorted list of all would need as much memory as the tensor.
  private func threshold(_ tensor: Tensor, _ base: Tensor) throws -> Double {
    let count = tensor.shape.count
    let kept = max(Int(merge.density * Double(count)), min(count, 1))
    if kept >= count { return 0 }
    let upper = MergedElements.find(kept, in: try counts(tensor, base, with: nil))
    let lower = MergedElements.find(
      kept - upper.above, in: try counts(tensor, base, with: upper.bits))
    return Double(Float(bitPattern: UInt32(upper.bits) << 16 | UInt32(lower.bits)))
  }

  /// The bits of the magnitude at `rank` from the top, and how many magnitudes have higher bits.
  private static func find(_ rank: Int, in counts: [Int64]) -> (bits: Int, above: Int) {
    var above = 0
    for bits in counts.indices.reversed() {
      if above + Int(counts[bits]) >= rank { return (bits, above) }
      above += Int(counts[bits])
    }
    return (0, above)
  }

  /// How often each pattern of 16 bits occurs in the magnitudes of a δ, counted on all cores.
  private func counts(_ tensor: Tensor, _ base: Tensor, with upper: Int?) throws -> [Int64] {
    let count = tensor.shape.count
    let parts = max(1, min(PieceProducer.threads, count >> 18))
    let sums = Mutex([Int64](repeating: 0, count: 1 << 16))
    try concurrently(parts) { part in
      var counts = [Int64](repeating: 0, count: 1 << 16)
      let range = count / parts * part..<(part == parts - 1 ? count : count / parts * (part + 1))
      try MergedElements.pieces(range) { range in
        let deltas = try delta(tensor, try base.doubles(in: range), range)
        Elementwise.countMagnitudes(deltas, with: upper, into: &counts)
      }
      sums.withLock { sums in
        for bits in sums.indices { sums[bits] += counts[bits] }
      }
    }
    return sums.withLock { $0 }
  }
}
