package import CheckpointFiles
internal import OrderedCollections

/// Two tensors that had elements in common and are written with elements of their own.
///
/// The values are right in either case; what a PyTorch file gains is size, and what a model that is trained on
/// loses is that one moves with the other.
package struct PartedTie: Sendable, Hashable, CustomStringConvertible {
  /// The tensor that comes first, under its new name.
  package let first: Key
  /// The other.
  package let second: Key
  /// Whether both were names of one tensor; otherwise they overlapped, as a matrix and its transpose do.
  package let isOneTensor: Bool

  /// The fact as a sentence.
  package var description: String {
    isOneTensor
      ? "\(quoted(second.string)) was one tensor with \(quoted(first.string)), and no longer is"
      : "\(quoted(second.string)) had elements in common with \(quoted(first.string)), and no longer has: "
        + "each has its values in bytes of its own"
  }

  /// The most tensors of a group of which each is compared with each.
  private static let comparedTensors = 256

  /// Of each group of tied tensors of `base` two that are not tied any more.
  ///
  /// - Parameter results: what a tensor of the base became: itself, or several parts, which are compared in order.
  package static func find(
    in base: Checkpoint, results: (Key) -> [(key: Key, tensor: Tensor)]
  ) -> [PartedTie] {
    let tensors = base.tensors.values
    return Tensor.tiedGroups(tensors).compactMap { group in
      let members = group.map { (tensors[$0], results(base.keys[$0])) }
      for (place, (old, parts)) in members.enumerated() {
        if place > 0, members.count > comparedTensors { break }
        for (other, otherParts) in members[(place + 1)...] {
          let isOneTensor = TensorView(old) == TensorView(other)
          guard isOneTensor || old.sharesStorage(with: other) else { continue }
          let parted = zip(parts, otherParts).first { a, b in
            isOneTensor
              ? TensorView(a.tensor) != TensorView(b.tensor)
              : a.tensor.shape.count > 0 && b.tensor.shape.count > 0
                && !a.tensor.sharesStorage(with: b.tensor)
          }
          if let (a, b) = parted {
            return PartedTie(first: a.key, second: b.key, isOneTensor: isOneTensor)
          }
        }
      }
      return nil
    }
  }

  /// The same for a result with the keys of `base`.
  package static func find(in base: Checkpoint, _ result: Checkpoint) -> [PartedTie] {
    find(in: base) { key in result[key].map { [(key, $0)] } ?? [] }
  }
}
