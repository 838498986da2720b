internal import CheckpointFiles

// The sentences about steps of plans that do not fit the tensors. Those about how operations are written are in
// SurgeryError+Operations.swift.
extension SurgeryError {
  /// What `append` throws for `error`: errors of files are kept in ``underlying``.
  init(_ error: any Error, _ operation: SurgeryOperation) {
    switch error {
    case let error as SurgeryError: self = error
    case let error as CheckpointError:
      let sentence = error.path.isEmpty ? "\(operation): \(error)" : error.description
      self.init(
        .file, path: error.path.isEmpty ? nil : error.path, key: error.key, underlying: error,
        sentence)
    default: self.init(.file, "\(operation): \(error)")
    }
  }

  private static func step(
    _ kind: Kind, _ operation: SurgeryOperation, key: Key? = nil, path: String? = nil,
    advice: Advice? = nil, _ sentence: String
  ) -> SurgeryError {
    SurgeryError(kind, path: path, key: key, advice: advice, "\(operation): \(sentence)")
  }

  // MARK: - Names

  static func noKeyMatches(_ pattern: String, _ operation: SurgeryOperation) -> SurgeryError {
    step(.matchesNothing, operation, "no key matches \(quoted(pattern))")
  }

  static func noKeyBegins(_ prefix: String, _ operation: SurgeryOperation) -> SurgeryError {
    step(.matchesNothing, operation, "no key begins with \(quoted(prefix))")
  }

  static func sameName(
    _ first: Key, _ second: Key, _ name: Key, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .duplicateKey, operation, key: name, advice: .dropOrRename,
      "\(quoted(first.string)) and \(quoted(second.string)) would both be \(quoted(name.string)); "
        + "drop or rename one of them first")
  }

  static func keyExists(_ key: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .duplicateKey, operation, key: key, advice: .dropOrRename,
      "\(quoted(key.string)) exists already; drop or rename it first")
  }

  static func needsWholeTensors(_ operation: SurgeryOperation, _ key: Key) -> SurgeryError {
    step(
      .invalidArgument, operation, key: key,
      "needs whole tensors, and rows of \(quoted(key.string)) are selected")
  }

  static func notOneTensor(
    _ selectors: SelectorList, _ count: Int, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .unexpectedCount, operation, "\(quoted(selectors.text)) selects \(count) tensors, not one")
  }

  static func otherShape(
    _ key: Key, _ shape: Shape, _ other: Key, _ otherShape: Shape, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has the shape \(shape), \(quoted(other.string)) the shape \(otherShape)"
    )
  }

  static func otherRows(_ key: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "the rows of \(quoted(key.string)) need a tensor of this name with the same dtype and the same row shape"
    )
  }

  static func noMetadata(_ name: String, _ operation: SurgeryOperation) -> SurgeryError {
    step(.matchesNothing, operation, "there is no metadata \(quoted(name))")
  }

  static func nothingToConvert(_ preset: SurgeryPreset) -> SurgeryError {
    step(.matchesNothing, .preset(preset), "there is nothing to convert")
  }

  // MARK: - Layers

  static func noLayers(_ node: String, _ operation: SurgeryOperation) -> SurgeryError {
    step(.matchesNothing, operation, "there are no layers below \(quoted(node))")
  }

  static func noSuchLayer(
    _ range: IndexRange, _ node: String, _ existing: [Int], _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .matchesNothing, operation,
      "\(quoted(node)) has \(listed(indices: existing)), none of them is \(range)")
  }

  static func tooManyLayers(_ operation: SurgeryOperation) -> SurgeryError {
    step(.tooLarge, operation, "too many layers")
  }

  // MARK: - Dimensions

  static func scalar(_ key: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(.tensorMismatch, operation, key: key, "\(quoted(key.string)) is a scalar")
  }

  static func notCut(
    _ key: Key, _ shape: Shape, _ dimension: Int, into count: Int, sizes: [Int],
    _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "dimension \(dimension) of \(quoted(key.string)) \(shape) cannot be cut into "
        + (sizes.isEmpty ? "\(count) equal parts" : "parts of \(sizes)"))
  }

  static func cannotBeCut(_ key: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(.tensorMismatch, operation, key: key, "\(quoted(key.string)) cannot be cut")
  }

  static func missingPart(
    _ name: Key, beside key: Key, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .matchesNothing, operation, key: name,
      "there is \(quoted(key.string)), but no \(quoted(name.string))")
  }

  static func noDimension(
    _ dimension: Int, _ key: Key, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has no dimension \(dimension)")
  }

  static func otherKind(_ key: Key, _ first: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has another dtype or number of dimensions than \(quoted(first.string))"
    )
  }

  static func otherExtents(
    _ key: Key, _ shape: Shape, _ first: Key, _ firstShape: Shape, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) \(shape) does not fit \(quoted(first.string)) \(firstShape)")
  }

  static func resultTooLarge(_ operation: SurgeryOperation) -> SurgeryError {
    step(.tooLarge, operation, "the result is too large")
  }

  static func tooFewDimensions(
    _ key: Key, _ shape: Shape, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has the shape \(shape), with fewer than two dimensions")
  }

  static func otherRank(
    _ key: Key, _ rank: Int, _ count: Int, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has \(rank) dimensions, not \(count)")
  }

  static func noRange(
    _ range: IndexRange, of extent: Int, _ dimension: Int, _ key: Key,
    _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(range.description)) is empty: dimension \(dimension) of \(quoted(key.string)) has the extent "
        + "\(extent)")
  }

  // MARK: - Rows

  static func noRowsToResize(
    _ key: Key, _ tensor: Tensor, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) \(tensor.dtype) \(tensor.shape) has no rows that can be resized")
  }

  static func noSuchRow(
    _ row: Int, of count: Int, _ key: Key, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has \(count) rows, and no row \(row); use resize to add rows")
  }

  static func rowCountForList(_ path: String, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .syntax, operation,
      "prune keeps the rows that a file lists, and \(quoted(path)) is not a file; use resize to keep the first "
        + "\(path) rows")
  }

  static func notARowNumber(_ line: String, line number: Int, _ path: String) -> SurgeryError {
    SurgeryError(
      .malformed, path: path, "\(path): line \(number) is not the number of a row: \(quoted(line))")
  }

  static func noSuchToken(
    _ token: String, _ vocabulary: String, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .matchesNothing, operation, path: vocabulary,
      "\(vocabulary) has no token \(quoted(token))")
  }

  static func noRowsListed(_ path: String) -> SurgeryError {
    SurgeryError(.malformed, path: path, "\(path): the list of rows is empty")
  }

  static func noSuchRows(_ range: Range<Int>, _ tensor: Tensor) -> SurgeryError {
    SurgeryError(
      .tensorMismatch, "there are no rows \(range) in \(tensor.dtype) \(tensor.shape)")
  }

  static func noRows(_ count: Int, _ shape: Shape) -> SurgeryError {
    SurgeryError(.tensorMismatch, "\(shape) does not have \(count) rows")
  }

  static var tooManyRows: SurgeryError { SurgeryError(.tooLarge, "there are too many rows") }

  static var noFanIn: SurgeryError {
    SurgeryError(.invalidArgument, "initialiser kaiming needs a fan-in: two dimensions or more")
  }

  // MARK: - Numbers

  static func cannotBeScaled(_ info: TensorInfo, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: info.key,
      "\(quoted(info.key.string)) holds \(info.dtype), which cannot be scaled")
  }

  static func quantised(_ tensor: QuantizedTensor, _ operation: SurgeryOperation) -> SurgeryError {
    quantised(tensor.payload, tensor.refusal, operation)
  }

  static func quantised(
    _ key: Key, _ reason: String, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(.quantised, operation, key: key, reason)
  }

  static func scaledNumbers(
    _ tensor: QuantizedTensor, _ scale: Key?, _ operation: SurgeryOperation
  ) -> SurgeryError {
    quantised(
      tensor.payload,
      tensor.refusal + (scale.map { "; scale \(quoted($0.string)) alone" } ?? ""), operation)
  }

  static func scaledTwice(
    _ payload: Key, _ first: Key, _ second: Key, _ operation: SurgeryOperation
  ) -> SurgeryError {
    quantised(
      payload,
      "\(quoted(payload.string)) would be scaled through \(quoted(first.string)) and through "
        + "\(quoted(second.string)); scale one of them", operation)
  }

  static func partedScale(_ sentence: String) -> SurgeryError { SurgeryError(.quantised, sentence) }
}
