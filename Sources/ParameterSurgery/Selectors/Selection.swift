public import CheckpointFiles

/// What selectors select: tensors in the order of the file, each whole or some of its rows.
///
///     let selection = try SelectorList(["linear", "!linear[0].bias"]).resolve(in: tree)
///     for item in selection.items { print(item.key, item.parameterCount) }
public struct Selection: Sendable {
  /// A tensor, or some rows of one.
  public struct Item: Sendable, Hashable {
    /// Key, dtype and shape of the whole tensor.
    public let tensor: TensorInfo
    /// The rows that are selected; `nil` means the whole tensor.
    public let rows: RowSet?
    /// The position in the tree's entries.
    public let index: Int

    /// The key.
    public var key: Key { tensor.key }

    /// The number of elements selected.
    public var parameterCount: Int {
      guard let rows, let rowCount = tensor.rowCount, rowCount > 0 else {
        return tensor.shape.count
      }
      return rows.count * (tensor.shape.count / rowCount)
    }
  }

  /// What one selector of the list matched, for `--explain`.
  public struct Explanation: Sendable, Hashable {
    /// The selector as it was typed.
    public let selector: String
    /// Whether it excluded tensors (`!`).
    public let isNegated: Bool
    /// The tensors that it matched, in the order of the file.
    public let keys: [Key]
    /// Of those, how many it added or removed; the others were already so.
    public let changed: Int

    /// The number of tensors that it matched.
    public var matched: Int { keys.count }
  }

  /// The selected tensors, in the order of the file.
  public let items: [Item]
  /// What each selector matched, in the order given.
  public let explanations: [Explanation]

  /// The keys of the selected tensors, in the order of the file.
  public var keys: [Key] { items.map(\.key) }

  /// The number of tensors selected, in whole or in part.
  public var count: Int { items.count }

  /// The number of elements selected.
  public var parameterCount: Int { items.reduce(0) { $0.addingSaturated($1.parameterCount) } }

  /// The selection itself, if it has `count` tensors.
  ///
  /// - Throws: ``SurgeryError`` otherwise, with what each selector matched.
  @discardableResult
  public func expect(_ count: Int) throws(SurgeryError) -> Selection {
    guard items.count == count else { throw .unexpectedCount(count, self) }
    return self
  }
}
