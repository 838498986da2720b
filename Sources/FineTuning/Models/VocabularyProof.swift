public import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// Whether a model with another vocabulary computes the same from given texts: the same tokens, and the same hidden states
/// and logits, bit for bit.
///
///     let proof = try VocabularyProof(
///       of: plan.apply(), configuration: configuration, vocabulary: editor, ids: plan.tokenIDs,
///       from: ModelDirectory("bert-base-uncased"), textsIn: "texts.txt")
///     print(proof.difference == nil)
///
/// The logits of a language model are products of hidden states and of rows of its output, which are copied byte by byte: when
/// the hidden states are the same, the logits of the tokens that stay are.
public struct VocabularyProof: Sendable {
  /// Where two models differ.
  public enum Difference: Sendable, Hashable {
    /// The text in this line, from 1, has other tokens.
    case tokens(line: Int)
    /// The text has other hidden states.
    case hiddenStates(line: Int)
    /// The text has other logits.
    case logits(line: Int)
  }

  /// The number of texts.
  public let textCount: Int
  /// The number of tokens, special ones included.
  public let tokenCount: Int
  /// Whether the models have a head for classification, whose logits were compared as well.
  public let comparesLogits: Bool
  /// The first difference; `nil` when there is none.
  public let difference: Difference?

  /// Compares two models on the texts of a file, one on each line. Texts that are longer than the model reads are cut.
  ///
  /// - Parameters:
  ///   - checkpoint: the weights with the new rows.
  ///   - configuration: their `config.json`.
  ///   - vocabulary: the tokenizer after the change.
  ///   - ids: the new id of each former token; `nil` when no token has another id.
  ///   - original: the model before the change.
  ///   - path: the file with the texts.
  ///   - progress: called with the number of tokens that were compared.
  /// - Throws: `FineTuningError`, `SurgeryError` or `CheckpointError` when one of the models cannot be computed.
  public init(
    of checkpoint: Checkpoint, configuration: JSONValue, vocabulary: VocabularyEditor,
    ids: [Int: Int]?, from original: ModelDirectory, textsIn path: String,
    progress: (Int) throws -> Void = { _ in }
  ) throws {
    let texts = try TextLines(textsIn: path)
    let former = try TokenizerFiles(directory: original.folder).makeTokenizer()
    let changed = try ModelDirectory(
      unwritten: checkpoint, configuration: configuration, from: original.folder)
    let models = try (
      ProofModel(original, settings: original.settings),
      ProofModel(changed, settings: original.settings)
    )
    let length = original.configuration.maximumPositions
    comparesLogits = models.0.hasHead
    textCount = texts.lines.count
    var count = 0
    for (number, text) in texts.lines {
      let before = former.encode(text, maximumLength: length)
      let after = vocabulary.tokenizer.encode(text, maximumLength: length)
      let expected = before.ids.map { id -> Int? in ids == nil ? Int(id) : ids?[Int(id)] }
      guard expected == after.ids.map({ Optional(Int($0)) }), before.tokenTypes == after.tokenTypes
      else {
        (tokenCount, difference) = (count, .tokens(line: number))
        return
      }
      try models.0.demandRows(before, path, line: number)
      try models.1.demandRows(after, path, line: number)
      let (a, b) = (models.0.outputs(before), models.1.outputs(after))
      guard a.hidden == b.hidden else {
        (tokenCount, difference) = (count, .hiddenStates(line: number))
        return
      }
      guard !comparesLogits || a.logits == b.logits else {
        (tokenCount, difference) = (count, .logits(line: number))
        return
      }
      count += before.ids.count
      try progress(count)
    }
    (tokenCount, difference) = (count, nil)
  }
}

/// A model whose outputs are compared with another's.
private struct ProofModel {
  let hasHead: Bool
  private let classifier: Classifier

  init(_ model: ModelDirectory, settings: ClassifierSettings?) throws {
    let found = try Head.found(in: model.checkpoint)
    hasHead = found != nil
    let family = model.configuration.family
    let prefix = try BERTParameters.prefix(in: model.checkpoint)
    // A model without a head gets one that is not compared.
    let checkpoint =
      hasHead
      ? model.checkpoint
      : try model.checkpoint.grafting(
        Graft(
          head: .linear, labels: 1, prefix: prefix.isEmpty ? family.member + "." : "", seed: 0,
          hiddenSize: model.configuration.hiddenSize))
    classifier = try Classifier(
      checkpoint: checkpoint, configuration: model.configuration, head: found?.head ?? .linear,
      labels: found?.labels ?? 1,
      pooling: settings?.pooling ?? (found?.head == .classifier ? family.ownHead.pooling : .mean),
      math: Kernels(threads: nil)
    ) { _ in .none }
  }

  /// - Throws: `FineTuningError` when there is no row for a token.
  func demandRows(
    _ encoding: Encoding, _ path: String, line: Int
  ) throws(FineTuningError) {
    let rows = classifier.configuration.vocabularySize
    if let id = encoding.ids.first(where: { Int($0) >= rows }) {
      throw .noSuchID(Int(id), path, line: line, rows: rows)
    }
  }

  /// The bits of the last hidden states and of the logits.
  func outputs(_ encoding: Encoding) -> (hidden: [[UInt32]], logits: [[UInt32]]) {
    let batch = PackedBatch([(encoding.ids, encoding.tokenTypes.map(Int32.init))])
    let hidden = classifier.hiddenStates(batch)
    let logits = classifier.forward(
      batch, features: classifier.prefix(batch), recording: false, dropout: nil
    ).logits
    func bits(_ matrix: Matrix) -> [[UInt32]] {
      (0..<matrix.rows).map { matrix.row($0).array.map(\.bitPattern) }
    }
    return (bits(hidden), bits(logits))
  }
}

extension Classifier {
  /// The last hidden states of a batch, `[T, C]`, without dropout.
  func hiddenStates(_ batch: PackedBatch) -> Matrix {
    var hidden = embeddings.forward(batch, recording: false, dropout: nil, math: math).output
    for layer in layers {
      hidden =
        layer.forward(
          hidden, sequences: batch.sequences, depth: nil, dropout: nil, math: math
        ).output
    }
    return hidden
  }
}
