// Old names become new ones, and what no encoder needs goes; the file is read while the result is written.

// snippet.show
import CheckpointFiles
import ParameterSurgery

let original = try Checkpoint.open("pytorch_model.bin")
var plan = SurgeryPlan(original)
try plan.append(SurgeryOperation(.rename, ["**.gamma=**.weight"]))
try plan.append(SurgeryOperation(.drop, ["cls"]))
for step in plan.steps { print(step.operation, step.count) }
try plan.apply().write(to: "model.safetensors")
