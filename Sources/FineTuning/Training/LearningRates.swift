internal import CheckpointFiles
internal import ParameterSurgery

/// The highest learning rate of every parameter that trains.
///
/// With a layer decay d, the head and the pooler keep the full rate, the top layer gets d times it,
/// the one below d² and so on, and the embeddings one factor less than the first layer (as in
/// ELECTRA's and BEiT's fine-tuning). A selected rate replaces what the decay gives.
package struct LearningRates: Sendable {
  private let rates: [String: Double]
  private let base: Double

  /// - Parameters:
  ///   - base: the rate of the head.
  ///   - trained: everything that trains at some time.
  ///   - tree: the checkpoint's keys, which the selectors are about.
  /// - Throws: `SurgeryError` when a selector selects nothing, `FineTuningError` when nothing that it
  ///   selects trains.
  init(
    _ base: Double, options: TrainingOptions, trained: [Parameter], layerCount: Int,
    tree: ParameterTree
  ) throws {
    var rates: [String: Double] = [:]
    if options.layerDecay != 1 {
      for parameter in trained {
        let depth =
          switch parameter.stage {
          case .head, .pooler: 0
          case .layer(let index, _): layerCount - index
          case .embeddings: layerCount + 1
          }
        rates[parameter.name] = (0..<depth).reduce(base) { rate, _ in rate * options.layerDecay }
      }
    }
    for selected in options.selectedRates {
      let keys = Set(try tree.select(selected.selector).keys)
      let selectedParameters = trained.filter { keys.contains($0.key) }
      guard !selectedParameters.isEmpty else {
        throw FineTuningError.rateOfFrozen(selected.selector)
      }
      for parameter in selectedParameters { rates[parameter.name] = selected.rate }
    }
    self.rates = rates
    self.base = base
  }

  /// The same rate for all.
  package init(_ base: Double) {
    rates = [:]
    self.base = base
  }

  /// The highest rate of a parameter.
  package subscript(name: String) -> Double { rates[name] ?? base }
}
