// The code of the articles in Sources/*/*.docc, in their order: scripts/house-rules looks for its lines here.

import CheckpointFiles
import FineTuning
import ParameterSurgery

func overview() throws {
  let base = try Checkpoint.open("model.safetensors")
  for (key, tensor) in base.tensors { print(key, tensor.dtype, tensor.shape) }
  let bias = try base["linear.0.bias"]?.floats()
  print(bias ?? [])
}

func openAndWrite() throws {
  var checkpoint = try Checkpoint.open("pytorch_model.bin")
  for (key, tensor) in checkpoint.tensors { print(key, tensor.dtype, tensor.shape) }

  if let bias = checkpoint["linear.0.bias"] { print(try bias.floats().max() ?? 0) }

  checkpoint.tensors["scale"] = Tensor([1, 2, 3], shape: [3])
  checkpoint.tensors["unused.weight"] = nil
  checkpoint.metadata["origin"] = "made by hand"
  let half = try checkpoint.converted(to: .bfloat16)

  try half.write(to: "model.safetensors")
  let options = WriteOptions(shardByteCount: 2_000_000_000)
  try half.write(to: "model.safetensors", options: options)
}

func surgery() throws {
  let base = try Checkpoint.open("bert-base-uncased")
  let mask = try FreezeMask(training: ["linear"], in: ParameterTree(base))
  print(mask)

  var plan = SurgeryPlan(for: base)
  try plan.drop("cls")
  try plan.apply().write(to: "trimmed.safetensors")
}

func editAndCompare() throws {
  var plan = SurgeryPlan(for: try Checkpoint.open("pytorch_model.bin"))
  try plan.rename("**.gamma", to: "**.weight")
  try plan.drop("cls")
  for step in plan.steps { print(step.operation, step.count) }
  try plan.apply().write(to: "model.safetensors")

  let difference = try Diff(plan.base, plan.apply())
  print(difference.onlyInA, difference.changed.count, difference.same)
}

func selectAndMask() throws {
  let base = try Checkpoint.open("bert-base-uncased")
  let tree = ParameterTree(base)

  let top = try Selector("bert.encoder.layer[-2:]").resolve(in: tree)
  print(top.items.count)

  let mask = try FreezeMask(training: ["linear", "**:role(norm)"], in: tree)
  print(mask.summary(in: tree))
  for warning in mask.warnings(in: tree) { print(warning) }
  try mask.write(to: "freeze.json")

  let tuned = try Checkpoint.open("tuned")
  let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
  precondition(proof.holds, "\(proof.violations)")
}

func tuning() throws {
  let request = TrainingRun.Request(
    model: try ModelDirectory("google-bert/bert-base-uncased"),
    selection: .selectors(["linear"]),
    training: try LabelledDataset(contentsOf: "train.tsv"))
  let result = try TrainingRun(request).train(into: "tuned")
  print(result.metrics)
}

func trainAHead() throws {
  let texts = try LabelledDataset(contentsOf: "train.tsv")
  var request = TrainingRun.Request(
    model: try ModelDirectory("google-bert/bert-base-uncased"),
    selection: .selectors(["linear"]), training: texts)
  request.head = .mlp(width: 128)
  request.options.epochs = 3
  request.options.patience = 1

  let run = try TrainingRun(request)
  print(run.plan.trainedCount, run.plan.backwardStop)
  let result = try run.train(into: "tuned") { event in
    if case .epoch(let record) = event { print(record.epoch, record.evalLoss) }
  }
  print(result.records.count)

  request.resuming = try StoredRun(folder: "tuned")
  request.selection = .resumed

  let classifier = try TextClassifier(ModelDirectory("tuned"))
  let more = try classifier.relabelled(LabelledDataset(contentsOf: "dev.tsv"))
  for logits in try classifier.logits(of: more) { print(logits) }
}
