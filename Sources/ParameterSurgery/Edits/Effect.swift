public import CheckpointFiles

/// What a step of a plan does to the elements of one tensor.
///
///     for case .cast(let from, let to, _) in plan.changes.flatMap(\.effects) { print(from, to) }
public enum Effect: Sendable, Hashable {
  /// The elements are rounded to another dtype; what is too large becomes the largest number when `saturating`.
  case cast(from: DType, to: DType, saturating: Bool)
  /// The elements are multiplied; `rows` is the number of rows, or `nil` for the whole tensor.
  case scaled(by: Double, rows: Int?)
  /// The last two dimensions are exchanged.
  case transposed
  /// A part of the elements is kept.
  case cut(from: Shape, to: Shape)
  /// Rows are added after the existing ones.
  case extended(from: Shape, to: Shape, with: RowFilling)
  /// The rows are those of the tokens that stay, and `added` new ones, which are the mean of the existing rows.
  case rowsOfTokens(from: Shape, to: Shape, added: Int)
  /// The tensor is a range of a dimension of the tensor under a key.
  case part(of: Key, dimension: Int, range: Range<Int>)
  /// The tensor is put together from the tensors under these keys.
  case joined([Key])
  /// The tensor is new; its elements are drawn.
  case initialised(Initialiser)
  /// The tensor is a copy of the one under a key.
  case copied(from: Key)
  /// The tensor is a copy of the one in the layer with this index.
  case copiedLayer(Int)
  /// The key is another name for the tensor under a key.
  case tied(to: Key)
  /// The tensor has bytes of its own, where it was one of several names of a tensor.
  case untied
  /// The elements are those of another checkpoint; `rows` is the number of rows, or `nil` for the whole tensor.
  case taken(from: String, rows: Int?)
  /// The product of an adapter's factors is added.
  case adapted(rank: Int)
  /// The bias of an adapter's second factor is added.
  case adaptedBias
  /// The elements are those of an adapter; `rows` is the number of rows, or `nil` for the whole tensor.
  case replacedByAdapter(rows: Int?)

  /// Whether the step says that the tensor is to have, or not to have, bytes of its own.
  var concernsTies: Bool {
    switch self {
    case .copied, .copiedLayer, .tied, .untied: true
    default: false
    }
  }
}
