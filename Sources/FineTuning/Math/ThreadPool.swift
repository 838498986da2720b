internal import CEspalierKernels

/// Threads that share the work of one kernel at a time.
///
/// A kernel is cut over its *output*: no sum is ever shared between threads, so that results do not
/// depend on their number. `@unchecked` because the C pool is a raw pointer; it locks itself.
@safe package final class ThreadPool: @unchecked Sendable {
  private let pool: OpaquePointer

  /// The number of threads, the caller's included.
  package let threads: Int

  /// More threads than any machine of these days has cores; a million of them starve one.
  package static let maximumThreads = 1024

  /// A pool of `threads` threads; of one for each physical core when `nil`; of ``maximumThreads`` at most.
  package init(threads: Int? = nil) {
    let wanted = min(max(threads ?? espalier_physical_cores(), 1), ThreadPool.maximumThreads)
    guard let pool = unsafe espalier_pool_create(wanted) else {
      preconditionFailure("no memory for a thread pool")
    }
    unsafe self.pool = unsafe pool
    self.threads = unsafe espalier_pool_threads(pool)
  }

  deinit { unsafe espalier_pool_destroy(pool) }

  /// Calls `body(worker, item)` for every item in `0..<items` and returns when all are done. Items
  /// run in any order; `worker` (in `0..<threads`) is never in two calls at once. Inside a body, a
  /// further call works serially.
  package func forEach(_ items: Int, _ body: @Sendable (_ worker: Int, _ item: Int) -> Void) {
    guard items > 0 else { return }
    withoutActuallyEscaping(body) { body in
      var context = Context(body: body)
      unsafe withUnsafeMutablePointer(to: &context) { context in
        unsafe espalier_pool_run(
          pool, items,
          { context, worker, item in
            guard let context = unsafe context else { return }
            unsafe context.assumingMemoryBound(to: Context.self).pointee.body(worker, item)
          }, context)
      }
    }
  }

  /// Cuts `0..<count` into ranges of at least `grain` elements, a few for each thread, and calls
  /// `body` for each of them. Bounds of ranges are multiples of `multiple`.
  package func parallel(
    _ count: Int, grain: Int = 1, multiple: Int = 1, _ body: @Sendable (Range<Int>) -> Void
  ) {
    guard count > 0 else { return }
    let units = (count + multiple - 1) / multiple
    let most = max(count / max(grain, 1), 1)
    // Two pieces a thread: a thread that lost its core for a while does not hold up the others.
    let pieces = min(most, threads == 1 ? 1 : threads * 2, units)
    if pieces == 1 { return body(0..<count) }
    forEach(pieces) { _, piece in
      let first = piece * units / pieces * multiple
      let last = min((piece + 1) * units / pieces * multiple, count)
      body(first..<last)
    }
  }

  private struct Context {
    let body: @Sendable (Int, Int) -> Void
  }
}
