// What the right-hand column of the article of the same name says.

import CheckpointFiles
import FineTuning
import ParameterSurgery

func reading(_ path: String, _ u: Tensor) throws {
  let checkpoint = try Checkpoint.open(path)
  guard let t = checkpoint["linear.0.weight"] else { return }
  print(checkpoint.keys, t.shape, t.dtype, t.strides, try t.floats(), t.sharesStorage(with: u))
  print(t.rows(10..<20)?.shape ?? t.shape)
}

func selecting(in tree: ParameterTree) throws {
  print(try Selector("linear[0].weight"), try Selector("bert.encoder.layer[-2:]"))
  print(try Selector("**.LayerNorm").resolve(in: tree).keys, tree.root.parameterCount)
  print(try FreezeMask(training: ["linear"], in: tree))
  print(try FreezeMask(training: ["**.word_embeddings.weight[100:120]"], in: tree))
}

func editing(
  _ checkpoint: Checkpoint, _ t: Tensor, _ a: Checkpoint, _ b: Checkpoint, _ path: String
)
  throws
{
  print(try t.converted(to: .bfloat16), try Diff(a, b).isEmpty)
  var plan = SurgeryPlan(for: checkpoint)
  try plan.stripPrefix("module.")
  try plan.drop("cls")
  try plan.resize("**.word_embeddings.weight", rows: 30_530)
  try plan.mergeAdapter(folder: "adapter")
  try checkpoint.write(to: path)
}

func training(_ name: String, _ request: inout TrainingRun.Request) throws {
  request.model = try ModelDirectory(name)
  request.head = .mlp(width: 128)
  request.options.selectedRates = [.init("linear", 1e-3)]
  request.options.unfreezing = [.init(at: 2, "bert.encoder.layer[-1]")]
  request.options.maximumGradientNorm = 1
}
