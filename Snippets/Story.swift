// A head is added to an encoder and trained alone; then everything else is proved unchanged.

// snippet.show
import CheckpointFiles
import ParameterSurgery

let base = try Checkpoint.open("bert-base-uncased")
var plan = SurgeryPlan(for: base)
try plan.addPrefix("bert.")
try plan.add("linear.0.weight", .float32, [128, 768], .kaiming)
try plan.add("linear.0.bias", .float32, [128])
print(plan)
do {
  let mask = try FreezeMask(training: ["linear"], in: ParameterTree(plan.apply()))
  try mask.write(to: "head.json")
} catch {
  guard error.kind == .matchesNothing else { throw error }
  print("no tensor matches \(error.selector ?? "")")
}
