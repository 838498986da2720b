internal import CheckpointFiles
internal import OrderedCollections

// What a configuration says about layers besides their number.
extension ConfigurationDraft {
  private static let listWords = [
    "layer", "block", "attention", "head", "mlp", "ffn", "expert", "window", "depth", "pattern",
    "sparsity", "hidden_size", "intermediate", "ratio", "stride", "patch_size",
  ]

  mutating func followMembers(
    _ before: Int, _ sources: [Int?], of node: Edited, _ names: [String], in section: Int
  ) {
    let members = sections[section].members
    let isDecoder = names.allSatisfy { $0.contains("decoder") }
    let hasBoth = sections[section].members.keys.contains {
      ["decoder_layers", "num_decoder_layers", "decoder_num_hidden_layers"].contains($0)
    }
    let known = sources.compactMap { $0 }
    let change = LayerChange(before: before, sources: known)
    let counts = Set(names.map { Key($0) })
    for (name, value) in members where !counts.contains(name) {
      if hasBoth, name.contains("decoder") != isDecoder { continue }
      guard known.count == sources.count else {
        let isList = LayerChange.lists.contains(name) && (value.array?.count ?? 0) == before
        if isList || LayerChange.indexLists.contains(name) && value.array?.isEmpty == false {
          note(
            "\(node.path) has layers that are new: \(sections[section].name(name.string)) in config.json stays as it is"
          )
        }
        continue
      }
      switch change.outcome(name, value, in: sections[section]) {
      case .changed(let value): set(name.string, in: section, to: value)
      case .contradicted:
        note(
          "\(sections[section].name(name.string)) in config.json is \(value.text()), which does not describe the layers "
            + "of \(node.path) in their new order")
      case .unchanged:
        let isKnown = LayerChange.lists.contains(name) || LayerChange.indexLists.contains(name)
        if !isKnown, !change.isIdentity, before > 1, value.array?.count == before,
          ConfigurationDraft.listWords.contains(where: name.contains),
          !LayerChange.readLists.contains(name), !name.begins(with: "neck"),
          name != "attention_types"
        {
          note(
            "\(sections[section].name(name.string)) in config.json has \(before) entries as \(node.path) had layers, "
              + "and stays as it is")
        }
      }
    }
    followStageNames(change, section)
    let type = sections[section]["model_type"]?.string.map { Key($0) }
    if let type, ["diffllama", "minimax"].contains(type),
      !sources.enumerated().allSatisfy({ $0 == $1 }) || type == "minimax" && !change.isIdentity
    {
      note(
        "the attention of a \(type) depends on the number of the layer: \(node.path) computes something else"
      )
    }
    if type == "zamba2", !change.isIdentity {
      note(
        "a zamba2 numbers the adapters of its shared blocks again when layers go: compare their keys with the model's"
      )
    }
  }

  /// `stage_names`, `out_features` and `out_indices` of a backbone, where each layer is a stage after the stem.
  private mutating func followStageNames(_ change: LayerChange, _ section: Int) {
    guard let names = sections[section]["stage_names"]?.array,
      names == [.string("stem")] + (0..<change.before).map({ .string("stage\($0 + 1)") }),
      !change.isIdentity
    else { return }
    set(
      "stage_names", in: section,
      to: .array(["stem"] + change.sources.indices.map { .string("stage\($0 + 1)") }))
    /// The stage that a stage becomes; the last stays the last.
    func moved(_ stage: Int) -> Int? {
      if stage == 0 { return 0 }
      if stage == change.before { return change.after }
      let places = change.sources.indices.filter { change.sources[$0] == stage - 1 }
      return places.count == 1 ? places[0] + 1 : nil
    }
    let features = sections[section]["out_features"]?.array ?? []
    let stages = features.map { feature in
      names.firstIndex(of: feature).flatMap(moved)
    }
    guard stages.allSatisfy({ $0 != nil }) else {
      note(
        "\(sections[section].name("out_features")) in config.json names layers that are gone or doubled"
      )
      return
    }
    let found = stages.compactMap { $0 }
    if sections[section]["out_features"]?.array != nil {
      set(
        "out_features", in: section,
        to: .array(found.map { .string($0 == 0 ? "stem" : "stage\($0)") }))
    }
    if sections[section]["out_indices"]?.array != nil {
      set("out_indices", in: section, to: .array(found.map { .integer($0) }))
    }
  }
}
