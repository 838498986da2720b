public import OrderedCollections

/// An ordered map from key to tensor, with metadata, from one or several files.
///
/// Values share storage, so copies are cheap and the files stay untouched: edits make new
/// checkpoints, and only ``write(to:options:)`` touches the disk.
///
///     let base = try Checkpoint.open("bert-base-uncased")
///     for (key, tensor) in base.tensors { print(key, tensor.dtype, tensor.shape) }
public struct Checkpoint: Sendable {
  /// The kinds of file that a checkpoint comes from.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    case safetensors
    case torchZip = "torch-zip"
    case torchLegacy = "torch-legacy"
    /// Several files under one `*.index.json`.
    case sharded
  }

  /// An entry that is listed and not readable, with the reason.
  public struct UnsupportedEntry: Sendable, Hashable {
    /// Where it is in the file.
    public let key: Key
    /// Why its elements cannot be read.
    public let reason: String

    /// An entry that cannot be read.
    public init(key: Key, reason: String) {
      self.key = key
      self.reason = reason
    }
  }

  /// The file or folder, as the caller spelled it.
  public var path: String
  /// The kind of file it was read from, or will be written as.
  public var format: Format
  /// The tensors, in the order of the file.
  public var tensors: OrderedDictionary<Key, Tensor>
  /// `__metadata__` of safetensors, in the order of the file.
  public var metadata: OrderedDictionary<Key, String>
  /// Tensors that are there and cannot be read.
  public var unsupported: [UnsupportedEntry] = []
  /// The files that the tensors come from.
  package var inputs: [InputFile] = []
  /// The bytes of all tensors that an index of shards states, as `total_size`.
  package var statedByteCount: Double?
  /// What PyTorch files hold in addition to their tensors, for each file that it was read from.
  var structures: [TorchStructure] = []
  /// Whether any of its files is PyTorch's. Only there tensors share bytes: those of a safetensors file
  /// have bytes of their own each, or the file is refused.
  package var isPickled: Bool { !structures.isEmpty }

  /// A checkpoint of the given tensors.
  public init(
    path: String = "", format: Format = .safetensors,
    tensors: OrderedDictionary<Key, Tensor> = [:],
    metadata: OrderedDictionary<Key, String> = [:]
  ) {
    self.path = path
    self.format = format
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The keys, in the order of the file.
  public var keys: OrderedSet<Key> { tensors.keys }

  /// For a tensor of a sharded checkpoint, the file that holds it, relative to the index.
  public func shard(of key: Key) -> String? { tensors[key]?.shardName }

  /// The tensor under `key`, or `nil`.
  public subscript(key: Key) -> Tensor? { tensors[key] }
}
