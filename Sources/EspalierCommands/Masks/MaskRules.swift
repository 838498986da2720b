import ArgumentParser
import ParameterSurgery
import Synchronization

/// `--train` and `--freeze`, in the order of the command line.
struct MaskRules: ParsableArguments {
  /// A rule and its place among the others.
  struct Rule: Sendable {
    let kind: FreezeMask.Rule.Kind
    let text: String
    let place: Int
  }

  /// Counts the rules as they are parsed, from left to right.
  private static let places = Atomic(0)

  private static func rule(_ kind: FreezeMask.Rule.Kind) -> @Sendable (String) throws -> Rule {
    { text in
      Rule(kind: kind, text: text, place: places.wrappingAdd(1, ordering: .relaxed).oldValue)
    }
  }

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The tensors that train: one or more selectors.", valueName: "selector"),
    transform: rule(.train))
  var train: [Rule] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "The tensors that are frozen: one or more selectors.", valueName: "selector"),
    transform: rule(.freeze))
  var freeze: [Rule] = []

  /// All of them, from left to right.
  var ordered: [Rule] { (train + freeze).sorted { $0.place < $1.place } }
}
