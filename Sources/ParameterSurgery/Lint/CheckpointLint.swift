public import CheckpointFiles
internal import OrderedCollections

/// Checks a checkpoint for damage and probable mistakes.
///
///     for finding in try CheckpointLint(path: "model").findings { print(finding.rule, finding.message) }
public struct CheckpointLint: Sendable {
  /// The findings, in the order of the checks.
  public private(set) var findings: [LintFinding] = []
  let path: String

  /// Checks the checkpoint at `path`.
  ///
  /// - Parameters:
  ///   - path: a file, an index or a folder.
  ///   - readingElements: whether elements are read, for checksums, NaN and equal layers; otherwise only headers are.
  ///   - progress: called with the number of bytes that were read.
  /// - Throws: `CheckpointError` when there is no file or folder at `path`. A file that is broken is a finding.
  public init(
    path: String, readingElements: Bool = true, progress: (Int) -> Void = { _ in }
  ) throws(CheckpointError) {
    self.path = path
    guard WholeFile.exists(path) else {
      throw CheckpointError.missingFile(path)
    }
    let checkpoint: Checkpoint
    do throws(CheckpointError) {
      checkpoint = try Checkpoint.open(path)
    } catch {
      var error = error
      if error.path == path { error.path = "" }
      add(.unreadable, error.key, error.description)
      return
    }
    for entry in checkpoint.unsupported { add(.unsupported, entry.key, entry.reason) }
    checkIndex(checkpoint)
    let shard = loneShard(checkpoint)
    checkShards(checkpoint, shard)
    checkOtherWeights(checkpoint, readingElements: readingElements)
    let stacks = LayerStack.all(in: ParameterTree(checkpoint))
    // A shard and an adapter have some of the layers, and the configuration is that of the whole.
    let json = configuration()
    if !checkEmptyWeights(checkpoint), shard == nil, !CheckpointLint.isAdapter(checkpoint) {
      checkLayers(stacks, ModelFamily(json, checkpoint), json)
      if let json { checkConfiguration(checkpoint, json) }
      checkTokens(checkpoint, ModelFamily(json, checkpoint))
    }
    checkDTypes(checkpoint, stacks)
    if readingElements { checkElements(checkpoint, stacks, progress) }
  }

  mutating func add(
    _ rule: LintFinding.Rule, _ key: Key?, _ message: String,
    _ severity: LintFinding.Severity? = nil
  ) {
    findings.append(
      LintFinding(
        rule: rule, path: path, key: key, message: message, severity: severity ?? rule.severity))
  }

  // MARK: - Files

  /// `name` in the folder of the checkpoint.
  func place(_ name: String) -> String {
    WholeFile.isFolder(path) ? Path.join(path, name) : Path.sibling(name, of: path)
  }

  private mutating func checkIndex(_ checkpoint: Checkpoint) {
    if WholeFile.isFolder(path) {
      for name in ["model.safetensors", "pytorch_model.bin"]
      where WholeFile.exists(place(name)) && WholeFile.exists(place(name + ".index.json")) {
        add(.indexBesideFile, nil, "has \(name) and \(name).index.json; loaders read the former")
      }
    }
    guard let stated = checkpoint.statedByteCount else { return }
    let total = checkpoint.tensors.values.reduce(0) { $0.addingSaturated($1.byteCount) }
    if stated != Double(total) {
      add(
        .indexTotalSize, nil,
        "the index states a total_size of \(Int(exactly: stated).map { "\($0)" } ?? "\(stated)"), but the tensors have \(total) bytes"
      )
    }
  }

  // MARK: - Layers

  private mutating func checkDTypes(_ checkpoint: Checkpoint, _ stacks: [LayerStack]) {
    var counts: OrderedDictionary<DType, Int> = [:]
    for tensor in checkpoint.tensors.values where tensor.dtype.isFloatingPoint {
      counts[tensor.dtype, default: 0] += 1
    }
    guard counts.count > 1, let usual = counts.max(by: { $0.value < $1.value }) else { return }
    let known = Set(stacks.flatMap(\.unlike).map(\.key))
    for (key, tensor) in checkpoint.tensors
    where tensor.dtype.isFloatingPoint && tensor.dtype != usual.key && !known.contains(key) {
      guard let count = counts[tensor.dtype], count * 20 <= usual.value else { continue }
      add(
        .dtypeOutlier, key, "is \(tensor.dtype), but \(usual.value) other tensors are \(usual.key)")
    }
  }

  // MARK: - Elements

  private mutating func checkElements(
    _ checkpoint: Checkpoint, _ stacks: [LayerStack], _ progress: (Int) -> Void
  ) {
    var statistics: [Key: TensorStatistics] = [:]
    for (key, tensor) in checkpoint.tensors {
      do throws(CheckpointError) {
        guard tensor.dtype.isFloatingPoint || tensor.dtype.isComplex, tensor.dtype.hasNumbers else {
          // The checksum is compared when the tensor is loaded.
          _ = try TensorDigest.hexadecimal(of: tensor)
          progress(tensor.byteCount)
          continue
        }
        let values = try TensorStatistics(of: [tensor], progress: progress)
        statistics[key] = values
        if values.nanCount > 0 {
          add(.notANumber, key, "\(values.nanCount) of \(values.count) elements are NaN")
        }
        if values.infiniteCount > 0, !CheckpointLint.isMask(key) {
          add(.infinite, key, "\(values.infiniteCount) of \(values.count) elements are infinite")
        }
      } catch {
        add(.checksum, key, error.reason)
      }
    }
    for stack in stacks where stack.isUniform {
      for (one, other) in stack.twins(statistics) where isSame(stack, one, other, checkpoint) {
        add(
          .duplicateLayer, stack.key(of: other),
          "layer \(other) holds the same bytes as layer \(one)")
      }
    }
  }

  /// Whether `key` has the name of an attention mask, whose elements are infinite where there is no attention.
  private static func isMask(_ key: Key) -> Bool {
    key.last.ends(with: "mask") || key.last.isSame(as: "masked_bias")
  }

  private func isSame(
    _ stack: LayerStack, _ one: Int, _ other: Int, _ checkpoint: Checkpoint
  ) -> Bool {
    let pairs = stack.suffixes(of: one).compactMap { suffix -> TensorPair? in
      guard let a = checkpoint[stack.key(of: one, suffix)],
        let b = checkpoint[stack.key(of: other, suffix)]
      else { return nil }
      return try? TensorPair(a, b)
    }
    guard pairs.count == stack.suffixes(of: one).count, !pairs.isEmpty else { return false }
    return (try? bytesAreEqual(pairs))?.allSatisfy { $0 } ?? false
  }
}
