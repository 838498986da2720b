// A mask that trains a head and nothing else, or says why not.

// snippet.show
import CheckpointFiles
import ParameterSurgery

let base = try Checkpoint.open("bert-base-uncased")  // a file, a folder, or an index
let tree = ParameterTree(base)
let mask = try FreezeMask(training: ["linear"], in: tree)  // throws when it selects nothing
print(mask.summary(in: tree))
