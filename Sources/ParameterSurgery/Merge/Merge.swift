public import CheckpointFiles
internal import OrderedCollections

/// Makes one checkpoint of several with the same keys and shapes.
///
///     let merged = try Merge(.ties, density: 0.2).apply(to: [a, b], base: base)
///
/// Numbers are computed in double precision and rounded once, to the dtype of the base (or of the first
/// checkpoint), while the result is written. Integers and Booleans are taken from there unchanged. Quantised tensors
/// must be the same everywhere.
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
    let quantized = QuantizedTensors(model.tensors.elements)
    for other in checkpoints where !quantized.all.isEmpty {
      try Merge.demandEqual(quantized.all, in: other, and: model)
    }
    var result = model
    // Names that are one tensor in every checkpoint stay one.
    var done: [[TensorView]: Tensor] = [:]
    for (key, tensor) in model.tensors
    where tensor.dtype.isFloatingPoint && !quantized.contains(key) {
      let sources = checkpoints.compactMap { $0[key] }
      let views = ([tensor] + sources).map(TensorView.init)
      if let merged = done[views] {
        result.tensors[key] = merged
        continue
      }
      let merged = try MergedElements(method: self, key, sources, tensor).tensor()
      done[views] = merged
      result.tensors[key] = merged
    }
    result.inputs = model.inputs + checkpoints.flatMap(\.inputs)
    return result
  }

  /// The tensors without a mean, integers and Booleans, that are not the same in all of `checkpoints` and were
  /// taken from one.
  ///
  /// - Throws: `CheckpointError` when bytes cannot be read.
  public static func unmerged(_ checkpoints: [Checkpoint]) throws -> [Key] {
    guard let first = checkpoints.first else { return [] }
    var pairs: [(key: Key, pair: TensorPair)] = []
    var different: Set<Key> = []
    for (key, tensor) in first.tensors where !tensor.dtype.isFloatingPoint {
      for other in checkpoints.dropFirst() {
        guard let another = other[key] else { continue }
        if another.dtype == tensor.dtype, another.shape == tensor.shape {
          pairs.append((key, try TensorPair(tensor, another)))
        } else {
          different.insert(key)
        }
      }
    }
    let equal = try bytesAreEqual(pairs.map(\.pair))
    different.formUnion(zip(pairs, equal).filter { !$1 }.map(\.0.key))
    return first.keys.filter(different.contains)
  }

  /// Quantised numbers have no mean: each file has scales of its own. Those that are the same everywhere stay.
  private static func demandEqual(
    _ quantized: [QuantizedTensor], in other: Checkpoint, and model: Checkpoint
  ) throws {
    for tensor in quantized {
      for key in [tensor.payload] + tensor.companions + tensor.activationScales {
        guard let a = model[key], let b = other[key] else { continue }
        if a.dtype == b.dtype, a.shape == b.shape {
          let pair = try TensorPair(a, b)
          if try pair.isOneView || bytesAreEqual([pair]) == [true] { continue }
        }
        throw SurgeryError(
          "merge: \(tensor.refusal), and \(quoted(key.string)) is not the same in \(model.path) and \(other.path); "
            + "merge the models as they were before they were quantised")
      }
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
    try demand(
      method != .linear || weights.reduce(0, +).isFinite,
      "the weights add up to more than a number can hold")
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
      // A mean of numbers and counts has no meaning, whichever of the two the result would be.
      guard let dtype = other[key]?.dtype, dtype.isFloatingPoint == tensor.dtype.isFloatingPoint
      else {
        throw SurgeryError(
          "merge: \(quoted(key.string)) is \(tensor.dtype) in \(model.path) and "
            + "\(other[key]?.dtype ?? .bool) in \(other.path); floating-point numbers are not averaged with "
            + "others: drop it, or take it from one of them, with espalier edit")
      }
    }
  }
}
