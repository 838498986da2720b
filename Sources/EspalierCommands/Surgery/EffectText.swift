import CheckpointFiles
import ParameterSurgery

extension Effect {
  /// What a step does to the elements of a tensor, in words.
  var text: String {
    switch self {
    case .cast(let from, let to, let saturating):
      "\(from) to \(to)" + (saturating ? ", saturated" : "")
    case .scaled(let factor, let rows):
      (rows.map { "\($0) rows " } ?? "") + "times \(numberText(factor))"
    case .transposed: "transposed"
    case .cut(let from, let to): "\(from) to \(to)"
    case .extended(let from, let to, let filling):
      "\(from) to \(to), " + (filling == .mean ? "new rows are the mean" : "new rows are 0")
    case .rowsOfTokens(let from, let to, let added):
      "\(from) to \(to), "
        + (added > 0 ? "\(grouped(added)) new rows are the mean" : "rows of the tokens that stay")
    case .part(let key, let dimension, let range):
      (dimension == 0 ? "rows" : "dimension \(dimension)")
        + " \(range.lowerBound):\(range.upperBound) of \(key)"
    case .joined(let keys): "of " + keys.map(\.string).joined(separator: ", ")
    case .initialised(let initialiser): initialiser.description
    case .copied(let key): "copy of \(key)"
    case .copiedLayer(let index): "copy of layer \(index)"
    case .tied(let key): "tied to \(key)"
    case .untied: "untied"
    case .taken(let path, let rows): (rows.map { "\($0) rows " } ?? "") + "from \(path)"
    case .adapted(let rank): "LoRA of rank \(rank)"
    case .adaptedBias: "bias of LoRA"
    case .replacedByAdapter(let rows): (rows.map { "\($0) rows " } ?? "") + "from the adapter"
    }
  }
}
