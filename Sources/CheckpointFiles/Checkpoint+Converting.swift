internal import OrderedCollections

extension Checkpoint {
  /// The same checkpoint with every real floating-point tensor in `dtype`; integers, booleans and
  /// complex numbers stay, and so do quantised tensors with their scales. Tensors that are views of the same
  /// elements stay tied.
  ///
  /// The work is done when the elements are used.
  ///
  /// - Parameters:
  ///   - dtype: a floating-point dtype of eight bits or more.
  ///   - losses: where numbers that are too large for `dtype` are counted, if they are wanted.
  /// - Throws: `CheckpointError` when a dtype has no such conversion, or all floats belong to quantised tensors.
  public func converted(to dtype: DType, losses: CastLosses? = nil) throws(CheckpointError)
    -> Checkpoint
  {
    var result = self
    var converted: [TensorView: Tensor] = [:]
    let quantized = QuantizedTensors(tensors.elements)
    let left = keptQuantized(convertingTo: dtype)
    if let key = left.first,
      !tensors.contains(where: { $1.dtype.isFloatingPoint && !quantized.contains($0) })
    {
      throw .quantized(quantized[key]).located(path: path)
    }
    for (key, tensor) in tensors
    where tensor.dtype.isFloatingPoint && tensor.dtype != dtype && !quantized.contains(key) {
      let view = TensorView(tensor)
      if let done = converted[view] {
        result.tensors[key] = done
        continue
      }
      do throws(CheckpointError) {
        var finished: (@Sendable (ElementLosses) -> Void)?
        if let losses { finished = { losses.record($0, key, dtype) } }
        let cast = try tensor.converted(to: dtype, finished: finished)
        converted[view] = cast
        result.tensors[key] = cast
      } catch { throw error.located(path: path, key: key) }
    }
    return result
  }

  /// The tensors of floats that ``converted(to:losses:)`` leaves as they are because they belong to quantised
  /// tensors: their numbers mean something only together with others.
  public func keptQuantized(convertingTo dtype: DType) -> [Key] {
    let quantized = QuantizedTensors(tensors.elements)
    return tensors.filter {
      $1.dtype.isFloatingPoint && $1.dtype != dtype && quantized.contains($0)
    }.map(\.key)
  }
}
