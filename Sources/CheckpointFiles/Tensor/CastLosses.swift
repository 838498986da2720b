internal import Synchronization

/// What was lost when numbers were rounded to a smaller type: filled while tensors are written.
///
///     let losses = CastLosses()
///     try checkpoint.converted(to: .float16, losses: losses).write(to: "half.safetensors")
///     for loss in losses.all { print(loss.key, loss.overflowCount) }
public final class CastLosses: Sendable {
  /// The losses of one tensor.
  public struct Loss: Sendable, Hashable {
    /// The key in the result.
    public let key: Key
    /// The dtype that the numbers were rounded to.
    public let dtype: DType
    /// Numbers that were finite and too large.
    public let overflowCount: Int
    /// Numbers that were NaN before.
    public let nanCount: Int
    /// Whether what was too large is the largest number now.
    public let isSaturated: Bool
  }

  /// By key: a tensor that is computed twice counts once.
  private let table = Mutex<[Key: Loss]>([:])

  /// Nothing is lost yet.
  public init() {}

  /// The losses that are known, in key order. Complete when the result is written.
  public var all: [Loss] { table.withLock { $0.values.sorted { $0.key < $1.key } } }

  /// Takes down what was lost of a tensor, if anything was.
  package func record(_ lost: ElementLosses, _ key: Key, _ dtype: DType, isSaturated: Bool = false)
  {
    guard lost.overflowCount > 0 || lost.nanCount > 0 else { return }
    let loss = Loss(
      key: key, dtype: dtype, overflowCount: lost.overflowCount, nanCount: lost.nanCount,
      isSaturated: isSaturated)
    table.withLock { $0[key] = loss }
  }
}
