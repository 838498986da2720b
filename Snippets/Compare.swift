// What differs between two checkpoints, and whether what a mask freezes is as it was.

// snippet.show
import CheckpointFiles
import ParameterSurgery

let before = try Checkpoint.open("base")
let after = try Checkpoint.open("tuned")
for difference in try Diff(before, after).changed { print(difference.key) }

let freeze = try FreezeMask(path: "freeze.json")
let proof = try FrozenProof(base: before, tuned: after, mask: freeze)
print(proof.holds ? "as it was" : "\(proof.violations.count) tensors moved")
