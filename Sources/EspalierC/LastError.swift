internal import CEspalier
internal import CheckpointFiles
internal import ParameterSurgery

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Why the last call of a thread failed. Only its own thread touches it.
@safe final class LastError {
  private var arena = Arena()
  private let value: UnsafeMutablePointer<espalier_error>
  private var isSet = true

  private init() {
    unsafe value = .allocate(capacity: 1)
    clear()
  }

  deinit { unsafe value.deallocate() }

  /// What C reads.
  var pointer: UnsafePointer<espalier_error> { unsafe UnsafePointer(value) }

  func clear() {
    guard isSet else { return }
    set(Fact())
    isSet = false
  }

  /// The parts of an error.
  struct Fact {
    var status = ESPALIER_OK
    var kind = ""
    var message = ""
    var path = ""
    var key = ""
    var selector = ""
    var offset: Int?
    var suggestions: [String] = []
  }

  func set(_ fact: Fact) {
    let arena = Arena()
    let suggestions = unsafe fact.suggestions.map { unsafe arena.text($0) }
    unsafe value.initialize(
      to: espalier_error(
        status: fact.status, kind: arena.text(fact.kind), message: arena.text(fact.message),
        path: arena.text(fact.path), key: arena.text(fact.key),
        selector: arena.text(fact.selector), offset: Int64(fact.offset ?? -1),
        suggestions: arena.array(suggestions), suggestion_count: suggestions.count))
    self.arena = arena
    isSet = true
  }

  // MARK: - The object of the thread

  private static let slot: pthread_key_t = {
    var slot = pthread_key_t()
    #if canImport(Darwin)
      let free: @convention(c) (UnsafeMutableRawPointer) -> Void = {
        unsafe Unmanaged<LastError>.fromOpaque($0).release()
      }
    #else
      let free: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
        if let object = unsafe $0 { unsafe Unmanaged<LastError>.fromOpaque(object).release() }
      }
    #endif
    unsafe pthread_key_create(&slot, free)
    return slot
  }()

  /// The one of the calling thread.
  static var current: LastError {
    if let known = unsafe pthread_getspecific(slot) {
      return unsafe Unmanaged<LastError>.fromOpaque(known).takeUnretainedValue()
    }
    let made = LastError()
    unsafe pthread_setspecific(slot, Unmanaged.passRetained(made).toOpaque())
    return made
  }
}

/// Runs a call of C: its errors become the last error of the thread and a status.
func answer(_ body: () throws -> Void) -> espalier_status {
  let last = LastError.current
  last.clear()
  do {
    try body()
    return ESPALIER_OK
  } catch {
    let fact = LastError.Fact(error)
    last.set(fact)
    return fact.status
  }
}

extension LastError.Fact {
  init(_ error: any Error) {
    switch error {
    case let error as Misuse:
      self.init(status: error.status, kind: error.kind, message: error.sentence)
      key = error.key ?? ""
      if let key = error.key { message += " (key \(quoted(key)))" }
    case let error as CheckpointError:
      self.init(
        status: ESPALIER_CHECKPOINT_ERROR, kind: error.kind.rawValue, message: error.description,
        path: error.path, key: error.key?.string ?? "", offset: error.offset)
    case let error as SurgeryError:
      self.init(
        status: error.underlying == nil ? ESPALIER_SURGERY_ERROR : ESPALIER_CHECKPOINT_ERROR,
        kind: (error.underlying?.kind.rawValue) ?? error.kind.rawValue, message: error.description,
        path: error.path ?? error.underlying?.path ?? "",
        key: error.key?.string ?? error.underlying?.key?.string ?? "",
        selector: error.selector ?? "", offset: error.offset ?? error.underlying?.offset)
      if case .didYouMean(let texts)? = error.advice { suggestions = texts }
    case let error as DoesNotFit:
      self.init(error.reason)
      status = ESPALIER_DOES_NOT_FIT
    default:
      self.init(status: ESPALIER_OTHER_ERROR, kind: "other", message: oneLine("\(error)"))
    }
  }
}

/// A mask that does not fit a checkpoint.
struct DoesNotFit: Error {
  let reason: SurgeryError
}

/// The text at `pointer`, up to its zero byte.
func text(_ pointer: UnsafePointer<CChar>?, _ argument: String) throws(Misuse) -> String {
  guard let pointer = unsafe pointer else { throw .null }
  guard let text = unsafe String(validatingCString: pointer) else { throw .notUTF8(argument) }
  return text
}

/// The text of `size` bytes at `pointer`.
func text(
  _ pointer: UnsafePointer<CChar>?, size: Int, _ argument: String
) throws(Misuse) -> String {
  if size == 0 { return "" }
  guard let pointer = unsafe pointer else { throw .null }
  guard size > 0 else { throw .argument("\(argument) has a size that is too large") }
  let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
  guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
    throw .notUTF8(argument)
  }
  return text
}

/// The texts of an array of `count` pointers.
func texts(
  _ pointers: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ argument: String
) throws(Misuse) -> [String] {
  if count == 0 { return [] }
  guard let pointers = unsafe pointers else { throw .null }
  guard count > 0 else { throw .argument("the number of selectors is too large") }
  var result: [String] = []
  for index in 0..<count { result.append(try unsafe text(pointers[index], argument)) }
  return result
}
