public import CheckpointFiles

// The operations as verbs. Selectors and patterns are spelled as on the command line.
extension SurgeryPlan {
  /// How a cast rounds a number that is too large for the dtype.
  public enum Rounding: Sendable, Hashable {
    /// As PyTorch does: to infinity, or, in a dtype without infinity, to its largest number or NaN.
    case ieee
    /// To the largest number of the dtype.
    case saturating
  }

  /// Gives keys new names; see ``KeyRewrite``.
  public mutating func rename(_ from: String, to: String) throws(SurgeryError) {
    try append(.rename(try KeyRewrite(from: from, to: to)))
  }

  /// Puts a text before every key.
  public mutating func addPrefix(_ prefix: String) throws(SurgeryError) {
    try append(.addPrefix(prefix))
  }

  /// Removes a text from the keys that begin with it.
  public mutating func stripPrefix(_ prefix: String) throws(SurgeryError) {
    try append(.stripPrefix(prefix))
  }

  /// Removes what selectors select; of rows, the rows.
  public mutating func drop(_ selectors: String...) throws(SurgeryError) {
    try append(.drop(try SelectorList(selectors)))
  }

  /// Removes everything that selectors do not select.
  public mutating func keep(_ selectors: String...) throws(SurgeryError) {
    try append(.keep(try SelectorList(selectors)))
  }

  /// Rounds floating-point tensors to another dtype.
  public mutating func cast(
    _ selectors: String..., to dtype: DType, rounding: Rounding = .ieee
  ) throws(SurgeryError) {
    try append(
      .cast(try SelectorList(selectors), to: dtype, saturating: rounding == .saturating))
  }

  /// Copies tensors to a second name; see ``KeyRewrite``.
  public mutating func copy(_ from: String, to: String) throws(SurgeryError) {
    try append(.copy(try KeyRewrite(from: from, to: to)))
  }

  /// Arranges the numbered children of a node in this order, with new numbers. One may occur several times.
  public mutating func arrangeLayers(
    of node: String, _ order: [IndexRange]
  ) throws(SurgeryError) {
    try append(.arrangeLayers(of: node, order))
  }

  /// Keeps a range of each dimension. Ranges have no steps.
  public mutating func slice(
    _ selectors: String..., ranges: [IndexRange]
  ) throws(SurgeryError) {
    try append(.slice(try SelectorList(selectors), ranges))
  }

  /// Cuts a tensor into several along a dimension, in equal parts or in parts of `sizes`.
  public mutating func split(
    _ from: String, into names: [String], dimension: Int = 0, sizes: [Int] = []
  ) throws(SurgeryError) {
    try append(.split(from, into: names, dimension: dimension, sizes: sizes))
  }

  /// Puts several tensors together along a dimension.
  public mutating func concatenate(
    _ sources: [String], into name: String, dimension: Int = 0
  ) throws(SurgeryError) {
    try append(.concatenate(sources, into: name, dimension: dimension))
  }

  /// Exchanges the last two dimensions.
  public mutating func transpose(_ selectors: String...) throws(SurgeryError) {
    try append(.transpose(try SelectorList(selectors)))
  }

  /// Changes the number of rows: keeps the first ones, or adds new ones.
  public mutating func resize(
    _ selectors: String..., rows: Int, filling: RowFilling = .mean
  ) throws(SurgeryError) {
    try append(.resize(try SelectorList(selectors), rows: rows, filling: filling))
  }

  /// Keeps the rows of a list, in its order.
  public mutating func prune(_ selectors: String..., to list: RowList) throws(SurgeryError) {
    try append(.prune(try SelectorList(selectors), to: list))
  }

  /// Adds a tensor. The values depend on ``seed`` and the key alone.
  public mutating func add(
    _ key: Key, _ dtype: DType, _ shape: Shape, _ initialiser: Initialiser = .zeros
  ) throws(SurgeryError) {
    try append(.add(key, dtype, shape, initialiser))
  }

  /// Multiplies tensors, or rows, by a number.
  public mutating func scale(_ selectors: String..., by factor: Double) throws(SurgeryError) {
    try append(.scale(try SelectorList(selectors), by: factor))
  }

  /// Lets a key name the one tensor that a selector selects.
  public mutating func tie(_ key: Key, to other: String) throws(SurgeryError) {
    try append(.tie(key, to: try SelectorList([other])))
  }

  /// Gives tensors bytes of their own.
  public mutating func untie(_ selectors: String...) throws(SurgeryError) {
    try append(.untie(try SelectorList(selectors)))
  }

  /// Takes tensors, or rows, of the checkpoint at `path`, in place of those of the same name.
  public mutating func take(_ selectors: String..., from path: String) throws(SurgeryError) {
    try append(.take(try SelectorList(selectors), from: path))
  }

  /// Sets a metadata entry; `nil` removes it.
  public mutating func setMetadata(_ name: String, to value: String?) throws(SurgeryError) {
    try append(.setMetadata(name, to: value ?? ""))
  }

  /// Merges the LoRA adapter in a folder, as PEFT's `merge_and_unload` does.
  public mutating func mergeAdapter(folder: String) throws(SurgeryError) {
    try append(.mergeAdapter(folder: folder))
  }

  /// Does the steps of a preset.
  public mutating func apply(_ preset: SurgeryPreset) throws(SurgeryError) {
    try append(.preset(preset))
  }

  /// Does the operations that give the checkpoint the keys of another program.
  public mutating func convert(to destination: Destination) throws(SurgeryError) {
    try append(.convert(to: destination))
  }

  /// Adds the tokens of a file, one on each line, to ``vocabulary``, and a row for each to every tensor with a row for
  /// each token. The new rows are the mean of the existing ones.
  public mutating func addTokens(file: String) throws(SurgeryError) {
    try append(.addTokens(file: file))
  }

  /// Keeps the special tokens, the tokens that the texts of a file use, one on each line, and their rows.
  public mutating func trimVocabulary(texts: String) throws(SurgeryError) {
    try append(.trimVocabulary(texts: texts))
  }
}
