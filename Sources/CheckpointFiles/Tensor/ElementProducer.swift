/// How the elements of a tensor are computed: from the first to the last, as often as they are used.
struct ElementProducer: Sendable {
  let dtype: DType
  let byteCount: Int
  let work: Work

  enum Work: Sendable {
    /// Front to back.
    case stream(@Sendable (inout ElementSink) throws -> Void)
    /// In any order.
    case pieces(PieceProducer)
  }

  /// More bytes than this are not kept in memory.
  static let memoryLimit = 1 << 25

  /// Calls `body` with the bytes of `range`, in blocks of `size` bytes but for the last.
  func forEachChunk(
    in range: Range<Int>, ofBytes size: Int, _ body: (RawSpan) throws -> Void
  ) throws {
    try withoutActuallyEscaping(body) { body in
      var sink = ElementSink(
        dtype, byteCount: byteCount, window: range, ofBytes: size, body)
      switch work {
      case .stream(let produce): try produce(&sink)
      case .pieces(let pieces):
        guard let width = dtype.byteWidth else {
          throw CheckpointError.notInPieces(dtype)
        }
        try pieces.produce(dtype, count: byteCount / width, width: width, range, into: &sink)
      }
      try sink.finish()
    }
  }

  /// All bytes: in memory, or in a file without a name when they are many.
  func loaded() throws(CheckpointError) -> TensorStorage.Loaded {
    try computing {
      if byteCount > ElementProducer.memoryLimit {
        let file = try temporaryFile()
        return unsafe TensorStorage.Loaded(
          memory: try file.mapped(at: 0, count: byteCount), owner: file)
      }
      let owner = OwnedBytes(byteCount: byteCount)
      var done = 0
      try forEachChunk(in: 0..<byteCount, ofBytes: 1 << 18) { piece in
        unsafe piece.withUnsafeBytes { source in
          unsafe UnsafeMutableRawBufferPointer(
            rebasing: owner.memory[done..<done + source.count]
          ).copyMemory(from: source)
        }
        done += piece.byteCount
      }
      return owner.asLoaded
    }
  }

  /// All bytes in a file without a name.
  func temporaryFile() throws -> InputFile {
    try InputFile.temporary { write in
      try forEachChunk(in: 0..<byteCount, ofBytes: 1 << 20, write)
    }
  }
}
