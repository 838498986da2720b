internal import CheckpointFiles
internal import OrderedCollections

// Weights that a folder holds beside those that it is read as.
extension CheckpointLint {
  /// Compares other weights in the folder with those that loaders take.
  ///
  /// The same weights in another format are common and no finding; an older checkpoint is one, because nothing
  /// says which of the two is meant.
  mutating func checkOtherWeights(_ checkpoint: Checkpoint, readingElements: Bool) {
    guard WholeFile.isFolder(path) else { return }
    let present = CheckpointFolder.orders.map { $0.filter { WholeFile.exists(place($0)) } }
      .first { !$0.isEmpty }
    guard let present, let first = present.first else { return }
    for name in present.dropFirst() where name != first + ".index.json" {
      guard let other = try? Checkpoint.open(place(name)) else {
        add(
          .otherWeights, nil,
          "has \(name), which cannot be opened, beside \(first), which loaders take")
        continue
      }
      guard let (key, what) = difference(checkpoint, other, readingElements) else { continue }
      add(
        .otherWeights, key,
        "\(what) in \(name) than in \(first), which loaders take: one of the two is of another checkpoint"
      )
    }
    if CheckpointFolder.names.contains(first), WholeFile.exists(place("adapter_config.json")) {
      add(
        .otherWeights, nil,
        "has adapter_config.json beside \(first): transformers applies the adapter to those weights"
      )
    }
  }

  /// The first tensor that is another one in `other`. Tensors that only one of the two has are none: formats without
  /// ties and buffers leave some out.
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
