import CheckpointFiles
import ParameterSurgery

extension SelectionOptions {
  /// What `selectors` select of the checkpoint at `path`, after `--explain` and `--expect`.
  func select(_ selectors: [String], in tree: ParameterTree, of path: String) throws -> Selection {
    try InputError.naming(path) {
      let selection = try SelectorList(selectors).resolve(in: tree)
      report(selection.explanations)
      if let expect { try selection.expect(expect) }
      return selection
    }
  }

  /// `--explain`: what each selector matched, on standard error.
  func report(_ explanations: [Selection.Explanation]) {
    for explanation in explanations where explanation.isNegated && explanation.changed == 0 {
      StandardError.note(
        "\(quoted(explanation.selector)) removes nothing: no tensor that it matches is selected before it"
      )
    }
    guard explain else { return }
    for explanation in explanations {
      var line =
        "\(shown(explanation.selector)) matches \(Text.counted(explanation.matched, "tensor"))"
      if explanation.changed != explanation.matched {
        line +=
          explanation.isNegated
          ? ", removes \(grouped(explanation.changed))"
          : ", \(grouped(explanation.changed)) of them not selected before"
      }
      StandardError.line(line)
      let shownKeys = explanation.keys.prefix(20)
      for key in shownKeys { StandardError.line("  \(shown(key.string))") }
      if explanation.matched > shownKeys.count {
        StandardError.line("  … and \(grouped(explanation.matched - shownKeys.count)) more")
      }
    }
  }
}
