internal import CEspalierKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The calls into the operating system: each retries when a signal interrupts it and turns `errno`
/// into a sentence. Nothing else in this module imports the C library.
enum SystemCall {
  /// What tells two files apart, whatever their paths.
  struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
  }

  /// What `fstat` says.
  struct Status {
    let identity: Identity
    let byteCount: Int
    let mode: UInt32

    var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
    var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }

    fileprivate init(_ status: stat) {
      identity = Identity(
        device: UInt64(truncatingIfNeeded: status.st_dev),
        inode: UInt64(truncatingIfNeeded: status.st_ino))
      byteCount = Int(status.st_size)
      mode = UInt32(status.st_mode)
    }
  }

  /// Repeats `call` while signals interrupt it; the value, or `nil` with `errno` set.
  static func retrying<T: SignedInteger>(_ call: () -> T) -> T? {
    while true {
      let value = call()
      if value != -1 { return value }
      if errno != EINTR { return nil }
    }
  }

  static func failure(
    _ path: String, _ action: CheckpointError.SystemAction
  ) -> CheckpointError {
    let code = errno
    let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    let isMissing = code == ENOENT || code == ENOTDIR
    return .system(action, reason, isMissing: isMissing).located(path: path)
  }

  // MARK: Reading

  static func openForReading(_ path: String) throws(CheckpointError) -> Int32 {
    // Without O_NONBLOCK a named pipe would block here until a process writes.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
    if let descriptor = retrying({ unsafe open(path, flags) }) { return descriptor }
    if errno == EMFILE, raiseDescriptorLimit(),
      let descriptor = retrying({ unsafe open(path, flags) })
    {
      return descriptor
    }
    throw failure(path, .open)
  }

  /// Many shards need many descriptors; the soft limit is often far below the hard one.
  private static func raiseDescriptorLimit() -> Bool {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return false
    }
    limit.rlim_cur = limit.rlim_max
    return unsafe setrlimit(resource, &limit) == 0
  }

  static func status(of descriptor: Int32, _ path: String) throws(CheckpointError) -> Status {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path, .inspect) }
    return Status(status)
  }

  /// The status of what `path` leads to, or `nil` when there is nothing.
  static func status(at path: String) -> Status? {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? Status(status) : nil
  }

  /// Whether there is a regular file at `path` itself, and not a link to one.
  static func isRegularAndNoLink(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && Status(status).isRegular
  }

  /// Fills `buffer` from `offset`; returns how many bytes there were before the end of the file.
  static func readFully(
    _ descriptor: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer, _ path: String
  ) throws(CheckpointError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = min(buffer.count - done, 1 << 30)
      guard
        let read = retrying({
          unsafe pread(
            descriptor, buffer.baseAddress.map { unsafe $0 + done }, count, off_t(offset + done))
        })
      else { throw failure(path, .read) }
      if read == 0 { break }
      done += read
    }
    return done
  }

  /// The `count` bytes at `offset` of the `byteCount` bytes that begin at `base`. The range is checked before memory is
  /// taken.
  static func bytes(
    _ descriptor: Int32, at offset: Int, count: Int, from base: Int = 0, of byteCount: Int,
    _ path: String
  ) throws(CheckpointError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .fileEndsEarly(needed: count, found: max(0, byteCount - offset)).located(
        path: path, offset: offset)
    }
    var failure: CheckpointError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(CheckpointError) {
        let target = unsafe UnsafeMutableRawBufferPointer(
          start: buffer.baseAddress, count: count)
        initialized = try unsafe readFully(descriptor, at: base + offset, into: target, path)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    guard bytes.count == count else {
      throw .fileEndsEarly(needed: count, found: bytes.count).located(path: path, offset: offset)
    }
    return bytes
  }

  /// Reads what there is, at most `buffer.count` bytes; 0 at the end of the file.
  static func readSome(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, _ path: String
  ) throws(CheckpointError) -> Int {
    guard let count = retrying({ unsafe read(descriptor, buffer.baseAddress, buffer.count) })
    else { throw failure(path, .read) }
    return count
  }

  /// Writes all of `bytes`; returns 0, or the error number.
  static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
    var done = 0
    while done < bytes.count {
      guard
        let count = retrying({
          unsafe write(
            descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
        })
      else { return errno }
      done += count
    }
    return 0
  }

  static func map(
    _ descriptor: Int32, byteCount: Int, _ path: String
  ) throws(CheckpointError) -> UnsafeRawBufferPointer {
    let memory = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1)
    else { throw failure(path, .map) }
    return unsafe UnsafeRawBufferPointer(start: memory, count: byteCount)
  }

  /// Releases the pages that are wholly inside `memory`, which is part of a mapped file: they are
  /// read again when they are used.
  static func releasePages(_ memory: UnsafeRawBufferPointer) {
    let page = Int(getpagesize())
    guard let base = memory.baseAddress else { return }
    let start = (Int(bitPattern: base) + page - 1) / page * page
    let end = (Int(bitPattern: base) + memory.count) / page * page
    guard start < end, let first = unsafe UnsafeMutableRawPointer(bitPattern: start) else { return }
    _ = unsafe madvise(first, end - start, MADV_DONTNEED)
  }

  static func unmap(_ memory: UnsafeRawBufferPointer) {
    unsafe munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
  }

  static func close(_ descriptor: Int32) {
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
      _ = Musl.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }

  // MARK: Writing

  /// A new file for reading and writing; fails when `path` exists.
  static func createNew(_ path: String, mode: UInt32) throws(CheckpointError) -> Int32 {
    let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
    if let descriptor = retrying({ unsafe open(path, flags, mode_t(mode)) }) { return descriptor }
    // A file of each of many shards is open until all are complete.
    if errno == EMFILE, raiseDescriptorLimit(),
      let descriptor = retrying({ unsafe open(path, flags, mode_t(mode)) })
    {
      return descriptor
    }
    throw failure(path, .create)
  }

  /// A file for reading, and for writing at its end, which is created when it is missing. A link is not followed.
  static func openForAppending(_ path: String) throws(CheckpointError) -> Int32 {
    // Without O_NONBLOCK a named pipe would block here.
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    guard let descriptor = retrying({ unsafe open(path, flags, mode_t(0o666)) }) else {
      throw failure(path, .create)
    }
    return descriptor
  }

  /// Removes everything from `count` bytes on.
  static func truncate(
    _ descriptor: Int32, to count: Int, _ path: String
  ) throws(CheckpointError) {
    guard retrying({ ftruncate(descriptor, off_t(count)) }) != nil else {
      throw failure(path, .write)
    }
  }

  /// A new file for reading and writing without a name, and the folder whose disk it takes.
  static func createNameless() throws(CheckpointError) -> (descriptor: Int32, folder: String) {
    let folder = Environment.temporaryFolder
    var template = Array("\(folder)/espalier-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw failure(folder, .createTemporary) }
    _ = unsafe unlink(&template)
    return (descriptor, folder)
  }

  static func setMode(_ descriptor: Int32, _ mode: UInt32) {
    // Keeping the permissions of a replaced file is best effort: some file systems have none.
    _ = fchmod(descriptor, mode_t(mode & 0o7777))
  }

  /// Writes all of `buffer` at the current position.
  static func writeFully(
    _ descriptor: Int32, _ buffer: UnsafeRawBufferPointer, _ path: String
  ) throws(CheckpointError) {
    var done = 0
    while done < buffer.count {
      let count = min(buffer.count - done, 1 << 30)
      guard
        let written = retrying({
          unsafe write(descriptor, buffer.baseAddress.map { unsafe $0 + done }, count)
        })
      else { throw failure(path, .write) }
      done += written
    }
  }

  /// Overwrites the bytes at `offset` and leaves the position alone.
  static func writeFully(
    _ descriptor: Int32, at offset: Int, _ buffer: UnsafeRawBufferPointer, _ path: String
  ) throws(CheckpointError) {
    var done = 0
    while done < buffer.count {
      guard
        let written = retrying({
          unsafe pwrite(
            descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
            off_t(offset + done))
        })
      else { throw failure(path, .write) }
      done += written
    }
  }

  /// Lets the disk begin with bytes that were written, so that there is less to wait for at the end.
  static func beginFlushing(_ descriptor: Int32, at offset: Int, count: Int) {
    espalier_begin_flushing(descriptor, Int64(offset), Int64(count))
  }

  static func synchronize(_ descriptor: Int32, _ path: String) throws(CheckpointError) {
    guard retrying({ fsync(descriptor) }) != nil else {
      throw failure(path, .flush)
    }
  }

  // MARK: Locks

  /// Whether a lock was taken.
  enum LockResult {
    case taken, heldByAnother
    /// Some network file systems have no locks.
    case unavailable
  }

  /// Takes the advisory lock (`flock`) of an open file or folder without waiting. It ends with the last
  /// descriptor, so also when the process is killed.
  static func tryLock(_ descriptor: Int32) -> LockResult {
    if retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) != nil { return .taken }
    return errno == EWOULDBLOCK ? .heldByAnother : .unavailable
  }

  /// Takes the lock, and waits while another process holds it. Returns whether there is a lock.
  static func lock(_ descriptor: Int32) -> Bool {
    retrying({ flock(descriptor, LOCK_EX) }) != nil
  }

  /// Whether the process with this number has ended.
  static func hasEnded(_ process: Int32) -> Bool { kill(process, 0) != 0 && errno == ESRCH }

  static func rename(_ from: String, to path: String) throws(CheckpointError) {
    #if canImport(Glibc)
      let result = unsafe Glibc.rename(from, path)
    #elseif canImport(Musl)
      let result = unsafe Musl.rename(from, path)
    #else
      let result = unsafe Darwin.rename(from, path)
    #endif
    guard result == 0 else { throw failure(path, .replace) }
  }

  /// Removes the file at `path`, if there is one; what fails is ignored.
  static func remove(_ path: String) { _ = unsafe unlink(path) }

  /// Removes the file at `path`. A file that is not there is not an error.
  static func removeFully(_ path: String) throws(CheckpointError) {
    guard unsafe unlink(path) != 0, errno != ENOENT else { return }
    throw failure(path, .remove)
  }

  /// The same without a `String`, for signal handlers.
  @unsafe static func remove(_ path: UnsafePointer<CChar>) { _ = unsafe unlink(path) }

  /// `path` with symbolic links resolved, or `nil` when it does not exist.
  static func resolved(_ path: String) -> String? {
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }

  /// Whether this process may write to what is at `path`.
  static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

  /// A number for the name of a temporary file that no other process uses at the same time.
  static var processIdentifier: Int { Int(getpid()) }
}
