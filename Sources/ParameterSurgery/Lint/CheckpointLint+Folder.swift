internal import CheckpointFiles
internal import OrderedCollections

// Weights in a folder other than those that loaders read.
extension CheckpointLint {
  /// Compares other weights in the folder with those that loaders read.
  ///
  /// The same weights in another format are common and not a finding; an older checkpoint is one, because the folder
  /// does not show which of the two is intended.
  mutating func checkOtherWeights(_ checkpoint: Checkpoint, readingElements: Bool) {
    guard WholeFile.isFolder(path) else { return }
    let present = CheckpointFolder.orders.map { $0.filter { WholeFile.exists(place($0)) } }
      .first { !$0.isEmpty }
    guard let present, let first = present.first else { return }
    for name in present.dropFirst() where name != first + ".index.json" {
      guard let other = try? Checkpoint.open(place(name)) else {
        add(
          .otherWeights, nil,
          "has \(name), which cannot be opened, in addition to \(first), which loaders read")
        continue
      }
      guard let (key, what) = difference(checkpoint, other, readingElements) else { continue }
      add(
        .otherWeights, key,
        "\(what) in \(name) than in \(first), which loaders read: one of the two belongs to another checkpoint"
      )
    }
    if CheckpointFolder.names.contains(first), WholeFile.exists(place("adapter_config.json")) {
      add(
        .otherWeights, nil,
        "has adapter_config.json in addition to \(first): transformers applies the adapter to those weights"
      )
    }
  }

  /// The first tensor that differs in `other`. Tensors that only one of the two has do not count: formats without ties
  /// and buffers omit some.
  private func difference(
    _ checkpoint: Checkpoint, _ other: Checkpoint, _ readingElements: Bool
  ) -> (key: Key?, what: String)? {
    var pairs: [(key: Key, pair: TensorPair)] = []
    for (key, tensor) in checkpoint.tensors {
      guard let twin = other[key] else { continue }
      guard tensor.dtype == twin.dtype, tensor.shape == twin.shape else {
        return (key, "has another dtype or shape")
      }
      if readingElements, let pair = try? TensorPair(tensor, twin) { pairs.append((key, pair)) }
    }
    if !checkpoint.tensors.isEmpty, !checkpoint.keys.contains(where: { other[$0] != nil }) {
      return (nil, "has other tensors")
    }
    for (key, pair) in pairs where (try? bytesAreEqual([pair])) == [false] {
      return (key, "has other elements")
    }
    return nil
  }
}
