internal import CheckpointFiles
internal import OrderedCollections

// Steps that cut tensors and put them together.
extension SurgeryPlan {
  mutating func split(
    _ from: String, _ names: [String], _ dimension: Int, _ sizes: [Int],
    _ operation: SurgeryOperation
  ) throws -> Int {
    let rules = try names.map { try KeyRewrite(from: from, to: $0) }
    let found = matches(rules[0])
    guard !found.isEmpty else { throw SurgeryError.noKeyMatches(from, operation) }
    let targets = rules.map { $0.apply(to: found.map(\.key)) }
    // The parts of names of one tensor are names of one tensor again.
    var copies = DetachedCopies()
    for (index, (slot, key, _)) in found.enumerated() {
      let entry = tensors.slots[slot].entry
      let shape = entry.tensor.shape
      // The bias beside a matrix has one dimension: it is cut along that.
      guard shape.rank > 0 else { throw SurgeryError.scalar(key, operation) }
      let place = shape.rank == 1 ? 0 : dimension
      let extent = place < shape.rank ? shape[place] : 0
      let widths = sizes.isEmpty ? rules.map { _ in extent / rules.count } : sizes
      guard widths.reduce(0, { $0.addingSaturated($1) }) == extent, extent > 0 else {
        throw SurgeryError.notCut(
          key, shape, place, into: rules.count, sizes: sizes, operation)
      }
      tensors.remove(slot)
      var start = 0
      for (target, width) in zip(targets, widths) {
        guard let target = target[index],
          let part = entry.tensor.slice(place, start..<start + width)
        else { throw SurgeryError.cannotBeCut(key, operation) }
        var piece = entry
        piece.tensor = try copies.copy(of: part)
        piece.effects.append(
          .part(of: key, dimension: place, range: start..<start + width))
        try add(target, piece, operation)
        start += width
      }
    }
    return found.count
  }

  mutating func concatenate(
    _ sources: [String], _ target: String, _ dimension: Int, _ operation: SurgeryOperation
  ) throws -> Int {
    let found = matches(try KeyRewrite(from: sources[0], to: target))
    guard !found.isEmpty else { throw SurgeryError.noKeyMatches(sources[0], operation) }
    let keys = found.map(\.key)
    let others = try sources.dropFirst().map {
      try KeyRewrite(from: sources[0], to: $0).apply(to: keys)
    }
    for (index, (_, key, name)) in found.enumerated() {
      let names = [key] + others.compactMap { $0[index] }
      let slots = try names.map { name in
        guard let slot = tensors.slot(of: name) else {
          throw SurgeryError.missingPart(name, beside: key, operation)
        }
        return slot
      }
      let joined = try SurgeryPlan.joined(
        slots.map { tensors.slots[$0].entry.tensor }, dimension, names, operation)
      for slot in Set(slots) { tensors.remove(slot) }
      try add(name, Entry(tensor: joined, origin: nil, effects: [.joined(names)]), operation)
    }
    return found.count
  }

  private static func joined(
    _ tensors: [Tensor], _ dimension: Int, _ names: [Key], _ operation: SurgeryOperation
  ) throws -> Tensor {
    let first = tensors[0].shape
    let place = first.rank == 1 ? 0 : dimension
    var extents = first.dimensions
    guard place < first.rank else {
      throw SurgeryError.noDimension(place, names[0], operation)
    }
    extents[place] = 0
    let rest = extents
    for (tensor, name) in zip(tensors, names) {
      var other = tensor.shape.dimensions
      guard other.count == rest.count, tensor.dtype == tensors[0].dtype,
        tensor.dtype.byteWidth != nil
      else {
        throw SurgeryError.otherKind(name, names[0], operation)
      }
      extents[place] = extents[place].addingSaturated(other[place])
      other[place] = 0
      guard other == rest else {
        throw SurgeryError.otherExtents(name, tensor.shape, names[0], first, operation)
      }
    }
    guard let shape = Shape(extents) else { throw SurgeryError.resultTooLarge(operation) }
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
        else { throw SurgeryError.noRows(outer, tensor.shape) }
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
