import CheckpointFiles
import FineTuning
import ParameterSurgery

/// What a plan does, as a diff.
struct EditDisplay {
  private let plan: SurgeryPlan
  private let configuration: [ConfigurationUpdate.Change]
  private let configurationNotes: [String]
  private let writesConfiguration: Bool
  private let groups: GroupOptions
  /// Values besides the tensors that a PyTorch file loses.
  private let leftOut: [String]
  private let vocabulary: EditedVocabulary?
  private let vocabularyNotes: [String]
  /// Files of the tokenizer that change.
  private let vocabularyFiles: [String]
  private let proof: VocabularyProof?

  init(
    _ plan: SurgeryPlan, _ target: ModelOutput?, _ vocabulary: EditedVocabulary? = nil,
    _ proof: VocabularyProof? = nil, groups: GroupOptions
  ) throws {
    self.plan = plan
    self.vocabulary = vocabulary
    self.proof = proof
    self.groups = groups
    // Other formats have room for tensors alone.
    let isTorch = target.map { !$0.writesConfiguration && !$0.path.hasSuffix(".safetensors") }
    leftOut = isTorch == true ? plan.apply().valuesLeftOut.map(\.string) : []
    var target = target ?? ModelOutput(base: plan.base, path: plan.base.path, inPlace: true)
    target.origins = plan.origins
    target.vocabulary = vocabulary
    vocabularyNotes = try vocabulary?.notes(of: target.sourceFolder) ?? []
    vocabularyFiles = vocabulary?.changedNames(of: target.sourceFolder) ?? []
    (configuration, configurationNotes) = target.configurationChanges(for: plan.apply())
    writesConfiguration = target.writesConfiguration
  }

  /// What must change in the configuration, which only directories get.
  var notes: [String] { stateDictNotes + memberNotes + vocabularyNotes }

  private var stateDictNotes: [String] {
    guard !leftOut.isEmpty else { return [] }
    let names = leftOut.prefix(6).map(shown).joined(separator: ", ")
    return [
      "the file is the state dict of a model now; the values beside it are left out: \(names)"
        + (leftOut.count > 6 ? ", …" : "")
    ]
  }

  private var memberNotes: [String] {
    guard !writesConfiguration, !configuration.isEmpty else { return configurationNotes }
    if let type = configuration.first(where: { $0.name == "model_type" })?.after?.string {
      return ["config.json must be that of a \(shown(type)) now: a directory as --output gets one"]
        + configurationNotes
    }
    let members = configuration.map { change in
      change.after.map { "\(change.name) \(shown($0.text()))" } ?? "no \(change.name)"
    }
    return ["config.json must say now: " + members.joined(separator: ", ")] + configurationNotes
  }

  func print() {
    let output = StandardOutput.shared
    let changes = plan.changes
    let folds = groups.folds(changes.count)
    let folded = KeyGroups(
      changes.count, folds: folds,
      among: folds ? Array(plan.base.keys) + plan.apply().keys : []
    ) { index in
      let keys = [changes[index].before?.key, changes[index].after?.key].compactMap(\.self)
      return keys.count == 2 && keys[0] == keys[1] ? [keys[0]] : keys
    } trait: {
      ChangeKind(changes[$0])
    }
    let rows = folded.groups
    var table = Table(
      [.init(""), .init("KEY", shrinks: true, breaks: folds)]
        + (folds ? [.init("COUNT", .right)] : [])
        + [.init("DTYPE"), .init("SHAPE", yields: true), .init("EFFECTS", shrinks: true)])
    table.hasHeadings = false
    for row in rows {
      let change = changes[row.first]
      table.append(
        [sign(change), row.name] + (folds ? [row.times] : []) + [
          pair(change) { $0.dtype.name }, pair(change) { shapeText($0.shape.dimensions) },
          shown(change.effects.map(\.text).joined(separator: "; ")),
        ])
    }
    let style = output.style
    table.paint = { line, index in
      switch changes[rows[index].first].kind {
      case .removed: style.red(line)
      case .added: style.green(line)
      case .renamed: style.cyan(line)
      case .changed: style.yellow(line)
      }
    }
    table.print()
    groups.note([folded])
    for change in plan.metadataChanges {
      let name = shown(change.name)
      if let before = change.before {
        output.line(style.red("- metadata \(name): \(shown(before))"))
      }
      if let after = change.after {
        output.line(style.green("+ metadata \(name): \(shown(after))"))
      }
    }
    if writesConfiguration {
      for change in configuration {
        let texts = [change.before, change.after].map { $0.map { shown($0.text()) } ?? "nothing" }
        output.line(
          style.yellow("~ config.json \(shown(change.name)): \(texts.joined(separator: " => "))"))
      }
    }
    if let vocabulary {
      let counts =
        "\(grouped(vocabulary.before)) => \(grouped(vocabulary.editor.tokenCount)) tokens"
      for file in vocabularyFiles {
        output.line(style.yellow("~ \(file)" + (file.hasPrefix("generation") ? "" : ": \(counts)")))
      }
    }
    output.paragraph(summary(changes))
    if let proof, proof.difference == nil { output.paragraph(proof.sentence) }
  }

  private func sign(_ change: PlanChange) -> String {
    switch change.kind {
    case .removed: "-"
    case .added: "+"
    case .renamed: "="
    case .changed: "~"
    }
  }

  /// What changes of one group have in common.
  private struct ChangeKind: Hashable {
    let kind: PlanChange.Kind
    let tensors: [TensorKind?]
    let effects: [Effect]

    init(_ change: PlanChange) {
      kind = change.kind
      tensors = [change.before, change.after].map {
        $0.map { TensorKind(dtype: $0.dtype, dimensions: $0.shape.dimensions) }
      }
      effects = change.effects
    }
  }

  /// `before => after`, or the one that there is, or both when they are the same.
  private func pair(_ change: PlanChange, _ text: (TensorInfo) -> String) -> String {
    let texts = [change.before, change.after].compactMap { $0.map(text) }
    return texts.count == 2 && texts[0] != texts[1]
      ? texts.joined(separator: " => ") : texts.last ?? ""
  }

  private func summary(_ changes: [PlanChange]) -> String {
    var parts: [String] = []
    for (kind, word) in [
      (PlanChange.Kind.removed, "removed"), (.added, "added"), (.renamed, "renamed"),
      (.changed, "changed"),
    ] {
      let count = changes.count { $0.kind == kind }
      if count > 0 { parts.append("\(grouped(count)) \(word)") }
    }
    return (parts + ["\(grouped(plan.unchangedCount)) as they were"]).joined(separator: ", ")
  }

  func printJSON(path: String?) {
    var json = JSONStream()
    json.member("path", path.map { .string($0) } ?? .null)
    json.array("steps", plan.steps) { step, text in
      text += JSONValue.members([
        "operation": .string(step.operation.description), "tensors": .integer(step.count),
      ]).text()
    }
    json.array("changes", plan.changes) { change, text in
      func member(_ info: TensorInfo?) -> JSONValue {
        guard let info else { return .null }
        return .members([
          "key": .string(info.key.string), "dtype": .string(info.dtype.name),
          "shape": .array(info.shape.dimensions.map { .integer($0) }),
        ])
      }
      text += JSONValue.members([
        "kind": .string(change.kind.rawValue), "before": member(change.before),
        "after": member(change.after), "effects": .array(change.effects.map { .string($0.text) }),
      ]).text()
    }
    json.member("unchanged", .integer(plan.unchangedCount))
    json.array("metadata", plan.metadataChanges) { change, text in
      text += JSONValue.members([
        "name": .string(change.name), "before": change.before.map { .string($0) } ?? .null,
        "after": change.after.map { .string($0) } ?? .null,
      ]).text()
    }
    json.array("configuration", configuration) { change, text in
      text += JSONValue.members([
        "name": .string(change.name), "before": change.before ?? .null,
        "after": change.after ?? .null,
      ]).text()
    }
    json.member("vocabulary", vocabularyJSON)
    json.array("losses", plan.losses.all) { loss, text in
      text += JSONValue.members([
        "key": .string(loss.key.string), "dtype": .string(loss.dtype.name),
        "overflows": .integer(loss.overflowCount), "nan": .integer(loss.nanCount),
        "saturated": .bool(loss.isSaturated),
      ]).text()
    }
    json.finish()
  }

  /// The members of JSON about tokens; `null` when no step changes them.
  private var vocabularyJSON: JSONValue {
    guard let vocabulary else { return .null }
    let verified: JSONValue =
      proof.map { proof in
        .members([
          "equal": .bool(proof.difference == nil), "texts": .integer(proof.textCount),
          "tokens": .integer(proof.tokenCount), "logits": .bool(proof.comparesLogits),
        ])
      } ?? .null
    return .members([
      "tokens_before": .integer(vocabulary.before),
      "tokens_after": .integer(vocabulary.editor.tokenCount),
      "files": .array(vocabularyFiles.map { .string($0) }), "verified": verified,
    ])
  }
}

extension VocabularyProof {
  /// What was proved.
  var sentence: String {
    "\(Text.counted(textCount, "text")) (\(Text.counted(tokenCount, "token"))): the same tokens and hidden states"
      + (comparesLogits ? " and logits" : "") + " as before, bit for bit"
  }
}

extension VocabularyProof.Difference {
  /// What is different, in the file with the texts.
  func sentence(_ path: String) -> String {
    switch self {
    case .tokens(let line): "\(path): line \(line): the text has other tokens after the edit"
    case .hiddenStates(let line):
      "\(path): line \(line): the text has other hidden states after the edit"
    case .logits(let line): "\(path): line \(line): the text has other logits after the edit"
    }
  }
}
