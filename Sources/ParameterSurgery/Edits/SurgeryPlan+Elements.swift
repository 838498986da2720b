internal import CheckpointFiles
internal import OrderedCollections

// Steps that make other elements.
extension SurgeryPlan {
  mutating func cast(_ operation: SurgeryOperation) throws -> Int {
    let (selector, text) = try operation.sides("SELECTOR=DTYPE, such as **=BF16")
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    guard let dtype = DType(named: name), dtype.isFloatingPoint,
      dtype.byteWidth != nil
    else {
      let names = DType.allCases.filter { $0.isFloatingPoint && $0.byteWidth != nil }.map(\.name)
      throw SurgeryError.form(
        "\(operation): \(quoted(name)) is no floating-point dtype"
          + (closest(to: name.uppercased(), among: names).map { "; did you mean \($0)?" }
            ?? "; these are \(listed(names))"))
    }
    let saturates = parts.dropFirst() == ["saturate"]
    guard parts.count == 1 || saturates else {
      throw SurgeryError.form("\(operation): after the dtype only `,saturate` may follow")
    }
    let losses = losses
    // Integers and Booleans stay what they are.
    let selected = try selectWhole([selector], for: operation.description).filter { key in
      guard let tensor = entries[key]?.tensor else { return false }
      return tensor.dtype.isFloatingPoint && tensor.dtype != dtype
    }
    let keys = try leavingQuantized(selected, operation)
    try replaceEach(keys) { key, tensor in
      let cast = try tensor.recomputed(
        as: dtype, saturating: saturates,
        finished: { lost in
          losses.record(lost, key, dtype, isSaturated: saturates)
        })
      return (cast, "\(tensor.dtype) to \(dtype)" + (saturates ? ", saturated" : ""))
    }
    if keys.isEmpty {
      stepNotes.append("\(operation): everything selected is that already, or no float")
    }
    return keys.count
  }

  mutating func scale(_ operation: SurgeryOperation) throws -> Int {
    let (selector, text) = try operation.sides("SELECTOR=FACTOR, such as linear=0.5")
    guard let factor = Double(text), factor.isFinite else {
      throw SurgeryError.form("\(operation): \(quoted(text)) is no number")
    }
    let items = try select([selector])
    for item in items {
      guard item.tensor.dtype.isFloatingPoint, item.tensor.dtype.byteWidth != nil else {
        throw SurgeryError(
          "\(operation): \(quoted(item.key.string)) holds \(item.tensor.dtype), which does not scale"
        )
      }
    }
    try checkScaling(items.map(\.key), operation)
    func scaled(_ part: Tensor) throws -> Tensor {
      try part.recomputed(
        as: part.dtype, changing: { values in Elementwise.scale(&values, by: factor) })
    }
    try replaceEach(items.filter { $0.rows == nil }.map(\.key)) { _, tensor in
      (try scaled(tensor), "times \(text)")
    }
    for item in items {
      guard let rows = item.rows, let tensor = entries[item.key]?.tensor else { continue }
      let part = try SurgeryPlan.rows(rows.ranges, of: tensor)
      replace(
        item.key, with: try tensor.replacingRows(rows.ranges, with: try scaled(part)),
        deed: "\(rows.count) rows times \(text)")
    }
    return items.count
  }

  mutating func transpose(_ operation: SurgeryOperation) throws -> Int {
    let keys = try selectWhole(operation.arguments, for: operation.description)
    try replaceEach(keys) { key, tensor in
      guard let turned = tensor.transposed() else {
        throw SurgeryError(
          "\(operation): \(quoted(key.string)) has the shape \(tensor.shape), with less than two "
            + "dimensions")
      }
      return (try turned.detached(), "transposed")
    }
    return keys.count
  }

  mutating func slice(_ operation: SurgeryOperation) throws -> Int {
    let (selector, text) = try operation.sides("SELECTOR=[RANGE, RANGE…], such as x=[0:10, :]")
    guard text.hasPrefix("["), text.hasSuffix("]") else {
      throw SurgeryError.form("\(operation): \(quoted(text)) is not in brackets: [0:10, :]")
    }
    let parts = text.dropFirst().dropLast().split(
      separator: ",", omittingEmptySubsequences: false
    ).map(\.trimmingSpaces)
    let keys = try selectWhole([selector], for: operation.description)
    try replaceEach(keys) { key, tensor in
      guard parts.count <= tensor.shape.rank else {
        throw SurgeryError(
          "\(operation): \(quoted(key.string)) has \(tensor.shape.rank) dimensions, not "
            + "\(parts.count)")
      }
      var view = tensor
      for (dimension, part) in parts.enumerated() {
        let extent = tensor.shape[dimension]
        guard let range = SurgeryPlan.range(part, of: extent),
          let next = view.slice(dimension, range)
        else {
          throw SurgeryError(
            "\(operation): \(quoted(String(part))) is no range of the \(extent) in dimension "
              + "\(dimension) of \(quoted(key.string))")
        }
        view = next
      }
      return (try view.detached(), "\(tensor.shape) to \(view.shape)")
    }
    return keys.count
  }

  /// `a:b` by Python's rules, `a` alone being `a:a+1`; `nil` when it is neither or empty.
  static func range(_ text: Substring, of extent: Int) -> Range<Int>? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      .map(\.trimmingSpaces)
    func bound(_ part: Substring, _ otherwise: Int) -> Int? {
      if part.isEmpty { return otherwise }
      guard let number = Int(part) else { return nil }
      return min(
        max(number < 0 ? number.addingReportingOverflow(extent).partialValue : number, 0), extent)
    }
    guard let first = parts.first, parts.count <= 2, !(parts.count == 1 && first.isEmpty),
      let start = bound(first, 0)
    else { return nil }
    let end = parts.count == 2 ? bound(parts[1], extent) : min(start + 1, extent)
    guard let end, start < end else { return nil }
    return start..<end
  }

  /// Rows of a tensor, one below the other.
  static func rows(_ ranges: [Range<Int>], of tensor: Tensor) throws -> Tensor {
    for range in ranges where tensor.slice(0, range) == nil {
      throw CheckpointError(.tensorMismatch, "there are no rows \(range) in \(tensor.dtype) \(tensor.shape)")
    }
    let extents = [ranges.reduce(0) { $0 + $1.count }] + tensor.shape.dimensions.dropFirst()
    guard let shape = Shape(extents) else { throw CheckpointError(.tensorMismatch, "too many rows") }
    return try Tensor.computed(dtype: tensor.dtype, shape: shape) { sink in
      // One range is met on the way; several might be far apart.
      let source = ranges.count == 1 ? tensor : try tensor.addressable()
      for range in ranges { try source.slice(0, range)?.forEachChunk { try sink.append($0) } }
    }
  }

  mutating func keepRows(
    _ ranges: [Range<Int>], of key: Key, _ operation: SurgeryOperation
  ) throws {
    guard let tensor = entries[key]?.tensor else { return }
    let part = try SurgeryPlan.rows(ranges, of: tensor)
    replace(key, with: part, deed: "\(tensor.shape) to \(part.shape)")
  }

  mutating func addInitialised(_ operation: SurgeryOperation) throws -> Int {
    let form = "KEY=DTYPE[SHAPE]:INIT, such as linear.weight=F32[2,768]:kaiming"
    guard let equals = operation.argument.firstIndex(of: "=") else {
      throw SurgeryError.form("\(operation): is not \(form)")
    }
    let key = Key(String(operation.argument[..<equals]))
    let text = operation.argument[operation.argument.index(after: equals)...]
    guard let open = text.firstIndex(of: "["), let close = text.firstIndex(of: "]"), open < close,
      let dtype = DType(named: String(text[..<open])), dtype.isFloatingPoint,
      dtype.byteWidth != nil
    else { throw SurgeryError.form("\(operation): is not \(form)") }
    let extents = text[text.index(after: open)..<close].split(separator: ",").map {
      Int($0.trimmingSpaces)
    }
    guard extents.allSatisfy({ $0 != nil }), let shape = Shape(extents.compactMap { $0 }) else {
      throw SurgeryError.form("\(operation): \(quoted(String(text[open...close]))) is no shape")
    }
    let rest = text[text.index(after: close)...]
    guard rest.isEmpty || rest.hasPrefix(":") else {
      throw SurgeryError.form("\(operation): is not \(form)")
    }
    let initialiser = try Initialiser(rest.isEmpty ? "zeros" : String(rest.dropFirst()), shape)
    let seed = seed
    let tensor = try Tensor.computed(dtype: dtype, shape: shape) { sink in
      try initialiser.fill(shape.count, seed: seed, stream: key.string) { try sink.append($0) }
    }
    try add(
      key, Entry(tensor: tensor, origin: nil, deeds: [initialiser.text]), operation.description)
    return 1
  }
}
