public import CheckpointFiles

/// One step of a ``SurgeryPlan``.
///
///     let steps: [SurgeryOperation] = [
///       .rename(try KeyRewrite("**.gamma=**.weight")),
///       .cast(try SelectorList(["encoder"]), to: .bfloat16, saturating: true),
///     ]
///
/// Every operation has a text form, which the command line and recipes use: an initialiser reads it, and
/// ``arguments`` writes it.
public enum SurgeryOperation: Sendable, Hashable {
  /// Give keys new names.
  case rename(KeyRewrite)
  /// Put a text before every key.
  case addPrefix(String)
  /// Remove a text from the keys that begin with it.
  case stripPrefix(String)
  /// Remove what selectors select; of rows, the rows.
  case drop(SelectorList)
  /// Remove everything that selectors do not select.
  case keep(SelectorList)
  /// Round to another floating-point dtype; `saturating` keeps what is too large finite.
  case cast(SelectorList, to: DType, saturating: Bool)
  /// Copy tensors to a second name.
  case copy(KeyRewrite)
  /// Arrange the numbered children of a node in this order, with new numbers. One may occur several times.
  case arrangeLayers(of: String, [IndexRange])
  /// Keep a range of each dimension.
  case slice(SelectorList, [IndexRange])
  /// Cut a tensor into several along a dimension, in equal parts or in parts of `sizes`. A tensor of one dimension is cut
  /// along that.
  case split(String, into: [String], dimension: Int, sizes: [Int])
  /// Put several tensors together along a dimension.
  case concatenate([String], into: String, dimension: Int)
  /// Exchange the last two dimensions.
  case transpose(SelectorList)
  /// Change the number of rows: keep the first ones, or add new ones.
  case resize(SelectorList, rows: Int, filling: RowFilling)
  /// Keep the rows of a list, in its order.
  case prune(SelectorList, to: RowList)
  /// Add a tensor.
  case add(Key, DType, Shape, Initialiser)
  /// Multiply by a number.
  case scale(SelectorList, by: Double)
  /// Let a key name the one tensor that selectors select.
  case tie(Key, to: SelectorList)
  /// Give tensors bytes of their own.
  case untie(SelectorList)
  /// Take tensors, or rows, of the checkpoint in a file, in place of those of the same name.
  case take(SelectorList, from: String)
  /// Set a metadata entry; the empty text removes it.
  case setMetadata(String, to: String)
  /// Merge the adapter in a folder, as PEFT does.
  case mergeAdapter(folder: String)
  /// A conversion of several steps.
  case preset(SurgeryPreset)
  /// The operations that give a checkpoint the keys of another program.
  case convert(to: Destination)
  /// Add the tokens of a file to the vocabulary, and a row for each to every tensor with a row for each token.
  case addTokens(file: String)
  /// Keep the special tokens and the tokens that the texts of a file use, and their rows.
  case trimVocabulary(texts: String)
}

/// What the rows that ``SurgeryOperation/resize(_:rows:filling:)`` adds hold.
///
///     try plan.resize("**.word_embeddings.weight", rows: 30_530, filling: .zeros)
public enum RowFilling: String, Sendable, Hashable, CaseIterable {
  /// The mean of the existing rows.
  case mean
  /// Zeros.
  case zeros
}

/// Which rows ``SurgeryOperation/prune(_:to:)`` keeps.
///
///     try plan.prune("**.word_embeddings.weight", to: .tokens("kept.txt", vocabulary: "vocab.txt"))
public enum RowList: Sendable, Hashable {
  /// A file with the number of a row on each line.
  case rows(String)
  /// A file with a token on each line, and the file that has the token of each row.
  case tokens(String, vocabulary: String)
}

extension SurgeryOperation {
  /// The kinds of operation, under the names that the command line and recipes have for them.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// `FROM=TO`; see ``KeyRewrite``.
    case rename
    /// A text.
    case addPrefix = "add-prefix"
    /// A text.
    case stripPrefix = "strip-prefix"
    /// Selectors.
    case drop
    /// Selectors.
    case keep
    /// `SELECTOR=DTYPE`, or `SELECTOR=DTYPE,saturate`.
    case cast
    /// `FROM=TO`.
    case copy
    /// `NODE=0:8,4:12`.
    case layers
    /// `SELECTOR=[0:10, :]`.
    case slice
    /// `FROM=A,B,C@DIM`, or `FROM=A,B,C@DIM:SIZES`.
    case split
    /// `A,B,C=TO@DIM`.
    case concat
    /// A selector.
    case transpose
    /// `SELECTOR=ROWS`, or `SELECTOR=ROWS,zeros`.
    case resize
    /// `SELECTOR=FILE`, or `SELECTOR=TOKENS:VOCAB`.
    case prune
    /// `KEY=DTYPE[SHAPE]:INIT`; see ``Initialiser``.
    case add
    /// `SELECTOR=FACTOR`.
    case scale
    /// `KEY=OTHER`.
    case tie
    /// A selector.
    case untie
    /// `FILE:SELECTOR`.
    case from
    /// `NAME=VALUE`; `NAME=` removes it.
    case metadata
    /// A name; see ``SurgeryPreset``.
    case preset
    /// A folder.
    case mergeLora = "merge-lora"
    /// A name; see ``Destination``.
    case to
    /// A file with a token on each line.
    case addTokens = "add-tokens"
    /// A file with a text on each line.
    case trimTo = "trim-to"
  }

  /// The kind of the operation.
  public var kind: Kind {
    switch self {
    case .rename: .rename
    case .addPrefix: .addPrefix
    case .stripPrefix: .stripPrefix
    case .drop: .drop
    case .keep: .keep
    case .cast: .cast
    case .copy: .copy
    case .arrangeLayers: .layers
    case .slice: .slice
    case .split: .split
    case .concatenate: .concat
    case .transpose: .transpose
    case .resize: .resize
    case .prune: .prune
    case .add: .add
    case .scale: .scale
    case .tie: .tie
    case .untie: .untie
    case .take: .from
    case .setMetadata: .metadata
    case .mergeAdapter: .mergeLora
    case .preset: .preset
    case .convert: .to
    case .addTokens: .addTokens
    case .trimVocabulary: .trimTo
    }
  }

  /// Whether the operation may change elements, or part tensors that mean something only together.
  var mayPartQuantized: Bool {
    switch self {
    case .slice, .split, .concatenate, .transpose, .resize, .prune, .drop, .keep, .mergeAdapter,
      .cast, .addTokens, .trimVocabulary:
      true
    default: false
    }
  }
}
