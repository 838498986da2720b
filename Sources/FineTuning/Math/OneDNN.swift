#if OneDNN
  internal import CEspalierOneDNN
  internal import Synchronization

  #if canImport(Glibc)
    internal import Glibc
  #elseif canImport(Musl)
    internal import Musl
  #elseif canImport(Darwin)
    internal import Darwin
  #endif

  /// oneDNN, one call for each tile on our own threads: the library's never start, so that the two
  /// do not fight over the cores, and a sum does not depend on the number of threads.
  ///
  /// `@unchecked` because of raw pointers: engine and streams are only read.
  @safe final class OneDNN: @unchecked Sendable {
    let engine: dnnl_engine_t
    /// A stream for each thread of the pool.
    let streams: [dnnl_stream_t]
    /// Whether the library has a kernel here that takes packed weights. Without one its product
    /// copies the weights on every call, and the portable kernel is as fast or faster.
    let packs: Bool
    /// How names of implementations that take packed weights begin.
    private let packingName: String
    private let products = Mutex<[ProductShape: CompiledProduct]>([:])

    /// The library, for a pool of `threads`. `nil` when it cannot start. With an empty `packingName`
    /// every implementation gets its weights packed, which is only good for tests.
    init?(threads: Int, packingName: String = "brg") {
      var engine: dnnl_engine_t?
      guard unsafe dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
        let engine = unsafe engine
      else { return nil }
      var streams: [dnnl_stream_t] = unsafe []
      for _ in 0..<threads {
        var stream: dnnl_stream_t?
        guard
          unsafe dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue)
            == dnnl_success, let stream = unsafe stream
        else { break }
        unsafe streams.append(stream)
      }
      unsafe self.engine = unsafe engine
      unsafe self.streams = unsafe streams
      let probe = OpenMP.onOneThread {
        unsafe CompiledProduct(
          ProductShape(rows: 128, columns: 768, depth: 768), engine: engine, like: nil)
      }
      packs = probe?.name.hasPrefix(packingName) ?? false
      self.packingName = packingName
      guard unsafe streams.count == threads else { return nil }
    }

    deinit {
      for index in unsafe streams.indices { unsafe dnnl_stream_destroy(streams[index]) }
      unsafe dnnl_engine_destroy(engine)
    }

    /// The library's version, such as `2.6.3`.
    static var version: String {
      guard let version = unsafe dnnl_version()?.pointee else { return "?" }
      return unsafe "\(version.major).\(version.minor).\(version.patch)"
    }

    /// Whether the library works on the thread that calls it, given OpenMP's word for it.
    static var obeysCaller: Bool {
      espalier_dnnl_runs_serially() != 0
        || (espalier_dnnl_runs_on_openmp() != 0 && OpenMP.isPresent)
    }

    func takesPackedWeights(_ product: CompiledProduct) -> Bool {
      product.name.hasPrefix(packingName)
    }

    /// The compiled product of a shape; `nil` when the library has nothing better than a plain loop.
    func product(_ shape: ProductShape, like: CompiledProduct? = nil) -> CompiledProduct? {
      products.withLock { products in
        if let known = products[shape] { return known }
        // Depths of weight gradients are numbers of tokens: any number of shapes may come by.
        if products.count >= 1024 { products.removeAll() }
        let made = OpenMP.onOneThread {
          unsafe CompiledProduct(shape, engine: engine, like: like)
        }
        products[shape] = made
        return made
      }
    }
  }

  /// Extents and strides of a product, by which it is compiled.
  struct ProductShape: Hashable {
    var rows: Int
    var columns: Int
    var depth: Int
    var left: (row: Int, column: Int)
    /// `nil` for packed weights.
    var right: (row: Int, column: Int)?
    var outputStride: Int
    var hasBias = false
    var accumulates = false

    /// A product of contiguous rows with packed weights.
    init(rows: Int, columns: Int, depth: Int) {
      self.rows = rows
      self.columns = columns
      self.depth = depth
      left = (depth, 1)
      outputStride = columns
    }

    static func == (a: Self, b: Self) -> Bool {
      a.rows == b.rows && a.columns == b.columns && a.depth == b.depth && a.left == b.left
        && a.right?.row == b.right?.row && a.right?.column == b.right?.column
        && a.outputStride == b.outputStride && a.hasBias == b.hasBias
        && a.accumulates == b.accumulates
    }

    func hash(into hasher: inout Hasher) {
      for number in [
        rows, columns, depth, left.row, left.column, right?.row ?? 0, right?.column ?? 0,
        outputStride, hasBias ? 1 : 0, accumulates ? 1 : 0,
      ] { hasher.combine(number) }
    }

    var c: espalier_dnnl_shape {
      espalier_dnnl_shape(
        m: Int64(rows), n: Int64(columns), k: Int64(depth), a_row: Int64(left.row),
        a_column: Int64(left.column), b_row: Int64(right?.row ?? 0),
        b_column: Int64(right?.column ?? 0), c_row: Int64(outputStride), has_bias: hasBias ? 1 : 0,
        accumulates: accumulates ? 1 : 0)
    }
  }

  /// A product that the library has compiled. `@unchecked` because it holds raw pointers; nothing
  /// changes after it is made, and its scratch memory is the caller's.
  @safe final class CompiledProduct: @unchecked Sendable {
    let shape: ProductShape
    let handle: espalier_dnnl_product
    /// The library's name of what it chose, such as `brg:avx512_core`.
    let name: String

    init?(_ shape: ProductShape, engine: dnnl_engine_t, like: CompiledProduct?) {
      var handle = unsafe espalier_dnnl_product()
      let made: Int32
      if let like {
        made = unsafe withUnsafePointer(to: like.handle) {
          unsafe espalier_dnnl_create(&handle, engine, shape.c, $0)
        }
      } else {
        made = unsafe espalier_dnnl_create(&handle, engine, shape.c, nil)
      }
      guard made != 0 else { return nil }
      self.shape = shape
      unsafe self.handle = unsafe handle
      name = unsafe handle.name.map { unsafe String(cString: $0) } ?? ""
      // The plain loop that the library keeps for what nothing else takes.
      if name.hasPrefix("ref") { return nil }
    }

    deinit { unsafe espalier_dnnl_destroy(handle) }

    var packedFloats: Int { unsafe (handle.packed_bytes + 3) / 4 }
    var scratchFloats: Int { unsafe (handle.scratch_bytes + 3) / 4 }
  }

  /// The threads of the OpenMP library that oneDNN brings along, whichever it is.
  enum OpenMP {
    private typealias SetThreads = @convention(c) (Int32) -> Void
    private typealias MostThreads = @convention(c) () -> Int32

    private static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
      #if canImport(Darwin)
        unsafe dlsym(UnsafeMutableRawPointer(bitPattern: -2), name)
      #else
        unsafe dlsym(nil, name)
      #endif
    }

    // Constants of the process: where the loader put the two functions.
    private static let setThreads = unsafe symbol("omp_set_num_threads").map {
      unsafe unsafeBitCast($0, to: SetThreads.self)
    }
    private static let mostThreads = unsafe symbol("omp_get_max_threads").map {
      unsafe unsafeBitCast($0, to: MostThreads.self)
    }

    static var isPresent: Bool { setThreads != nil && mostThreads != nil }

    /// Calls `body` while a parallel region of this thread would have one thread.
    static func onOneThread<R>(_ body: () -> R) -> R {
      guard let setThreads, let mostThreads else { return body() }
      let before = mostThreads()
      setThreads(1)
      defer { setThreads(before) }
      return body()
    }
  }
#endif
