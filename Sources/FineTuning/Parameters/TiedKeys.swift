internal import CheckpointFiles
internal import ParameterSurgery

/// Which keys of a checkpoint are other names of a parameter: the same elements in the same order.
struct TiedKeys {
  private let groups: [[Key]]
  private let parameters: [Key: Parameter]

  init(_ checkpoint: Checkpoint, _ parameters: [Parameter]) {
    groups = ParameterTree(checkpoint).aliases
    self.parameters = Dictionary(
      parameters.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The parameter that `key`, which the model does not use itself, is another name of.
  func parameter(tiedTo key: Key) -> Parameter? {
    groups.first { $0.contains(key) }?.lazy.compactMap { parameters[$0] }.first
  }

  /// What to say of a key that is selected and that no gradient reaches under its own name.
  func note(on key: Key) -> String {
    guard let tied = parameter(tiedTo: key) else {
      return "\(quoted(key.string)) is selected, but no gradient reaches it: it stays as it is"
    }
    let name = quoted(tied.key.string)
    return tied.trains
      ? "\(quoted(key.string)) is \(name) under another name: it trains there, and only that is written"
      : "\(quoted(key.string)) is \(name) under another name, of which the classifier trains nothing: "
        + "select that"
  }
}
