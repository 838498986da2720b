import ArgumentParser
import CheckpointFiles
import FineTuning

// Which options go together.
extension TrainCommand {
  func validate() throws {
    if config != nil {
      if resume != nil {
        throw ValidationError("--resume repeats the run's own options: leave out --config")
      }
      // The options of the file are not known yet: all are checked together.
      return
    }
    if let output, let resume, output != resume {
      throw ValidationError("--resume continues in its own folder: leave out -o")
    }
    if masks.count > 1 {
      throw ValidationError(
        "one mask says what trains: join several with espalier mask union, and give that")
    }
    if mask != nil, selection.explain {
      throw ValidationError("--explain is about selectors; espalier mask show has what a mask says")
    }
    if mask != nil, !train.isEmpty {
      throw ValidationError("say what trains once: with --mask FILE or with --train SELECTOR")
    }
    if folds != nil || seeds != nil {
      guard output == nil, resume == nil else {
        throw ValidationError("--folds and --seeds measure and keep no model: leave out -o")
      }
      guard !selection.isGiven else {
        throw ValidationError("--explain and --expect are about one run: try them with --dry-run")
      }
      guard save == .model else {
        throw ValidationError("--folds and --seeds keep no model: leave out --save")
      }
      guard keepEpochs == nil else {
        throw ValidationError("--folds and --seeds keep no model: leave out --keep-epochs")
      }
      guard folds == nil || seeds == nil else {
        throw ValidationError("--folds and --seeds exclude each other")
      }
      if let folds, folds < 2 { throw ValidationError("--folds takes a count of 2 or more") }
      if let seeds, !(1...10_000).contains(seeds) {
        throw ValidationError("--seeds takes a count of 1 to 10,000")
      }
    }
    do { try options.validate() } catch {
      throw ValidationError(error.description)
    }
    guard resume == nil else { return }
    guard model != nil else { throw ValidationError("name the model with --model") }
    guard data != nil else { throw ValidationError("name the labelled texts with --data") }
    if mask == nil, train.isEmpty {
      throw ValidationError("say what trains: either --mask FILE or --train SELECTOR")
    }
    if output == nil, !dryRun, folds == nil, seeds == nil {
      throw ValidationError("name the folder of the trained model with -o DIR")
    }
  }
}
