public import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  /// Why a mask does not fit a checkpoint.
  public struct Mismatch: Sendable, Hashable, CustomStringConvertible {
    /// Keys that the mask lists and the checkpoint does not have, in key order.
    public let missingKeys: [Key]
    /// Keys of the checkpoint that the mask does not list, in key order.
    public let unexpectedKeys: [Key]
    /// Tensors with fewer rows than the mask lets train.
    public let shortKeys: [Key]
    /// Tensors that the mask lets train and whose elements have no gradient: integers and Booleans.
    public let untrainableKeys: [Key]
    /// The dtype that the mask was created for and that of the checkpoint, if the checkpoint was cast as a whole.
    public let dtypes: (from: DType, to: DType)?

    /// The mismatch in words.
    public var description: String {
      var parts: [String] = []
      var (missing, unexpected) = (missingKeys, unexpectedKeys)
      if let prefix = Mismatch.prefix(before: unexpected, in: missing) {
        parts.append(
          "the keys of the mask begin with \(quoted(prefix)), those of the checkpoint do not")
        let found = Set(unexpected.map { Key(prefix + $0.string) })
        missing.removeAll { found.contains($0) }
        unexpected = []
      } else if let prefix = Mismatch.prefix(before: missing, in: unexpected) {
        parts.append(
          "the keys of the checkpoint begin with \(quoted(prefix)), those of the mask do not")
        let found = Set(missing.map { Key(prefix + $0.string) })
        unexpected.removeAll { found.contains($0) }
        missing = []
      }
      if !missing.isEmpty { parts.append("missing keys: " + Mismatch.list(missing)) }
      if !unexpected.isEmpty { parts.append("unexpected keys: " + Mismatch.list(unexpected)) }
      if !shortKeys.isEmpty {
        parts.append("fewer rows than the mask lets train: " + Mismatch.list(shortKeys))
      }
      if !untrainableKeys.isEmpty {
        parts.append("integers and Booleans do not train: " + Mismatch.list(untrainableKeys))
      }
      if let dtypes {
        parts.append("it was created for \(dtypes.from), and the checkpoint has \(dtypes.to)")
      }
      if parts.isEmpty {
        parts.append(
          "the keys are the same, but a dtype or a shape differs (layout_sha256 differs)")
      }
      return parts.joined(separator: "; ")
    }

    /// What must precede every key of `short` for it to be one of `long`.
    private static func prefix(before short: [Key], in long: [Key]) -> String? {
      guard let first = short.first else { return nil }
      let known = Set(long)
      let ending = "." + first.string
      for key in long where key.string.ends(with: ending) {
        let prefix = String(key.string.utf8.dropLast(first.string.utf8.count)) ?? ""
        if short.allSatisfy({ known.contains(Key(prefix + $0.string)) }) { return prefix }
      }
      return nil
    }

    private static func list(_ keys: [Key]) -> String {
      let shown = keys.prefix(5).map { quoted($0.string) }.joined(separator: ", ")
      return keys.count > 5 ? "\(shown) and \(keys.count - 5) more" : shown
    }

    /// Whether the lists of keys and the dtypes are the same.
    public static func == (a: Mismatch, b: Mismatch) -> Bool {
      a.missingKeys == b.missingKeys && a.unexpectedKeys == b.unexpectedKeys
        && a.shortKeys == b.shortKeys && a.untrainableKeys == b.untrainableKeys
        && a.dtypes?.from == b.dtypes?.from && a.dtypes?.to == b.dtypes?.to
    }

    /// Feeds the lists of keys.
    public func hash(into hasher: inout Hasher) {
      for keys in [missingKeys, unexpectedKeys, shortKeys, untrainableKeys] { hasher.combine(keys) }
    }
  }

  /// What differs between the checkpoint that the mask was created for and this one; `nil` when the mask
  /// fits: the same keys, dtypes and shapes, in any order.
  public func mismatch(with tree: ParameterTree) -> Mismatch? {
    let isSameLayout =
      tree.entries.count == states.count && tree.layoutDigest == layoutDigest
      && tree.entries.allSatisfy { states[$0.key] != nil }
    // A mask that was written by hand may have states that its layout does not allow.
    let short = states.compactMap { key, state -> Key? in
      guard case .rows(let rows) = state, let info = tree[key] else { return nil }
      return rows.ranges.last?.upperBound ?? 0 > info.rowCount ?? 0 ? key : nil
    }
    let untrainable = states.compactMap { key, state -> Key? in
      state == .frozen || tree[key]?.canTrain ?? true ? nil : key
    }
    if isSameLayout, short.isEmpty, untrainable.isEmpty { return nil }
    let missing = states.keys.filter { tree.index(of: $0) == nil }
    let unexpected = tree.entries.map(\.key).filter { states[$0] == nil }.sorted()
    let isExplained =
      isSameLayout || !missing.isEmpty || !unexpected.isEmpty || !short.isEmpty
    return Mismatch(
      missingKeys: Array(missing), unexpectedKeys: unexpected, shortKeys: short,
      untrainableKeys: untrainable, dtypes: isExplained ? nil : castDTypes(tree))
  }

  /// Throws unless the mask fits.
  ///
  /// - Parameters:
  ///   - tree: the keys of the checkpoint.
  ///   - name: the checkpoint's file, for the message.
  /// - Throws: ``SurgeryError`` that says what differs.
  public func check(fits tree: ParameterTree, named name: String = "") throws(SurgeryError) {
    guard let mismatch = mismatch(with: tree) else { return }
    throw .doesNotFit(name, mismatch)
  }

  /// Throws unless the mask fits the checkpoint.
  ///
  /// - Throws: ``SurgeryError`` that says what differs.
  public func check(fits checkpoint: Checkpoint) throws(SurgeryError) {
    try check(fits: ParameterTree(checkpoint), named: checkpoint.path)
  }

  /// The digest does not show what changed. A cast of all tensors is the one change that is looked for.
  private func castDTypes(_ tree: ParameterTree) -> (from: DType, to: DType)? {
    let floats: [DType] = [.float32, .bfloat16, .float16, .float64]
    for now in floats where tree.entries.contains(where: { $0.dtype == now }) {
      for before in floats where before != now {
        let cast = tree.entries.map {
          TensorInfo(key: $0.key, dtype: $0.dtype == now ? before : $0.dtype, shape: $0.shape)
        }
        if layoutSHA256(cast) == layoutDigest { return (before, now) }
      }
    }
    return nil
  }
}
