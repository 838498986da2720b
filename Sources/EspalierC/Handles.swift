internal import Synchronization

/// The objects of the open handles. A number is never used again, so that a closed handle is an error.
enum Handles {
  private struct Registry {
    var next: UInt64 = 1
    var objects: [UInt64: any AnyObject & Sendable] = [:]
  }

  private static let registry = Mutex(Registry())

  /// A new handle for `object`.
  static func add(_ object: some AnyObject & Sendable) -> UInt64 {
    registry.withLock { registry in
      let handle = registry.next
      registry.next += 1
      registry.objects[handle] = object
      return handle
    }
  }

  /// The object of `handle`, which must be of kind `type`. It lives as long as the caller keeps it, also when the handle is closed.
  static func object<T: AnyObject & Sendable>(_ handle: UInt64, as type: T.Type) throws(Misuse) -> T
  {
    guard let object = registry.withLock({ $0.objects[handle] }) else {
      throw .invalidHandle(handle)
    }
    guard let object = object as? T else { throw .otherKind(handle) }
    return object
  }

  /// Forgets `handle`.
  static func close(_ handle: UInt64) throws(Misuse) {
    // The object is freed after the lock is open again.
    let object = registry.withLock { $0.objects.removeValue(forKey: handle) }
    guard object != nil else { throw .invalidHandle(handle) }
  }
}
