internal import CheckpointFiles

extension Selector {
  /// What is matched, or an error that says what is there instead.
  func matchOrExplain(in tree: ParameterTree) throws(SurgeryError) -> SelectorMatch {
    let match = try match(in: tree)
    if let absence = match.absent.first { throw nothing(explain(absence, in: tree)) }
    guard match.entries.isEmpty else { return match }
    throw nothing("")
  }

  private func nothing(_ hint: String) -> SurgeryError {
    SurgeryError(
      "selector \(quoted(text)) selects no tensor" + (hint.isEmpty ? "" : ": " + hint),
      selector: text)
  }

  private func explain(_ absence: SelectorMatch.Absence, in tree: ParameterTree) -> String { "" }
}
