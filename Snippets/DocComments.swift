// Every example of a doc comment in Sources: scripts/house-rules looks for its lines here.

import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

func checkpointFiles(_ checkpoint: Checkpoint) throws {
  let base = try Checkpoint.open("bert-base-uncased")
  print(base["linear.0.weight"]?.shape as Any)
  try checkpoint.write(to: "trimmed.safetensors")

  let folder = try HuggingFaceCache.snapshot(of: "google-bert/bert-base-uncased")
  _ = try Checkpoint.open(HuggingFaceCache.path(of: "google-bert/bert-base-uncased"))
  let model = try Checkpoint.open(folder)
  print(model.keys)

  let half = DType(named: "torch.bfloat16")
  print(half as Any)

  do { _ = try Checkpoint.open("model.safetensors") } catch {
    if error.kind == .notFound { print("there is no \(error.path)") }
  }
}

func values(_ base: Checkpoint, _ checkpoint: Checkpoint) throws {
  let settings: JSONValue = .members(["layers": 12, "name": "bert"])
  print(settings["layers"]?.integer ?? 0, settings.text(indent: 2))
  let options = WriteOptions(format: .torchZip, shardByteCount: 2_000_000_000)
  try checkpoint.write(to: "model.bin", options: options)
  for (key, tensor) in base.tensors { print(key, tensor.dtype, tensor.shape) }
  let key: Key = "linear.0.weight"
  print(key.components.last ?? "", base[key]?.shape as Any)
  for tensor in checkpoint.quantizedTensors { print(tensor.payload, tensor.companions) }
  for report in try ScanReport.scan("pytorch_model.bin") where report.severity == .danger {
    print(report.globals.map(\.name), report.findings.map(\.text))
  }
  let older = try checkpoint.olderFiles(writingTo: "model/pytorch_model.bin")
  if let winner = older.winner { print("\(winner) would be read instead") }
  let losses = CastLosses()
  try checkpoint.converted(to: .float16, losses: losses).write(to: "half.safetensors")
  for loss in losses.all { print(loss.key, loss.overflowCount) }
  print(DType.bfloat16.name, DType.bfloat16.bitWidth)  // BF16 16
  let shape: Shape = [30_522, 768]
  print(shape.rank, shape.count, shape.rowMajorStrides)  // 2 23440896 [768, 1]
  if let zeros = Tensor([0, 0, 0, 0], shape: [2, 2]) { print(zeros.byteCount) }  // 16
}

func surgery(_ base: Checkpoint, _ a: Checkpoint, _ b: Checkpoint) throws {
  let merged = try [a, b].merging(Merge(.ties, density: 0.2), base: base)
  let model = try base.grafting(Graft(head: .mlp(width: 128), labels: 2, prefix: "bert."))
  print(merged.keys, model.keys)

  var plan = SurgeryPlan(for: base)
  try plan.rename("**.gamma", to: "**.weight")
  try plan.cast("encoder", to: .bfloat16, rounding: .saturating)
  try plan.drop("cls")
  print(plan)
  try plan.apply().write(to: "trimmed.safetensors")
  for change in plan.changes where change.kind == .removed { print(change) }
  for case .cast(let from, let to, _) in plan.changes.flatMap(\.effects) { print(from, to) }
}

func operations(_ plan: inout SurgeryPlan, _ tree: ParameterTree) throws {
  try plan.resize("**.word_embeddings.weight", rows: 30_530, filling: .zeros)
  try plan.prune("**.word_embeddings.weight", to: .tokens("kept.txt", vocabulary: "vocab.txt"))
  try plan.add("linear.weight", .float32, [2, 768], .kaiming)
  try plan.apply(.gammaBeta)

  let steps: [SurgeryOperation] = [
    .rename(try KeyRewrite("**.gamma=**.weight")),
    .cast(try SelectorList(["encoder"]), to: .bfloat16, saturating: true),
  ]
  let cast = try SurgeryOperation(.cast, ["encoder=BF16,saturate"])
  print(cast)  // cast encoder=BF16,saturate
  print(steps)

  let recipe = try Recipe(path: "recipe.yaml")
  for step in recipe.steps { try plan.append(step) }

  let rule = try KeyRewrite("**.gamma=**.weight")
  print(rule.apply(to: "encoder.LayerNorm.gamma") ?? "no match")
  let order: [IndexRange] = [.range(0..<8), .range(4..<12), .index(-1)]
  print(order.map(\.description))  // ["0:8", "4:12", "-1"]
  let list = try SelectorList(["encoder", "!encoder.layer[0]"])
  print(try list.resolve(in: tree).keys)
}

func proof(_ base: Checkpoint, _ tuned: Checkpoint) throws {
  let checkpoint = base
  let mask = try FreezeMask(training: ["linear"], in: ParameterTree(checkpoint))
  let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
  if !proof.holds { for violation in proof.violations { print(violation) } }

  let delta = try CheckpointDelta(from: base, to: tuned)
  try delta.checkpoint.write(to: "head.delta.safetensors")
  let stored = try CheckpointDelta(reading: Checkpoint.open("head.delta.safetensors"))
  let again = try base.applying(stored)
  print(again.keys)
}

func masks(_ checkpoint: Checkpoint, _ diff: Diff, _ tensor: Tensor) throws {
  let mask = try FreezeMask(path: "freeze.json")
  let head = try FreezeMask(training: ["linear"], in: ParameterTree(checkpoint))
  let upper = try FreezeMask(freezing: ["bert.embeddings"], in: ParameterTree(checkpoint))
  let rules: [FreezeMask.Request] = [
    .freeze(try Selector("**.bias")), .train(try Selector("linear")),
  ]
  let ruled = try FreezeMask.resolving(rules, in: ParameterTree(checkpoint))
  let states: OrderedDictionary<Key, FreezeMask.State> = ["linear.bias": .frozen]
  let stated = try FreezeMask(states: states, in: ParameterTree(checkpoint))
  for mask in [head, upper, ruled, stated] { print(mask.trainableKeys) }
  let settings = try mask.exported(to: .axolotl)
  print(settings)
  let imported = try ImportedMask(
    .peft, path: "adapter_config.json", in: ParameterTree(checkpoint))
  for pattern in imported.patterns { print(pattern.text, pattern.matched.count) }

  for rename in diff.likelyRenames { print(rename.from, rename.to, rename.isSameContent) }
  let statistics = try TensorStatistics(of: tensor)
  print(statistics.mean ?? .nan, statistics.nanCount)
  print(try TensorDigest.hexadecimal(of: tensor))
  print(try ContentDigest.hexadecimal(of: checkpoint))
  for finding in try CheckpointLint(path: "model").findings { print(finding.rule, finding.message) }
  let modern = try EncoderNames(checkpoint)
  for (old, new) in modern.renamed { print(old, new) }
}

func trees(_ checkpoint: Checkpoint, _ tree: ParameterTree, _ mask: FreezeMask) throws {
  let errors = try CheckpointLint(path: "model").findings.filter { $0.severity == .error }
  for finding in errors { print(finding.rule.summary, finding.message) }
  for format in TrainerFormat.allCases {
    print(format.rawValue, (try? mask.exported(to: format)) ?? "")
  }
  let rows = RowSet([0..<10, 5..<20, 30..<31])
  print(rows.ranges, rows.count, rows.contains(12))  // [0..<20, 30..<31] 21 true
  let selection = try SelectorList(["linear", "!linear[0].bias"]).resolve(in: tree)
  for item in selection.items { print(item.key, item.parameterCount) }
  print(tree.entries.filter { TensorRole.bias.applies(to: $0) }.map(\.key))
  let layers = ParameterTree(checkpoint).node(at: "bert.encoder.layer")
  print(layers?.childIndices ?? [], layers?.parameterCount ?? 0)
  let head = TensorInfo(key: "linear.weight", dtype: .float32, shape: [2, 768])
  print(head.byteCount, head.rowCount ?? 0)  // 6144 2
}

func configuration(_ configuration: JSONValue, _ base: Checkpoint, _ result: Checkpoint) {
  let update = ConfigurationUpdate(configuration, from: base, to: result)
  for change in update.changes { print(change.name, change.after as Any) }
}

func differences(_ base: Checkpoint, _ tuned: Checkpoint, _ other: Checkpoint) throws {
  let diff = try Diff(base, tuned)
  for change in diff.changed { print(change.key, change.values?.maxAbs ?? .nan) }
  for change in diff.changed where change.isShapeChanged { print(change.key, change.shapes) }
  for values in diff.changed.compactMap(\.values) {
    print(values.relativeL2, values.changedFraction)
  }
  let (a, b) = (tuned, other)
  for group in DiffSummary(diff, a, b).groups { print(group.selector, group.counts.changed) }
}

func threeWays(_ base: Checkpoint, _ a: Checkpoint, _ b: Checkpoint) throws {
  let diff = try ThreeWayDiff(base: base, a, b)
  for change in diff.changes where change.verdict == .differently { print(change.key) }
}

func classifier(_ dataset: LabelledDataset) throws {
  let classifier = try TextClassifier(ModelDirectory("tuned"))
  let logits = try classifier.logits(of: dataset)
  print(logits)

  let tokenizer = try WordPieceTokenizer(directory: "bert-base-uncased")
  _ = tokenizer.encode("Hello, world!", maximumLength: 512).ids  // 101, 7592, 1010, 2088, 999, 102
}

func training() throws {
  var request = TrainingRun.Request(
    model: try ModelDirectory("bert-base-uncased"), selection: .selectors(["linear"]),
    training: try LabelledDataset(contentsOf: "train.tsv"))
  request.head = .mlp(width: 128)
  let run = try TrainingRun(request)
  print(run.plan.trainedCount)
  let result = try run.train(into: "tuned")
  print(result.records)
  for mistake in result.details.mistakes { print(mistake.text, mistake.score) }
  let history = try RunHistory(folder: "tuned")
  print(history.records.count, history.isFinished)
}

func vocabulary(_ checkpoint: Checkpoint, _ configuration: JSONValue) throws {
  var plan = SurgeryPlan(for: checkpoint)
  plan.vocabulary = try VocabularyEditor(folder: "bert-base-uncased")
  try plan.addTokens(file: "tokens.txt")
  try plan.convert(to: .transformers)
  print(plan.steps.map(\.operation))

  var editor = try VocabularyEditor(folder: "bert-base-uncased")
  let change = try editor.trim(toTextsIn: "texts.txt")
  print(change.kept.count, editor.changedFiles.map(\.name))

  let proof = try VocabularyProof(
    of: plan.apply(), configuration: configuration, vocabulary: editor, ids: plan.tokenIDs,
    from: ModelDirectory("bert-base-uncased"), textsIn: "texts.txt")
  print(proof.difference == nil)
}
