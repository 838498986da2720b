import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// `espalier train`: fine-tunes what the mask selects.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Fine-tune a text classifier: only the tensors that the mask selects.",
    usage: """
      espalier train --model <m> --train <selector> ... --data <file> -o <dir>
      espalier train --model <m> --mask <file> --data <file> -o <dir>
      espalier train --config <file> -o <dir>
      espalier train --resume <dir>
      """,
    discussion: """
      Before the first step a plan says what trains, where the backward pass stops, what is cached, \
      and the memory and time to expect; --dry-run stops there. The frozen prefix is computed once. \
      Frozen tensors and rows come out byte-identical: espalier verify proves it. The encoder may be \
      a BERT, DistilBERT, RoBERTa, XLM-RoBERTa or ELECTRA, with its WordPiece, byte-level BPE or \
      Unigram tokenizer.

        espalier train --model base --mask mask.json --data train.tsv -o tuned
        espalier train --model bert-base-uncased --head mlp:128 --train linear \\
          --data train.csv --text-column review --label-column stars -o tuned
        espalier train --model base --train 'bert.encoder.layer[-2:]' \\
          --train linear --data train.tsv --epochs 5 --patience 2 -o tuned
        espalier train --model roberta-base --train 'roberta.encoder.layer[-1]' \\
          --train linear --head mlp:128 --data train.tsv -o tuned
        espalier train --model base --train linear --epochs 4 --data train.tsv \\
          --unfreeze-at 2:'bert.encoder.layer[-1]' -o tuned
        espalier train --model base --head linear --train linear \\
          --task regression --data scores.tsv -o tuned
        espalier train --model base --train linear --data train.tsv \\
          --cache-dir cache --save delta -o head
        espalier train --model base --train linear --data train.tsv --folds 5
        espalier train --model base --train linear --data train.tsv \\
          --keep-epochs all -o tuned
        espalier train --config tuned/run.toml -o again
        espalier train --resume tuned

      Ctrl-C (exit status 130) and SIGTERM (143) print the command that resumes the run.
      """)

  @Option(
    help: """
      A directory in the Hugging Face layout, a file of weights with config.json beside it, or a \
      name in the local Hugging Face cache.
      """, completion: .file())
  var model: String?

  @Option(
    name: .customLong("mask"),
    help: ArgumentHelp("A freeze mask made for the model.", valueName: "file"), completion: .file())
  var masks: [String] = []

  /// The mask, if there is one.
  var mask: String? { masks.first }

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      """
      What trains, instead of a mask: one or more selectors, of which the last that matches wins.
      """, valueName: "selector"))
  var train: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Let what this selector selects train too, from this epoch on, such as \
      2:'bert.encoder.layer[-1]'; may be repeated.
      """, valueName: "epoch:selector"))
  var unfreezeAt: [UnfreezeArgument] = []

  @Option(
    help: ArgumentHelp(
      """
      Add a head when the model has none: mlp:WIDTH (linear, tanh, linear), linear, or classifier, the head \
      of the model's own class, which AutoModelForSequenceClassification of transformers loads.
      """, valueName: "head"))
  var head: Head?

  @Flag(
    help: """
      Leave out what a PyTorch file of the model holds and cannot be read, such as values of unknown \
      classes; without, that is refused.
      """)
  var ignoreForeign = false

  @Option(
    help: ArgumentHelp("The labelled texts: TSV, CSV or JSONL.", valueName: "file"),
    completion: .file())
  var data: String?

  @Option(
    help: ArgumentHelp(
      """
      What to predict: classification (one label a text), regression (a number) or multi-label (any \
      number of labels: names between commas, a JSON array of names or of 0 and 1, or --label-columns). Default: what the model predicts.
      """, valueName: "task"))
  var task: PredictionTask?

  @Option(
    help: ArgumentHelp(
      """
      The texts that decide which epoch is kept; without, a stratified tenth of the data is held \
      out.
      """, valueName: "file"), completion: .file())
  var eval: String?

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("The folder of the trained model.", valueName: "dir"), completion: .directory
  )
  var output: String?

  @Option(
    help: ArgumentHelp(
      """
      model, or delta: only what differs from the model to start from, which espalier delta apply puts \
      back.
      """, valueName: "what"))
  var save = TrainingRun.Saves.model

  @Option(
    help: ArgumentHelp(
      """
      Keep every epoch (all) or the newest N as exact deltas in DIR/epochs, which espalier delta apply \
      restores.
      """, valueName: "all|n"))
  var keepEpochs: TrainingRun.KeptEpochs?

  @Option(
    help: ArgumentHelp(
      """
      Read options from this TOML file, such as the run.toml of a result: their names without the hyphens. \
      Options of the command line win. Paths are relative to the working directory.
      """, valueName: "file"), completion: .file())
  var config: String?

  @Flag(help: "Print the plan and stop.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      """
      Continue with the run that was interrupted in this folder, bit for bit. Alone, it repeats the \
      run's own options; with --mask or --train, something else trains from here on. --cache-dir and \
      --threads, which change no result, are not stored: pass them again.
      """, valueName: "dir"), completion: .directory)
  var resume: String?

  @Option(
    help: ArgumentHelp(
      """
      Measure instead of keeping a model: train K times, each on all but one K-th of the data, and \
      print mean and spread.
      """, valueName: "k"))
  var folds: Int?

  @Option(
    help: ArgumentHelp(
      "Measure instead of keeping a model: train with N seeds, and print mean and spread.",
      valueName: "n"))
  var seeds: Int?

  @OptionGroup(title: "Data") var dataArguments: DataArguments
  @OptionGroup(title: "Training") var arguments: TrainingArguments
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var json: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func run() throws {
    let words = Array(CommandLine.arguments.dropFirst(2))
    guard let config else { return try run(words: words, file: nil) }
    let file = try RunFile(path: config)
    let own = RunFile.withoutConfig(words)
    try file.command(with: own).run(words: own, file: file)
  }

  /// - Parameters:
  ///   - words: the words of the command line, without `--config`.
  ///   - file: the file of options that the command was completed from.
  private func run(words: [String], file: RunFile?) throws {
    if let kind = folds.map({ TrainingStudy.Kind.folds($0) }) ?? seeds.map({ .seeds($0) }),
      !dryRun
    {
      return try study(kind)
    }
    guard let resume else {
      let invocation = file?.merged(with: words) ?? words
      return try run(resuming: nil, invocation: invocation, file: file, given: words)
    }
    let stored = try StoredRun(folder: resume)
    guard model == nil, data == nil else {
      return try run(resuming: stored, invocation: words)
    }
    if let name = TrainCommand.ignoredOption(words[...]) {
      throw ValidationError("--resume repeats the run's own options: leave out \(name)")
    }
    // The run's own arguments, and what this call states differently.
    let invocation = try StoredInvocation(stored)
    var command = try invocation.command()
    if mask != nil || !train.isEmpty { (command.masks, command.train) = (masks, train) }
    command.arguments.cacheDir = arguments.cacheDir
    command.arguments.threads = arguments.threads
    command.dryRun = dryRun
    command.selection = selection
    command.json = json
    command.progress = progress
    command.resume = resume
    if let note = invocation.note(cacheFolder: arguments.cacheDir) { StandardError.note(note) }
    try command.run(resuming: stored, invocation: stored.invocation)
  }

  /// The first option that a call with `--resume` alone cannot take.
  private static func ignoredOption(_ arguments: ArraySlice<String>) -> String? {
    let taken: Set<String> = [
      "--resume", "--mask", "--train", "--explain", "--expect", "--dry-run", "--json", "--progress",
      "--cache-dir",
      "--threads", "-o", "--output",
    ]
    return arguments.lazy.filter { $0.hasPrefix("-") && $0.count > 1 }
      .map { String($0.prefix { $0 != "=" }) }.first { !taken.contains($0) }
  }

  /// - Parameters:
  ///   - invocation: the words that a resumed run repeats.
  ///   - file: the file of options, whose digests are compared.
  ///   - words: the words of the command line in addition to it.
  private func run(
    resuming stored: StoredRun?, invocation: [String], file: RunFile? = nil,
    given words: [String] = []
  ) throws {
    var request = try request(resuming: stored)
    request.invocation = invocation
    let run = try namingWhatDoesNotFit { try TrainingRun(request) }
    try namingWhatDoesNotFit { try explain(run) }
    // Before anything trains, for the files may change later. A plan alone needs none.
    let digests = dryRun && file == nil ? nil : try RunDigests(self, run)
    if let file, let digests {
      for difference in digests.differences(from: file, given: words) {
        StandardError.warning(difference)
      }
    }
    if !json.json || dryRun { report(run) }
    guard !dryRun, let digests, let folder = resume ?? output else { return }
    var display = RunDisplay(run: run, mode: progress.progress, quiet: json.json)
    let interruption = RunInterruption(run, folder: folder)
    Signals.explain { interruption.sentence }
    let result = try run.train(
      into: folder,
      onEvent: {
        // Before the line is printed: a user may interrupt the run as soon as it is seen.
        if case .epoch(let record) = $0 { interruption.epoch = record.epoch }
        display.show($0)
      },
      documents: {
        RunReport(run, $0, folder: folder).documents
          + [TrainingRun.Document(name: RunFile.name, text: RunFile.text(self, run, digests))]
      })
    Signals.explain(nil)
    display.finish()
    if json.json {
      JSONOutput.print(TrainingJSON.result(run, result, folder: folder))
    } else {
      RunSummary(
        run: run, result: result, folder: folder, base: model ?? "", evaluation: eval
      ).print()
    }
  }

  /// `--explain`, and `--expect`, which counts the tensors that train at some time.
  private func explain(_ run: TrainingRun) throws {
    if selection.explain { selection.report(try run.explanations(of: train)) }
    let count = run.mask.trainableKeys.count
    if let expect = selection.expect, count != expect {
      throw InputError(
        "\(model ?? ""): expected \(Text.counted(expect, "tensor")) to train, \(grouped(count)) would"
      )
    }
  }

  private func study(_ kind: TrainingStudy.Kind) throws {
    let request = try request(resuming: nil)
    var display = StudyDisplay(
      kind: kind, task: request.training.task, mode: progress.progress, quiet: json.json)
    let study = try namingWhatDoesNotFit {
      try TrainingStudy(kind, of: request) { try display.show($0) }
    }
    if json.json {
      JSONOutput.print(TrainingJSON.study(study))
    } else {
      display.summarise(study)
    }
  }

  /// A selector that selects nothing is an error of the model, a mask that does not fit one of the mask.
  private func namingWhatDoesNotFit<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as SurgeryError {
      guard let file = error.selector == nil ? mask : model else { throw error }
      throw InputError("\(file): \(error.description)")
    }
  }

  private func report(_ run: TrainingRun) {
    if json.json {
      JSONOutput.print(TrainingJSON.plan(run.plan))
    } else {
      if let resumption = run.resumption { PlanRendering.print(resumption) }
      PlanRendering(run.plan).print()
    }
  }
}
