// The last layer and a new head of a BERT, on labelled sentences.

// snippet.show
import FineTuning

let texts = try LabelledDataset(contentsOf: "train.tsv")
var request = TrainingRun.Request(
  model: try ModelDirectory("google-bert/bert-base-uncased"),
  selection: .selectors(["linear", "bert.encoder.layer[-1]"]), training: texts)
request.head = .mlp(width: 128)
request.options.epochs = 2
let run = try TrainingRun(request)
print(run.plan.backwardStop)
_ = try run.train(into: "tuned") { event in print(event) }
