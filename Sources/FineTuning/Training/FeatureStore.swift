internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A folder that keeps the features of frozen prefixes from run to run.
///
/// A file there is named by the SHA-256 of everything that its features depend on, so it never goes
/// stale: another weight, text or setting is another name. Files may be removed at any time.
package struct FeatureStore: Sendable {
  package let folder: String

  /// Counts changes of the arithmetic and of the layout of the files.
  private static let version = 1
  private static let marker: Key = "espalier-features"
  private static let tensorName: Key = "features"

  package init(folder: String) { self.folder = folder }

  /// What some features depend on, and how many there are.
  package struct Entry: Sendable {
    let digest: String
    let rows: Int
    let columns: Int
  }

  /// A digest of everything in a model that its features depend on: the weights below the cut, the
  /// configuration, the pooling, the place of the cut, the precision and what computes.
  ///
  /// - Parameter digests: digests of tensors that were read before.
  /// - Throws: when the weights cannot be read.
  static func digest(
    _ model: Classifier, precision: TrainingOptions.Precision, _ digests: TensorDigests
  ) throws -> String {
    var hash = SHA256Hash()
    hash.update("\(marker) \(version)\n")
    hash.update("\(model.configuration)\n\(model.cut)\n\(precision.rawValue)\n")
    hash.update("\(model.math.backend.name)\n")
    if model.cut == .pooled { hash.update("\(model.pooling.rawValue)\n") }
    for parameter in model.parameters.parameters where model.cut.isAbove(parameter.stage) {
      let digest = try digests.digest(of: parameter.tensor)
      hash.update("\(parameter.name)\t\(parameter.tensor.dtype)\t\(parameter.shape)\t\(digest)\n")
    }
    return hash.hexadecimal()
  }

  /// The entry of the features of `data`.
  ///
  /// - Parameter digest: that of the model.
  func entry(
    _ model: Classifier, digest: String, _ data: TokenizedDataset,
    padding: (length: Int, token: Int32)?
  ) -> Entry {
    var hash = SHA256Hash()
    hash.update("\(digest)\n")
    if let padding { hash.update("\(padding.length) \(padding.token)\n") }
    var bytes: [UInt8] = []
    func append(_ value: Int32) {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    for (ids, types) in zip(data.ids, data.types) {
      append(Int32(truncatingIfNeeded: ids.count))
      ids.forEach(append)
      types.forEach(append)
      if bytes.count >= 1 << 16 {
        hash.update(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    hash.update(bytes)
    return Entry(
      digest: hash.hexadecimal(),
      rows: FeatureCache.rowCount(model, data, paddedTo: padding?.length),
      columns: model.configuration.hiddenSize)
  }

  /// The path of an entry's file.
  func path(_ entry: Entry) -> String {
    Path.join(folder, "features-\(entry.digest.prefix(32)).safetensors")
  }

  /// The path of the file that holds an entry while it is computed. The folder is created when it is missing.
  ///
  /// - Throws: when the folder cannot be created.
  func journalPath(_ entry: Entry) throws -> String {
    try FileSystem.create(folder)
    return Path.join(folder, "features-\(entry.digest.prefix(32)).partial")
  }

  /// Whether there is a file for `entry` that looks whole; its contents are not read.
  func holds(_ entry: Entry) -> Bool {
    WholeFile.exists(path(entry)) && (try? open(entry)) != nil
  }

  /// The features of `entry`, mapped; `nil` when there is no file.
  ///
  /// - Throws: when there is one that is damaged.
  func read(_ entry: Entry) throws -> Matrix? {
    guard WholeFile.exists(path(entry)) else { return nil }
    let (tensor, digest) = try open(entry)
    guard try TensorDigest.hexadecimal(of: tensor).isSame(as: digest) else {
      throw FineTuningError.changedFeatures(path(entry))
    }
    return Matrix(
      try FloatBuffer(borrowing: tensor), rows: entry.rows, columns: entry.columns)
  }

  private func open(_ entry: Entry) throws -> (Tensor, digest: String) {
    let file = try Checkpoint.open(path(entry))
    guard file.metadata[FeatureStore.marker]?.isSame(as: "\(FeatureStore.version)") == true,
      file.metadata["depends_on_sha256"]?.isSame(as: entry.digest) == true,
      let digest = file.metadata["sha256"], let tensor = file[FeatureStore.tensorName],
      tensor.dtype == .float32, tensor.shape.dimensions == [entry.rows, entry.columns]
    else {
      throw FineTuningError.otherFeatures(path(entry))
    }
    return (tensor, digest)
  }

  /// Puts the features of `entry` into the folder, whole or not at all.
  ///
  /// - Throws: when they cannot be written.
  func write(_ features: Matrix, as entry: Entry) throws {
    let tensor = try features.tensor()
    let file = Checkpoint(
      format: .safetensors, tensors: [FeatureStore.tensorName: tensor],
      metadata: [
        FeatureStore.marker: "\(FeatureStore.version)", "depends_on_sha256": entry.digest,
        "sha256": try TensorDigest.hexadecimal(of: tensor),
      ])
    try FileSystem.filling(folder) { try file.write(to: path(entry)) }
  }
}
