internal import Synchronization

/// The kernels with the threads and the backend that they run on. One is enough for a process.
///
/// Every function returns when its work is done. Outputs come first; they may not overlap inputs
/// unless the function says so. Shapes are checked with preconditions.
package final class Kernels: Sendable {
  /// The threads.
  package let pool: ThreadPool
  /// What computes the matrix products.
  package let backend: Backend

  let workspaces: Workspaces
  /// What matrices of a step are made of.
  let buffers = BufferPool()
  #if OneDNN
    let oneDNN: OneDNN?
  #endif
  /// Memory for the packed right-hand side of the product under way.
  let packing = Mutex(FloatBuffer(count: 0))

  /// The matrix product of the portable backend.
  let functions: ProductKernels

  /// Kernels on `threads` threads (one a physical core when `nil`). A backend that is not available
  /// gives way to the portable one, and so does every other for products in bfloat16.
  package init(
    threads: Int? = nil, backend: Backend = .preferred, precision: ProductPrecision = .float32
  ) {
    pool = ThreadPool(threads: threads)
    functions = ProductKernels(precision: precision)
    #if OneDNN
      oneDNN = backend == .oneDNN && precision == .float32 ? OneDNN(threads: pool.threads) : nil
      self.backend = oneDNN == nil ? .portable : .oneDNN
    #else
      self.backend = .portable
    #endif
    workspaces = Workspaces(count: pool.threads)
  }

  #if OneDNN
    /// Kernels on a given oneDNN.
    init(threads: Int, oneDNN: OneDNN) {
      pool = ThreadPool(threads: threads)
      functions = ProductKernels(precision: .float32)
      self.oneDNN = oneDNN
      backend = .oneDNN
      workspaces = Workspaces(count: pool.threads)
    }
  #endif

  /// Cuts rows of `columns` elements over the threads, enough of them in each piece to be worth it.
  func overRows(_ rows: Int, columns: Int, _ body: @Sendable (Range<Int>) -> Void) {
    pool.parallel(rows, grain: max(8192 / max(columns, 1), 1), body)
  }

  /// Cuts `count` elements over the threads.
  func overElements(_ count: Int, _ body: @Sendable (Range<Int>) -> Void) {
    pool.parallel(count, grain: 16384, multiple: 16, body)
  }

  /// Calls `body` with pieces of matrices of one shape that lie together in memory.
  func elementwise(
    _ out: Matrix, _ x: Matrix, _ y: Matrix? = nil,
    _ body:
      @Sendable (
        UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, Int
      ) -> Void
  ) {
    let y = y ?? x
    precondition(out.rows == x.rows && out.columns == x.columns, "the shapes agree")
    precondition(out.rows == y.rows && out.columns == y.columns, "the shapes agree")
    precondition(out.buffer.isWritable, "the output is read-only")
    if out.isContiguous && x.isContiguous && y.isContiguous {
      overElements(out.count) { range in
        let start = range.lowerBound
        unsafe body(out.pointer + start, x.pointer + start, y.pointer + start, range.count)
      }
    } else {
      overRows(out.rows, columns: out.columns) { range in
        for row in range {
          unsafe body(
            out.pointer + row * out.rowStride, x.pointer + row * x.rowStride,
            y.pointer + row * y.rowStride, out.columns)
        }
      }
    }
  }
}

/// Scratch memory for each thread of a pool, which grows as needed.
///
/// `@unchecked` because the buffers change: a worker's number is never in two calls at once, and it
/// touches its own buffer alone.
@safe final class Workspaces: @unchecked Sendable {
  private let buffers: UnsafeMutablePointer<FloatBuffer>
  private let count: Int

  init(count: Int) {
    self.count = count
    unsafe buffers = UnsafeMutablePointer.allocate(capacity: count)
    for worker in 0..<count { unsafe (buffers + worker).initialize(to: FloatBuffer(count: 0)) }
  }

  deinit {
    unsafe buffers.deinitialize(count: count)
    unsafe buffers.deallocate()
  }

  /// At least `floats` floats for the worker, their content anything.
  func pointer(worker: Int, floats: Int) -> UnsafeMutablePointer<Float> {
    precondition(worker >= 0 && worker < count, "a worker of the pool")
    if unsafe buffers[worker].count < floats {
      unsafe buffers[worker] = FloatBuffer(count: floats, content: .uninitialized)
    }
    return unsafe buffers[worker].pointer
  }
}
