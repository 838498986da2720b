internal import CheckpointFiles
internal import OrderedCollections

// Steps that cut tensors and put them together.
extension SurgeryPlan {
  /// `…@DIM` or `…@DIM:SIZES` at the end of an argument.
  private static func dimension(
    _ text: String, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> (rest: String, dimension: Int, sizes: [Int]) {
    guard let at = text.lastIndex(of: "@") else { return (text, 0, []) }
    let parts = text[text.index(after: at)...].split(
      separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let sizes = parts.count == 2 ? parts[1].split(separator: ",").map { Int($0) } : []
    guard let first = parts.first, let dimension = Int(first), dimension >= 0, dimension < 64,
      sizes.allSatisfy({ ($0 ?? 0) > 0 })
    else {
      throw SurgeryError.form(
        "\(operation): behind `@` stands a dimension, or a dimension and sizes")
    }
    return (String(text[..<at]), dimension, sizes.compactMap { $0 })
  }

  mutating func split(_ operation: SurgeryOperation) throws -> Int {
    let (text, dimension, sizes) = try SurgeryPlan.dimension(operation.argument, operation)
    guard let equals = text.firstIndex(of: "=") else {
      throw SurgeryError.form("\(operation): is not FROM=A,B,C or FROM=A,B,C@DIM")
    }
    let from = String(text[..<equals])
    let rules = try text[text.index(after: equals)...].split(separator: ",").map {
      try KeyRewrite(from: from, to: String($0))
    }
    guard rules.count > 1, sizes.isEmpty || sizes.count == rules.count else {
      throw SurgeryError.form(
        "\(operation): needs two or more new names, and a size for each or none")
    }
    let keys = Array(entries.keys)
    let names = rules.map { $0.apply(to: keys) }
    var count = 0
    // The parts of names of one tensor are names of one tensor again.
    var copies = DetachedCopies()
    for (index, key) in keys.enumerated() {
      guard names[0][index] != nil, let entry = entries[key] else { continue }
      let shape = entry.tensor.shape
      // The bias beside a matrix has one dimension: it is cut along that.
      guard shape.rank > 0 else {
        throw SurgeryError("\(operation): \(quoted(key.string)) is a scalar")
      }
      let place = shape.rank == 1 ? 0 : dimension
      let extent = place < shape.rank ? shape[place] : 0
      let widths = sizes.isEmpty ? rules.map { _ in extent / rules.count } : sizes
      guard widths.reduce(0, { $0.addingSaturated($1) }) == extent, extent > 0 else {
        throw SurgeryError(
          "\(operation): dimension \(place) of \(quoted(key.string)) \(shape) is not cut into "
            + (sizes.isEmpty ? "\(rules.count) equal parts" : "parts of \(sizes)"))
      }
      count += 1
      entries[key] = nil
      var start = 0
      for (name, width) in zip(names, widths) {
        guard let target = name[index], let part = entry.tensor.slice(place, start..<start + width)
        else { throw SurgeryError("\(operation): \(quoted(key.string)) cannot be cut") }
        var piece = entry
        piece.tensor = try copies.copy(of: part)
        piece.deeds.append(
          "\(place == 0 ? "rows" : "dimension \(place)") \(start):\(start + width) of \(key.string)"
        )
        try add(target, piece, operation.description)
        start += width
      }
    }
    guard count > 0 else { throw SurgeryError("\(operation): no key matches \(quoted(from))") }
    return count
  }

  mutating func concatenate(_ operation: SurgeryOperation) throws -> Int {
    let (text, dimension, _) = try SurgeryPlan.dimension(operation.argument, operation)
    guard let equals = text.lastIndex(of: "=") else {
      throw SurgeryError.form("\(operation): is not A,B,C=TO or A,B,C=TO@DIM")
    }
    let sources = text[..<equals].split(separator: ",").map(String.init)
    guard sources.count > 1 else {
      throw SurgeryError.form("\(operation): needs two or more tensors to put together")
    }
    let keys = Array(entries.keys)
    let targets = try KeyRewrite(
      from: sources[0], to: String(text[text.index(after: equals)...])
    ).apply(to: keys)
    let others = try sources.dropFirst().map {
      try KeyRewrite(from: sources[0], to: $0).apply(to: keys)
    }
    var count = 0
    for (index, key) in keys.enumerated() {
      guard let target = targets[index] else { continue }
      let names = [key] + others.compactMap { $0[index] }
      let tensors = try names.map { name in
        guard let tensor = entries[name]?.tensor else {
          throw SurgeryError(
            "\(operation): \(quoted(name.string)) is missing beside \(quoted(key.string))")
        }
        return tensor
      }
      let joined = try SurgeryPlan.joined(tensors, dimension, names, operation)
      for name in names { entries[name] = nil }
      try add(
        target,
        Entry(
          tensor: joined, origin: nil,
          deeds: ["of " + names.map(\.string).joined(separator: ", ")]),
        operation.description)
      count += 1
    }
    guard count > 0 else {
      throw SurgeryError("\(operation): no key matches \(quoted(sources[0]))")
    }
    return count
  }

  private static func joined(
    _ tensors: [Tensor], _ dimension: Int, _ names: [Key], _ operation: SurgeryOperation
  ) throws -> Tensor {
    let first = tensors[0].shape
    let place = first.rank == 1 ? 0 : dimension
    var extents = first.dimensions
    guard place < first.rank else {
      throw SurgeryError("\(operation): \(quoted(names[0].string)) has no dimension \(place)")
    }
    extents[place] = 0
    let rest = extents
    for (tensor, name) in zip(tensors, names) {
      var other = tensor.shape.dimensions
      guard other.count == rest.count, tensor.dtype == tensors[0].dtype,
        tensor.dtype.byteWidth != nil
      else {
        throw SurgeryError(
          "\(operation): \(quoted(name.string)) does not fit \(quoted(names[0].string))")
      }
      extents[place] = extents[place].addingSaturated(other[place])
      other[place] = 0
      guard other == rest else {
        throw SurgeryError(
          "\(operation): \(quoted(name.string)) \(tensor.shape) does not fit beside "
            + "\(quoted(names[0].string)) \(first)")
      }
    }
    guard let shape = Shape(extents) else { throw SurgeryError("\(operation): too large") }
    let outer = rest.prefix(place).reduce(1, *)
    return try Tensor.computed(dtype: tensors[0].dtype, shape: shape) { sink in
      if outer == 1 {
        for tensor in tensors { try tensor.forEachChunk { try sink.append($0) } }
        return
      }
      // A block of each at a time, as long as one can be: the parts of a row stand in turns.
      let parts = try tensors.map { tensor in
        guard let flat = Shape([outer, tensor.shape.count / outer]),
          let part = try tensor.addressable().reshaped(flat)
        else { throw CheckpointError(.tensorMismatch, "\(tensor.shape) has no \(outer) rows") }
        return part
      }
      let rowBytes = parts.reduce(0) { $0 + $1.byteCount / outer }
      let count = max(1, (1 << 22) / max(rowBytes, 1))
      for start in stride(from: 0, to: outer, by: count) {
        let end = min(start + count, outer)
        let blocks = try parts.map { try $0.slice(0, start..<end)?.bytes() ?? [] }
        for row in 0..<end - start {
          for block in blocks {
            let size = block.count / (end - start)
            unsafe try sink.append(block.span.bytes.extracting(row * size..<(row + 1) * size))
          }
        }
      }
    }
  }
}
