import CheckpointFiles
import FineTuning
import ParameterSurgery

/// What a user of the command line can do about an error of the training library.
extension FineTuningError.Advice {
  /// The advice with the names of the options.
  var option: String {
    switch self {
    case .nameColumns(let roles):
      "name the column of "
        + roles.map { "the \($0.noun) with \($0.option)" }.joined(separator: " and that of ")
        + " (a name, or a number from 1)"
    case .numberColumn(let role, let number):
      "columns of a file without a header are numbered from 1, as in \(role.option) \(number)"
    case .chooseHeader(.yes): "if the first row names the columns, pass --header yes"
    case .chooseHeader(.no): "if the first row is data, pass --header no"
    case .chooseHeader(.auto): "pass --header auto"
    case .chooseQuotes(let quotes):
      switch quotes {
      case .yes: "if quotes delimit cells, pass --quotes yes"
      case .no: "if quotes are part of the text, pass --quotes no"
      case .auto: "pass --quotes auto"
      }
    case .chooseSeparator(let separator):
      "if \(separator == "\t" ? "tabs" : quoted(separator)) separates cells, pass --separator "
        + (separator == "\t" ? "tab" : "'\(separator)'")
    case .chooseFormat(let format): "pass --data-format \(format.rawValue)"
    case .chooseTask(let tasks):
      "pass " + tasks.map { "--task \($0.rawValue) for \($0.purpose)" }.joined(separator: ", or ")
    case .addHead: "add one with --head mlp:128, or with espalier graft"
    case .giveEvaluationData: "pass data to evaluate on with --eval"
    case .resume: "use --resume to continue that run, or name another folder"
    case .trainFrom(let folder): "use --model \(folder) to train further from its model"
    case .trainHead: "use --train linear to train all of it"
    case .raiseMaximumLength(let length): "use --max-length to read up to \(length)"
    case .chooseCriterion(let criterion): "use --best-by \(criterion.rawValue)"
    }
  }
}

extension TrainingNote {
  /// The sentence and the options that help.
  var sentenceWithOptions: String {
    ([description] + advice.map(\.option)).joined(separator: "; ")
  }
}

extension TrainingPlan.CachedFeatures {
  /// What is kept, in words.
  var sentence: String {
    switch self {
    case .embeddings: "the embeddings of every token"
    case .layerInput(let index): "the input of layer \(index), for every token"
    case .feedForwardInput(let index):
      "what the feed-forward of layer \(index) reads, for every token"
    case .hiddenStates: "the last hidden states of every token"
    case .pooledVectors: "one pooled vector an example"
    }
  }
}

extension DataOptions.ColumnRole {
  fileprivate var option: String {
    switch self {
    case .text: "--text-column"
    case .pair: "--text-pair-column"
    case .label: "--label-column"
    case .labels: "--label-columns"
    }
  }
}

extension PredictionTask {
  fileprivate var purpose: String {
    switch self {
    case .classification: "one label for each text"
    case .regression: "numbers"
    case .multiLabel: "several labels for each text"
    }
  }
}
