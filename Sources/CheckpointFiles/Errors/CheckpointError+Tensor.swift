// Tensors: shapes, bytes, and elements that are computed.
extension CheckpointError {
  static var uncountableShape: CheckpointError {
    CheckpointError(.malformed, "the shape has more elements than can be counted")
  }

  static var uncountableTensor: CheckpointError {
    CheckpointError(.malformed, "the tensor has more bytes than can be counted")
  }

  static var uncountableStrides: CheckpointError {
    CheckpointError(.malformed, "the strides reach further than can be counted")
  }

  static func rankTooHigh(_ rank: Int) -> CheckpointError {
    CheckpointError(
      .tooLarge, "the shape has \(rank) dimensions, more than the \(Shape.maximumRank) allowed")
  }

  static func uncountableBytes(_ dtype: DType, _ shape: Shape) -> CheckpointError {
    CheckpointError(
      .tensorMismatch,
      "\(shape.count) elements of \(dtype) are not a whole number of bytes that can be counted")
  }

  static func outsideStorage(ofBytes byteCount: Int, end: Int) -> CheckpointError {
    CheckpointError(.malformed, "the storage ends at byte \(byteCount), the tensor at byte \(end)")
  }

  static func outsideStorage(ofElements count: Int, last: Int) -> CheckpointError {
    CheckpointError(
      .malformed, "the tensor reaches to element \(last) of its storage, which has \(count)")
  }

  static func outsideTensor(ofBytes byteCount: Int, end: Int) -> CheckpointError {
    CheckpointError(
      .invalidArgument, "the tensor ends at byte \(byteCount), the range at byte \(end)")
  }

  static func bufferTooSmall(_ byteCount: Int) -> CheckpointError {
    CheckpointError(.invalidArgument, "\(byteCount) bytes do not fit the buffer")
  }

  static var emptyStorage: CheckpointError {
    CheckpointError(.malformed, "the storage holds no bytes")
  }

  static func damaged(_ crc: UInt32, stated: UInt32) -> CheckpointError {
    CheckpointError(
      .checksumMismatch,
      "the bytes are damaged: their CRC-32 is \(Text.hexadecimal(crc)), the archive says "
        + Text.hexadecimal(stated))
  }

  static func packedStrides(_ dtype: DType) -> CheckpointError {
    CheckpointError(.unsupported, "a strided \(dtype) tensor cannot be gathered")
  }

  static func notNumbers(_ dtype: DType) -> CheckpointError {
    CheckpointError(.tensorMismatch, "\(dtype) elements cannot be read as numbers")
  }

  static func noConversion(from source: DType, to target: DType) -> CheckpointError {
    CheckpointError(.tensorMismatch, "\(source) cannot be converted to \(target)")
  }

  static func notRounded(to dtype: DType) -> CheckpointError {
    CheckpointError(.tensorMismatch, "numbers are not computed in \(dtype)")
  }

  static func notInPieces(_ dtype: DType) -> CheckpointError {
    CheckpointError(.unsupported, "\(dtype) elements are not computed in pieces")
  }

  static var tooManyElements: CheckpointError {
    CheckpointError(.tensorMismatch, "more elements were computed than the tensor holds")
  }

  static var tooFewElements: CheckpointError {
    CheckpointError(.tensorMismatch, "fewer elements were computed than the tensor holds")
  }

  static func rowsDoNotFit(_ count: Int, _ rows: Tensor, into tensor: Tensor) -> CheckpointError {
    CheckpointError(
      .tensorMismatch,
      "\(count) rows of \(rows.dtype) \(rows.shape) do not fit into \(tensor.dtype) \(tensor.shape)"
    )
  }

  /// What went wrong while elements were computed; an error of this room as it is.
  static func notComputed(_ cause: any Error) -> CheckpointError {
    cause as? CheckpointError ?? CheckpointError(.notComputed, underlying: cause, "\(cause)")
  }
}
