internal import CheckpointFiles
internal import OrderedCollections

// Lists that count the layers of each stage.
extension ConfigurationDraft {
  /// Lists that count the layers of each stage.
  static let stageCounts = ["depths", "block_sizes"]

  /// The numbers of layers below each numbered stage, by the node of the stages and what lies between.
  private static func stages(_ checkpoint: Checkpoint) -> OrderedDictionary<
    [String], [Int: Set<Int>]
  > {
    var result: OrderedDictionary<[String], [Int: Set<Int>]> = [:]
    for key in checkpoint.tensors.keys {
      let parts = key.components
      let numbers = parts.indices.filter { Key(String(parts[$0])).indexValue != nil }
      guard numbers.count >= 2, let stage = Key(String(parts[numbers[0]])).indexValue,
        let layer = Key(String(parts[numbers[1]])).indexValue
      else { continue }
      let node = [
        parts[..<numbers[0]].joined(separator: "."),
        parts[(numbers[0] + 1)..<numbers[1]].joined(separator: "."),
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
              "\(section.name(name)) in config.json counts the layers of each stage of \(quoted(node[0])), and stays as it is"
            )
          }
        }
      }
    }
  }
}
