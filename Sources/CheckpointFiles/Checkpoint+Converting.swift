internal import OrderedCollections

extension Checkpoint {
  /// The same checkpoint with every real floating-point tensor in `dtype`; integers, booleans and
  /// complex numbers stay. Tensors that are views of the same elements stay tied.
  ///
  /// The work is done when the elements are used.
  ///
  /// - Parameters:
  ///   - dtype: a floating-point dtype of eight bits or more.
  ///   - losses: where numbers that are too large for `dtype` are counted, if anybody wants to know.
  /// - Throws: `CheckpointError` when a dtype has no such conversion.
  public func converted(to dtype: DType, losses: CastLosses? = nil) throws -> Checkpoint {
    var result = self
    var converted: [TensorView: Tensor] = [:]
    for (key, tensor) in tensors where tensor.dtype.isFloatingPoint && tensor.dtype != dtype {
      let view = TensorView(tensor)
      if let done = converted[view] {
        result.tensors[key] = done
        continue
      }
      do {
        var finished: (@Sendable (ElementLosses) -> Void)?
        if let losses { finished = { losses.record($0, key, dtype) } }
        let cast = try tensor.converted(to: dtype, finished: finished)
        converted[view] = cast
        result.tensors[key] = cast
      } catch var error as CheckpointError {
        error.path = path
        error.key = key
        throw error
      }
    }
    return result
  }
}
