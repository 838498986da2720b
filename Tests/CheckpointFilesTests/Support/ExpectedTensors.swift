import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

/// What `expected.json` of a folder of fixtures says is in a file.
struct ExpectedTensor {
  let key: Key
  let dtype: String
  let shape: [Int]
  let bytes: String

  static func all(of file: String, in folder: String = "torch") throws -> [ExpectedTensor] {
    let json = try JSONParser.parse(Fixtures.bytes(Fixtures.path("\(folder)/expected.json")))
    return try #require(json[file]?.array, "no \(file) in expected.json").map { entry in
      ExpectedTensor(
        key: Key(try #require(entry["key"]?.string)), dtype: try #require(entry["dtype"]?.string),
        shape: try #require(entry["shape"]?.array).compactMap(\.integer),
        bytes: try #require(entry["bytes"]?.string))
    }
  }
}

/// Compares keys, their order, dtypes, shapes and elements.
func expectTensors(
  _ checkpoint: Checkpoint, _ expected: [ExpectedTensor], inOrder: Bool = true,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  if inOrder {
    #expect(Array(checkpoint.keys) == expected.map(\.key), sourceLocation: sourceLocation)
  } else {
    #expect(Set(checkpoint.keys) == Set(expected.map(\.key)), sourceLocation: sourceLocation)
  }
  for entry in expected {
    let tensor = try #require(
      checkpoint[entry.key], "\(entry.key)", sourceLocation: sourceLocation)
    #expect(tensor.dtype.name == entry.dtype, "\(entry.key)", sourceLocation: sourceLocation)
    #expect(
      tensor.shape.dimensions == entry.shape, "\(entry.key)", sourceLocation: sourceLocation)
    let digits = try tensor.bytes().map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    #expect(digits.joined() == entry.bytes, "\(entry.key)", sourceLocation: sourceLocation)
  }
}
