import ArgumentParser
import CheckpointFiles
import FineTuning

/// `espalier report`: compares finished runs, folds and seeds.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract:
      "Compare finished runs, folds and seeds, and say which differences are within the spread.",
    discussion: """
      A RUN is a folder that espalier train wrote, or a file with the JSON that it printed with --folds or \
      --seeds. Runs that differ only in their seeds are taken together. A difference is within the \
      spread when it would be no surprise if both were equally good: two runs on the same texts are \
      compared text by text (McNemar's test), means by Welch's interval; both at the 95 % level.

        espalier report tuned
        espalier report head top-layer --html comparison.html
        espalier report seed-1 seed-2 seed-3 other --by macro-f1
        espalier train --config run.toml --folds 5 --json > a.json
        espalier report a.json b.json --json
      """)

  @Argument(help: "Folders of runs, or files of JSON.", completion: .file())
  var runs: [String]

  @Option(
    help: ArgumentHelp(
      """
      The figure to compare: accuracy, macro-f1 or loss; for several labels also micro-f1 and \
      subset-accuracy, for numbers pearson, spearman or loss. Default: accuracy, subset-accuracy or pearson.
      """, valueName: "figure"))
  var by: String?

  @Option(
    help: ArgumentHelp("Also write an HTML page with all of this.", valueName: "file"),
    completion: .file())
  var html: String?

  @Flag(help: "Replace the file of --html if it exists.")
  var force = false

  @OptionGroup var output: OutputOptions

  /// More are not looked at: a page and a table are for a reader.
  private static let maximumRuns = 500

  func validate() throws {
    guard runs.count <= ReportCommand.maximumRuns else {
      throw ValidationError(
        "there are \(runs.count) runs; pass at most \(ReportCommand.maximumRuns)")
    }
    if force, html == nil {
      throw ValidationError("--force replaces the file of --html; pass --html")
    }
  }

  func run() throws {
    let files = runs.flatMap {
      [
        $0, Path.join($0, TrainingRun.FileName.history),
        Path.join($0, TrainingRun.FileName.results),
      ]
    }
    if let html {
      try WholeFile.checkWriting(to: html, reading: files)
      guard force || !WholeFile.exists(html) else {
        throw InputError("\(html): the file exists; use --force to replace it")
      }
    }
    let compared = try runs.map { try ComparedRun(path: $0) }
    let comparison = try RunComparison(ComparedRun.joined(compared), by: by)
    if let html {
      try WholeFile.write(Array(RunComparisonPage(comparison: comparison).html.utf8), to: html)
    }
    if output.json {
      JSONOutput.print(comparison.json)
    } else {
      comparison.print()
    }
  }
}
