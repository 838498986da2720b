internal import CheckpointFiles
internal import OrderedCollections

// Lists that count the layers of each stage.
extension ConfigurationDraft {
  /// Lists that count the layers of each stage.
  static let stageCounts = ["depths", "block_sizes"]

  /// The numbers of layers below each numbered stage, by the node of the stages and what is between.
  private static func stages(_ checkpoint: Checkpoint) -> OrderedDictionary<
    [Key], [Int: Set<Int>]
  > {
    var result: OrderedDictionary<[Key], [Int: Set<Int>]> = [:]
    for key in checkpoint.tensors.keys {
      let parts = key.parts
      let numbers = parts.indices.filter { parts[$0].indexValue != nil }
      guard numbers.count >= 2, let stage = parts[numbers[0]].indexValue,
        let layer = parts[numbers[1]].indexValue
      else { continue }
      let node = [
        Key(joining: parts[..<numbers[0]]),
        Key(joining: parts[(numbers[0] + 1)..<numbers[1]]),
      ]
      result[node, default: [:]][stage, default: []].insert(layer)
    }
    return result
  }

  mutating func followStages(from base: Checkpoint, to result: Checkpoint) {
    guard base.tensors.keys != result.tensors.keys else { return }
    for (index, section) in sections.enumerated() {
      for name in ConfigurationDraft.stageCounts {
        guard let counts = section[name]?.array?.map({ $0.integer ?? -1 }), !counts.isEmpty else {
          continue
        }
        let after = ConfigurationDraft.stages(result)
        for (node, stages) in ConfigurationDraft.stages(base) {
          guard counts.indices.allSatisfy({ stages[$0]?.count == counts[$0] }),
            stages.count == counts.count,
            let now = after[node], now != stages
          else { continue }
          let new = counts.indices.map { now[$0]?.count ?? 0 }
          if now.keys.allSatisfy({ counts.indices.contains($0) }), !new.contains(0),
            now.values.allSatisfy({ $0.max() == $0.count - 1 })
          {
            set(name, in: index, to: .array(new.map { .integer($0) }))
          } else {
            note(
              "\(section.name(name)) in config.json counts the layers of each stage of \(quoted(node[0].string)), and stays as it is"
            )
          }
        }
      }
    }
  }
}
