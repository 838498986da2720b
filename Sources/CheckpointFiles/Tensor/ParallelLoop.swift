internal import Dispatch
internal import Synchronization

/// Calls `body` with every index below `count`, on all cores, and waits for all calls.
///
/// - Throws: what the call with the lowest index throws, of those that do.
package func concurrently<Failure: Error>(
  _ count: Int, _ body: @Sendable (Int) throws(Failure) -> Void
) throws(Failure) {
  let failure = Mutex<(index: Int, error: Failure)?>(nil)
  DispatchQueue.concurrentPerform(iterations: count) { index in
    do throws(Failure) {
      try body(index)
    } catch {
      failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
    }
  }
  if let failure = failure.withLock({ $0 }) { throw failure.error }
}
