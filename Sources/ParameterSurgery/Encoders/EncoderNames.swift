public import CheckpointFiles
internal import OrderedCollections

/// An encoder's checkpoint under the names that PyTorch's `BertModel` has today, with what only
/// pre-training needs left out.
///
/// Checkpoints of 2018 call a LayerNorm's parameters `gamma` and `beta`; many carry the buffer
/// `position_ids`, which newer classes do not load, and the heads of pre-training under `cls`.
public struct EncoderNames: Sendable {
  /// The checkpoint under its new names.
  public let checkpoint: Checkpoint
  /// Keys that got another name, in order.
  public let renamed: [(from: Key, to: Key)]
  /// Keys that were left out, in order.
  public let dropped: [Key]

  /// Renames and leaves out; tensors keep their order, values and ties.
  ///
  /// - Throws: ``SurgeryError`` when two tensors would get one name.
  public init(_ original: Checkpoint) throws(SurgeryError) {
    var checkpoint = original
    checkpoint.tensors = [:]
    var renamed: [(from: Key, to: Key)] = []
    var dropped: [Key] = []
    for (key, tensor) in original.tensors {
      guard !EncoderNames.isForeign(key) else {
        dropped.append(key)
        continue
      }
      let name = EncoderNames.modern(key)
      guard checkpoint.tensors.updateValue(tensor, forKey: name) == nil else {
        throw SurgeryError(
          "\(original.path): two tensors would be \(quoted(name.string)); drop one of them")
      }
      if name != key { renamed.append((key, name)) }
    }
    self.checkpoint = checkpoint
    self.renamed = renamed
    self.dropped = dropped
  }

  /// The prefix that makes an encoder's keys those of a class with a member `bert`: `bert.` when the
  /// keys have none, otherwise nothing.
  public static func missingPrefix(in checkpoint: Checkpoint) -> String {
    checkpoint["embeddings.word_embeddings.weight"] == nil ? "" : "bert."
  }

  /// `LayerNorm.gamma` and `.beta` as `LayerNorm.weight` and `.bias`; other keys as they are.
  static func modern(_ key: Key) -> Key {
    for (old, new) in [
      ("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"),
    ]
    where key.string == old || key.string.hasSuffix("." + old) {
      return Key(key.string.dropLast(old.count) + new)
    }
    return key
  }

  /// Whether no encoder with a classification head has such a key.
  private static func isForeign(_ key: Key) -> Bool {
    let components = key.components
    return components.first == "cls" || components.last == "position_ids"
  }
}
