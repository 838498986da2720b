internal import RealModule

/// How the learning rate changes over the steps of a run.
///
/// The factors are those of `transformers.get_*_schedule_with_warmup`: during warm-up the factor of
/// step `s` (from 0) is `s / warmup`, so the very first update has a rate of 0.
public struct LearningRateSchedule: Sendable, Hashable {
  /// The shape of the curve after the warm-up.
  public enum Decay: String, Sendable, Hashable, CaseIterable {
    /// Falls to 0 at the last step.
    case linear
    /// Stays at 1.
    case constant
    /// Falls to 0 along half a cosine.
    case cosine
  }

  /// The shape of the curve after the warm-up.
  public var decay: Decay
  /// Updates during which the rate rises from 0.
  public var warmupSteps: Int
  /// Updates in the whole run.
  public var totalSteps: Int

  /// A schedule over `totalSteps` updates.
  public init(decay: Decay, warmupSteps: Int, totalSteps: Int) {
    self.decay = decay
    self.warmupSteps = max(0, warmupSteps)
    self.totalSteps = max(0, totalSteps)
  }

  /// The factor of update `step`, counted from 0.
  public func factor(at step: Int) -> Double {
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let remaining = Double(max(1, totalSteps - warmupSteps))
    let progress = min(1, Double(step - warmupSteps) / remaining)
    switch decay {
    case .constant: return 1
    case .linear: return max(0, 1 - progress)
    case .cosine: return max(0, 0.5 * (1 + Double.cos(.pi * progress)))
    }
  }

  /// The largest factor of any update: below 1 when the warm-up does not end before the run.
  public var peak: Double {
    warmupSteps < totalSteps || totalSteps == 0 ? 1 : factor(at: totalSteps - 1)
  }
}

/// A length of warm-up as users give it: a number of updates, or a share of the run.
public enum Warmup: Sendable, Hashable {
  case steps(Int)
  /// A share in [0, 1); the number of updates is rounded up, as `transformers` does.
  case ratio(Double)

  /// The number of updates in a run of `totalSteps`.
  public func steps(of totalSteps: Int) -> Int {
    switch self {
    case .steps(let count): count
    case .ratio(let share): Int((share * Double(totalSteps)).rounded(.up))
    }
  }
}
