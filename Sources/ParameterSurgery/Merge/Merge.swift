public import CheckpointFiles
internal import OrderedCollections

/// How several checkpoints with the same keys and shapes are merged into one.
///
///     let merged = try [a, b].merging(Merge(.ties, density: 0.2), base: base)
///
/// Numbers are computed in double precision and rounded once, to the dtype of the base (or of the first
/// checkpoint), while the result is written. Integers and Booleans are taken from there unchanged. Quantised tensors
/// must be the same everywhere.
public struct Merge: Sendable {
  /// How elements are combined. x is a checkpoint's, b the base's, δ = x − b, w a weight.
  public enum Method: String, Sendable, CaseIterable {
    /// Σwx / Σw.
    case linear
    /// The point at the share t of the arc between two tensors; of the line, when they are nearly parallel.
    case slerp
    /// b + λ·Σwδ (Ilharco et al., 2022).
    case task
    /// Of each δ the largest `density`; a sign is elected by Σwδ; b + λ·the mean of those that agree
    /// (Yadav et al., 2023).
    case ties
    /// Of each δ a random `density`, divided by it; b + λ·Σwδ (Yu et al., 2023).
    case dare
    /// The first x, then decay·(the result so far) + (1 − decay)·(the next x), in order.
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
  /// The share of each δ that is kept, above 0 and at most 1.
  public var density: Double
  /// The share of the arc between two checkpoints for `slerp`, 0 to 1.
  public var t: Double
  /// The share of the result that `ema` keeps at each step, 0 to 1.
  public var decay: Double
  /// The seed of the elements that `dare` drops.
  public var seed: UInt64

  /// A method with its parameters.
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

  fileprivate func merged(_ checkpoints: [Checkpoint], _ base: Checkpoint?) throws -> Checkpoint {
    try check(checkpoints, base)
    guard let model = base ?? checkpoints.first else { throw SurgeryError.noCheckpoints }
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

  /// The integers and Booleans, which have no mean, that are not the same in all of `checkpoints` and are taken from
  /// the first.
  ///
  /// - Throws: ``SurgeryError`` when bytes cannot be read.
  public static func unmerged(_ checkpoints: [Checkpoint]) throws(SurgeryError) -> [Key] {
    try locating { try findUnmerged(checkpoints) }
  }

  private static func findUnmerged(_ checkpoints: [Checkpoint]) throws -> [Key] {
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

  /// Throws when quantised tensors differ: they have no mean, because each file has scales of its own.
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
        throw SurgeryError.quantisedDiffers(tensor, key, model.path, other.path)
      }
    }
  }

  private func check(_ checkpoints: [Checkpoint], _ base: Checkpoint?) throws(SurgeryError) {
    let sum = weights.reduce(0, +)
    guard !checkpoints.isEmpty else { throw .noCheckpoints }
    guard !method.needsBase || base != nil else { throw .needsBase(method) }
    guard method.needsBase || base == nil else { throw .usesNoBase(method) }
    guard method != .slerp || checkpoints.count == 2 else {
      throw .needsTwoCheckpoints(found: checkpoints.count)
    }
    guard weights.isEmpty || weights.count == checkpoints.count else {
      throw .weightCount(weights.count, checkpoints: checkpoints.count)
    }
    guard weights.isEmpty || ![.slerp, .ema].contains(method) else {
      throw .usesNoWeights(method)
    }
    guard weights.allSatisfy(\.isFinite), lambda.isFinite else { throw .infiniteWeights }
    guard method != .linear || weights.isEmpty || sum != 0 else { throw .weightsCancel }
    guard method != .linear || sum.isFinite else { throw .weightsOverflow }
    guard density > 0, density <= 1 else { throw .densityRange }
    guard (0...1).contains(t), (0...1).contains(decay) else { throw .shareRange }
  }

  private static func check(
    _ other: Checkpoint, fits model: Checkpoint
  ) throws(SurgeryError) {
    let missing = model.keys.filter { other[$0] == nil }
    let unexpected = other.keys.filter { model[$0] == nil }
    if let key = missing.first ?? unexpected.first {
      let (path, without) = missing.isEmpty ? (other.path, model.path) : (model.path, other.path)
      throw .onlyInOne(
        key, more: max(missing.count, unexpected.count) - 1, has: path, lacks: without)
    }
    for (key, tensor) in model.tensors {
      guard let shape = other[key]?.shape, shape == tensor.shape else {
        throw .shapesDiffer(
          key, tensor.shape, in: model.path, other[key]?.shape ?? [], in: other.path)
      }
      // A mean of floating-point numbers and integers has no meaning, whichever dtype the result would have.
      guard let dtype = other[key]?.dtype, dtype.isFloatingPoint == tensor.dtype.isFloatingPoint
      else {
        throw .dtypesDiffer(
          key, tensor.dtype, in: model.path, other[key]?.dtype ?? .bool, in: other.path)
      }
    }
  }
}

extension [Checkpoint] {
  /// The checkpoints merged into one, with the order, ties and metadata of the base or of the first checkpoint.
  ///
  /// - Parameters:
  ///   - merge: the method, with its parameters.
  ///   - base: the checkpoint that all of them come from, for the methods that need it.
  /// - Throws: ``SurgeryError`` when the checkpoints do not fit together, a parameter is out of range, or bytes cannot
  ///   be read.
  public func merging(
    _ merge: Merge, base: Checkpoint? = nil
  ) throws(SurgeryError) -> Checkpoint {
    try locating { try merge.merged(self, base) }
  }
}
