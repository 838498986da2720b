// Rename the parameters of 2018 and drop the heads; the file is read while the result is written.

// snippet.show
import CheckpointFiles
import ParameterSurgery

let original = try Checkpoint.open("pytorch_model.bin")
var plan = SurgeryPlan(for: original)
try plan.rename("**.gamma", to: "**.weight")
try plan.drop("cls")
for step in plan.steps { print(step.operation, step.count) }
try plan.apply().write(to: "model.safetensors")
