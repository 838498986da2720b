public import CheckpointFiles
internal import OrderedCollections

/// Makes one checkpoint of several with the same keys and shapes.
///
///     let merged = try Merge(.ties, density: 0.2).apply(to: [a, b], base: base)
///
/// Numbers are computed in double precision and rounded once, to the dtype of the base (or of the first
/// checkpoint), while the result is written. Integers and Booleans are taken from there unchanged.
public struct Merge: Sendable {
  /// How elements are combined. x is a checkpoint's, b the base's, δ = x − b, w a weight.
  public enum Method: String, Sendable, CaseIterable {
    /// Σwx / Σw.
    case linear
    /// Along the arc between two tensors, t of the way; nearly parallel ones along the line.
    case slerp
    /// b + λ·Σwδ (Ilharco et al., 2022).
    case task
    /// Of each δ the largest `density`; a sign is elected by Σwδ; b + λ·the mean of those that agree
    /// (Yadav et al., 2023).
    case ties
    /// Of each δ a random `density`, divided by it; b + λ·Σwδ (Yu et al., 2023).
    case dare
    /// x, then decay·(what there is) + (1 − decay)·(the next), in order.
    case ema

    /// Whether it needs a base.
    public var needsBase: Bool {
      switch self {
      case .task, .ties, .dare: true
      case .linear, .slerp, .ema: false
      }
    }
  }

  /// How elements are combined.
  public var method: Method
  /// A weight for each checkpoint; empty means 1 each.
  public var weights: [Double]
  /// λ of the methods with a base.
  public var lambda: Double
  /// The share of each δ that stays, above 0 and up to 1.
  public var density: Double
  /// Where between two checkpoints `slerp` stops, 0 to 1.
  public var t: Double
  /// What `ema` keeps at each step, 0 to 1.
  public var decay: Double
  /// Chooses what `dare` drops.
  public var seed: UInt64

  /// A way to merge.
  public init(
    _ method: Method, weights: [Double] = [], lambda: Double = 1, density: Double = 0.5,
    t: Double = 0.5, decay: Double = 0.9, seed: UInt64 = 0
  ) {
    self.method = method
    self.weights = weights
    self.lambda = lambda
    self.density = density
    self.t = t
    self.decay = decay
    self.seed = seed
  }

  /// The merged checkpoint, with the order, ties and metadata of the base or the first checkpoint.
  ///
  /// - Throws: ``SurgeryError`` when the checkpoints do not fit together or a number is out of range.
  public func apply(
    to checkpoints: [Checkpoint], base: Checkpoint? = nil
  ) throws -> Checkpoint {
    try check(checkpoints, base)
    guard let model = base ?? checkpoints.first else { throw SurgeryError("merge: no checkpoints") }
    for other in checkpoints { try Merge.check(other, fits: model) }
    var result = model
    var done: [[Place]: Tensor] = [:]
    for (key, tensor) in model.tensors where tensor.dtype.isFloatingPoint {
      let sources = checkpoints.compactMap { $0[key] }
      let places = ([tensor] + sources).map(Place.init)
      if let merged = done[places] {
        result.tensors[key] = merged
        continue
      }
      let merged = try merged(key, sources, tensor)
      done[places] = merged
      result.tensors[key] = merged
    }
    result.inputs = model.inputs + checkpoints.flatMap(\.inputs)
    return result
  }

  /// Names that are one tensor in every checkpoint stay one.
  private struct Place: Hashable {
    let storage: ObjectIdentifier
    let offset: Int
    let shape: Shape

    init(_ tensor: Tensor) {
      storage = ObjectIdentifier(tensor.storage)
      (offset, shape) = (tensor.byteOffset, tensor.shape)
    }
  }

  private func check(_ checkpoints: [Checkpoint], _ base: Checkpoint?) throws(SurgeryError) {
    func demand(_ holds: Bool, _ sentence: String) throws(SurgeryError) {
      if !holds { throw SurgeryError("merge: " + sentence) }
    }
    let name = method.rawValue
    try demand(!checkpoints.isEmpty, "no checkpoints")
    try demand(
      method.needsBase == (base != nil),
      method.needsBase ? "\(name) needs a base" : "\(name) has no use for a base")
    try demand(
      method != .slerp || checkpoints.count == 2,
      "slerp takes two checkpoints, not \(checkpoints.count)")
    try demand(
      weights.isEmpty || weights.count == checkpoints.count,
      "\(weights.count) weights for \(checkpoints.count) checkpoints")
    try demand(
      weights.isEmpty || ![.slerp, .ema].contains(method), "\(name) has no use for weights")
    try demand(weights.allSatisfy(\.isFinite) && lambda.isFinite, "weights and lambda are finite")
    try demand(
      method != .linear || weights.isEmpty || weights.reduce(0, +) != 0,
      "the weights add up to 0")
    try demand(density > 0 && density <= 1, "the density is above 0 and at most 1")
    try demand((0...1).contains(t) && (0...1).contains(decay), "t and decay are between 0 and 1")
  }

  private static func check(
    _ other: Checkpoint, fits model: Checkpoint
  ) throws(SurgeryError) {
    let missing = model.keys.filter { other[$0] == nil }
    let unexpected = other.keys.filter { model[$0] == nil }
    if let key = missing.first ?? unexpected.first {
      let (path, without) = missing.isEmpty ? (other.path, model.path) : (model.path, other.path)
      let more = max(missing.count, unexpected.count) - 1
      throw SurgeryError(
        "merge: \(path) has \(quoted(key.string))\(more > 0 ? " and \(more) more" : ""), "
          + "\(without) has not; bring the keys together with espalier edit")
    }
    for (key, tensor) in model.tensors {
      guard let shape = other[key]?.shape, shape == tensor.shape else {
        throw SurgeryError(
          "merge: \(quoted(key.string)) has the shape \(tensor.shape) in \(model.path), "
            + "\(other[key]?.shape ?? []) in \(other.path)")
      }
    }
  }

  // MARK: - Elements

  private func merged(_ key: Key, _ sources: [Tensor], _ base: Tensor) throws -> Tensor {
    let weights = weights.isEmpty ? sources.map { _ in 1.0 } : weights
    return try Tensor.computed(dtype: base.dtype, shape: base.shape) { sink in
      let tensors = try sources.map { try $0.addressable() }
      switch method {
      case .linear:
        let total = weights.reduce(0, +)
        try pieces(base.shape.count) { range in
          try sink.append(combined(tensors, weights.map { $0 / total }, range))
        }
      case .slerp:
        let factors = try arc(tensors[0], tensors[1])
        try pieces(base.shape.count) { range in
          try sink.append(combined(tensors, factors, range))
        }
      case .ema:
        // The weights that the recursion gives each.
        let factors = tensors.indices.map { index in
          var factor = index == 0 ? 1 : 1 - decay
          for _ in index..<tensors.count - 1 { factor *= decay }
          return factor
        }
        try pieces(base.shape.count) { range in
          try sink.append(combined(tensors, factors, range))
        }
      case .task, .dare, .ties:
        let whole = try base.addressable()
        let thresholds = method == .ties ? try tensors.map { try threshold($0, whole) } : []
        var generators = tensors.indices.map {
          SplitMix64(seed: seed, stream: "\($0) \(key.string)")
        }
        try pieces(base.shape.count) { range in
          var values = try whole.doubles(in: range)
          let deltas = try tensors.map { tensor in
            let numbers = try tensor.doubles(in: range)
            return numbers.indices.map { numbers[$0] - values[$0] }
          }
          for index in values.indices {
            let delta =
              switch method {
              case .ties: agreed(deltas, weights, thresholds, index)
              case .dare: kept(deltas, weights, &generators, index)
              default: zip(deltas, weights).reduce(0) { $0 + $1.0[index] * $1.1 }
              }
            values[index] += lambda * delta
          }
          try sink.append(values)
        }
      }
    }
  }

  private func pieces(_ count: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: 0, to: count, by: 1 << 16) {
      try body(start..<min(start + 1 << 16, count))
    }
  }

  private func combined(
    _ tensors: [Tensor], _ factors: [Double], _ range: Range<Int>
  ) throws -> [Double] {
    var sums = [Double](repeating: 0, count: range.count)
    for (tensor, factor) in zip(tensors, factors) {
      let values = try tensor.doubles(in: range)
      for index in sums.indices { sums[index] += values[index] * factor }
    }
    return sums
  }

  /// What `slerp` multiplies the two tensors by.
  private func arc(_ a: Tensor, _ b: Tensor) throws -> [Double] {
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    try pieces(a.shape.count) { range in
      let (x, y) = (try a.doubles(in: range), try b.doubles(in: range))
      for index in x.indices {
        ab += x[index] * y[index]
        aa += x[index] * x[index]
        bb += y[index] * y[index]
      }
    }
    let cosine = ab / (aa.squareRoot() * bb.squareRoot())
    // Nearly parallel, or one of them zero: the arc is a line.
    guard cosine.isFinite, abs(cosine) <= 0.9995 else { return [1 - t, t] }
    let angle = arcCosine(cosine)
    return [sine((1 - t) * angle) / sine(angle), sine(t * angle) / sine(angle)]
  }

  /// The magnitude from which on the largest `density` of a δ begin: of the magnitudes, as `Float`, the
  /// one that has its place in order. Their upper and then their lower bits are counted, for a list of
  /// all would take as much memory as the tensor.
  private func threshold(_ tensor: Tensor, _ base: Tensor) throws -> Double {
    let count = tensor.shape.count
    let kept = max(Int(density * Double(count)), min(count, 1))
    if kept >= count { return 0 }
    var counts = [Int](repeating: 0, count: 1 << 16)
    func countBits(_ place: (UInt32) -> Int?) throws {
      try pieces(count) { range in
        let (x, b) = (try tensor.doubles(in: range), try base.doubles(in: range))
        for index in x.indices {
          if let place = place(Float(abs(x[index] - b[index])).bitPattern) { counts[place] += 1 }
        }
      }
    }
    /// The bits that the magnitude with `rank` others from the top has, and how many of its rank those
    /// with higher bits are.
    func find(_ rank: Int) -> (bits: Int, above: Int) {
      var above = 0
      for bits in counts.indices.reversed() {
        if above + counts[bits] >= rank { return (bits, above) }
        above += counts[bits]
      }
      return (0, above)
    }
    try countBits { Int($0 >> 16) }
    let upper = find(kept)
    for bits in counts.indices { counts[bits] = 0 }
    try countBits { Int($0 >> 16) == upper.bits ? Int($0 & 0xFFFF) : nil }
    let lower = find(kept - upper.above)
    return Double(Float(bitPattern: UInt32(upper.bits) << 16 | UInt32(lower.bits)))
  }

  private func agreed(
    _ deltas: [[Double]], _ weights: [Double], _ thresholds: [Double], _ index: Int
  ) -> Double {
    func trimmed(_ model: Int) -> Double {
      let delta = deltas[model][index]
      return Double(Float(abs(delta))) >= thresholds[model] ? delta * weights[model] : 0
    }
    let election = deltas.indices.reduce(0) { $0 + trimmed($1) }
    var (sum, total) = (0.0, 0.0)
    for model in deltas.indices {
      let delta = trimmed(model)
      guard delta != 0, (delta > 0) == (election >= 0) else { continue }
      sum += delta
      total += weights[model]
    }
    return total == 0 ? 0 : sum / total
  }

  private func kept(
    _ deltas: [[Double]], _ weights: [Double], _ generators: inout [SplitMix64], _ index: Int
  ) -> Double {
    var sum = 0.0
    for model in deltas.indices where generators[model].unit() < density {
      sum += deltas[model][index] / density * weights[model]
    }
    return sum
  }
}
