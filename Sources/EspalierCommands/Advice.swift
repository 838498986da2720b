import CheckpointFiles

/// What a user of the command line can do about an error: the libraries say it as a case, and this file as an
/// option.
enum Advice {
  /// The error as one line, with the option that helps, if there is one.
  static func sentence(for error: CheckpointError) -> String {
    error.description(advising: error.advice.map(text))
  }

  /// What follows the sentence of an error, with the mark that joins the two.
  static func text(_ advice: CheckpointError.Advice) -> String {
    switch advice {
    case .leaveOutForeign: "; leave it out with --ignore-foreign"
    case .replaceInput: ", or replace it in place (--in-place of convert and edit)"
    case .replaceOlder: ", or replace it (--replace)"
    case .finishChange(let folder): "; finish it with espalier edit \(folder) --in-place"
    case .nameBase:
      "; espalier delta apply BASE DELTA -o OUT makes one, evaluate and predict take it with --base BASE"
    case .download(let model, let revision): "; fetch it with: \(command(model, revision))"
    case .finishDownload(let model, let revision):
      "; the download is not complete: \(command(model, revision))"
    }
  }

  private static func command(_ model: String, _ revision: String?) -> String {
    "hf download \(model)" + (revision.map { " --revision \($0)" } ?? "")
  }
}
