import CEspalier
import EspalierC
import EspalierTestSupport
import Testing

// The tests call the functions as C does: through the declarations of the header.

func string(_ text: espalier_text) -> String {
  String(
    decoding: UnsafeRawBufferPointer(start: text.data, count: text.size), as: UTF8.self)
}

/// The parts of the thread's last error.
struct LastError: Equatable {
  var status: espalier_status.RawValue
  var kind = ""
  var message = ""
  var path = ""
  var key = ""
  var selector = ""
  var offset: Int64 = -1
  var suggestions: [String] = []

  static var now: LastError {
    guard let error = espalier_last_error()?.pointee else { return LastError(status: .max) }
    return LastError(
      status: error.status.rawValue, kind: string(error.kind), message: string(error.message),
      path: string(error.path), key: string(error.key), selector: string(error.selector),
      offset: error.offset,
      suggestions: (0..<error.suggestion_count).map { string(error.suggestions[$0]) })
  }
}

/// A handle that is closed with the object.
final class Handle {
  let number: espalier_handle
  init(_ number: espalier_handle) { self.number = number }
  deinit { espalier_close(number) }

  /// The handle that `make` writes.
  init(
    location: SourceLocation = #_sourceLocation,
    _ make: (UnsafeMutablePointer<espalier_handle>) -> espalier_status
  ) throws {
    var handle: espalier_handle = 0
    let status = make(&handle)
    try #require(status == ESPALIER_OK, "\(LastError.now.message)", sourceLocation: location)
    number = handle
  }
}

func opened(_ fixture: String) throws -> Handle {
  try Handle { espalier_open(Fixtures.path(fixture), $0) }
}

/// The array that `get` gives.
func array<T>(
  location: SourceLocation = #_sourceLocation,
  _ get: (UnsafeMutablePointer<UnsafePointer<T>?>, UnsafeMutablePointer<Int>) -> espalier_status
) throws -> [T] {
  var start: UnsafePointer<T>?
  var count = -1
  let status = get(&start, &count)
  try #require(status == ESPALIER_OK, "\(LastError.now.message)", sourceLocation: location)
  if count == 0 { #expect(start == nil, sourceLocation: location) }
  return Array(UnsafeBufferPointer(start: start, count: count))
}

/// `texts` as C has them, during the call.
func withTexts<R>(
  _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) throws -> R
) rethrows -> R {
  var storage: [[CChar]] = texts.map { Array($0.utf8CString) }
  var pointers: [UnsafePointer<CChar>?] = []
  for index in storage.indices {
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: storage[index].count)
    copy.initialize(from: &storage[index], count: storage[index].count)
    pointers.append(UnsafePointer(copy))
  }
  defer { for pointer in pointers { pointer?.deallocate() } }
  return try body(&pointers)
}

/// A mask from rules.
func mask(_ checkpoint: Handle, _ rules: [(espalier_rule_kind, String)]) throws -> Handle {
  try withTexts(rules.map(\.1)) { texts in
    let made = rules.indices.map { espalier_rule(kind: rules[$0].0, selector: texts[$0]) }
    return try Handle { espalier_mask_create(checkpoint.number, made, made.count, $0) }
  }
}

/// A tensor as a test describes it.
struct Described {
  var key: String
  var dtype = "F32"
  var shape: [Int64]
  var tie: Int64 = -1
}

/// Describes tensors; the status and the handle.
func describe(_ tensors: [Described]) -> (status: espalier_status, handle: espalier_handle) {
  var handle: espalier_handle = 0
  let status = withTexts(tensors.map(\.key)) { keys in
    withTexts(tensors.map(\.dtype)) { dtypes in
      let shapes = tensors.map { tensor in
        let copy = UnsafeMutablePointer<Int64>.allocate(capacity: max(tensor.shape.count, 1))
        copy.initialize(from: tensor.shape, count: tensor.shape.count)
        return copy
      }
      defer { for shape in shapes { shape.deallocate() } }
      let list = tensors.indices.map { index in
        espalier_description(
          key: keys[index], key_size: tensors[index].key.utf8.count, dtype: dtypes[index],
          shape: shapes[index], rank: tensors[index].shape.count, tied_to: tensors[index].tie)
      }
      return espalier_describe(list, list.count, &handle)
    }
  }
  return (status, handle)
}

/// A live model's tensors, of which two are one.
func model() throws -> Handle {
  let made = describe([
    Described(key: "embed.weight", shape: [8, 4]),
    Described(key: "linear.0.weight", shape: [4, 4]),
    Described(key: "linear.0.bias", shape: [4]), Described(key: "steps", dtype: "I64", shape: []),
    Described(key: "head.weight", shape: [8, 4], tie: 0),
  ])
  try #require(made.status == ESPALIER_OK, "\(LastError.now.message)")
  return Handle(made.handle)
}
