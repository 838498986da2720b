public import CheckpointFiles
internal import OrderedCollections

/// The checkpoint of an encoder under the names that PyTorch's `BertModel` has today, without what only pre-training
/// needs.
///
///     let modern = try EncoderNames(checkpoint)
///     for (old, new) in modern.renamed { print(old, new) }
///
/// Checkpoints of 2018 call the parameters of a LayerNorm `gamma` and `beta`; many carry the buffer `position_ids`,
/// which newer classes do not load, and the heads of pre-training under `cls`.
public struct EncoderNames: Sendable {
  /// The checkpoint under its new names.
  public let checkpoint: Checkpoint
  /// The old and the new names of keys that were renamed, in order.
  public let renamed: [(from: Key, to: Key)]
  /// Keys that were omitted, in order.
  public let dropped: [Key]

  /// Renames and omits tensors; the others keep their order, values and ties.
  ///
  /// - Throws: ``SurgeryError`` when two tensors would have one name.
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
      let name = EncoderKeys.modern(key)
      guard checkpoint.tensors.updateValue(tensor, forKey: name) == nil else {
        throw .oneName(name, in: original.path)
      }
      if name != key { renamed.append((key, name)) }
    }
    self.checkpoint = checkpoint
    self.renamed = renamed
    self.dropped = dropped
  }

  /// The prefix that makes the keys of an encoder those of a class with a member `bert`: `bert.` when the keys have no
  /// prefix, otherwise an empty text.
  public static func missingPrefix(in checkpoint: Checkpoint) -> String {
    EncoderKeys.anchors.contains { checkpoint[$0] != nil } ? EncoderKeys.bert.member + "." : ""
  }

  /// Whether no encoder with a classification head has such a key.
  private static func isForeign(_ key: Key) -> Bool {
    key.components[0].isSame(as: "cls") || key.last.isSame(as: "position_ids")
  }
}
