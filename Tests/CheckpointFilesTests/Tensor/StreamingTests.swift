import CheckpointFiles
import OrderedCollections
import Testing

/// Tensors that are computed while they are used, and views of files larger than a block.
@Suite struct StreamingTests {
  /// A matrix of `rows` × `columns` numbers, each its place, computed.
  private func counting(_ rows: Int, _ columns: Int) throws -> Tensor {
    let shape = try #require(Shape([rows, columns]))
    return try Tensor.computed(dtype: .float64, shape: shape) { sink in
      for row in 0..<rows {
        try sink.append((0..<columns).map { Double(row * columns + $0) })
      }
    }
  }

  private func doubles(_ tensor: Tensor) throws -> [Double] {
    var result: [Double] = []
    try tensor.forEachDoubles { for index in $0.indices { result.append($0[index]) } }
    return result
  }

  @Test func `computed elements pass in blocks`() throws {
    let tensor = try counting(100, 100)
    var sizes: [Int] = []
    try tensor.forEachChunk(ofBytes: 4096) { sizes.append($0.byteCount) }
    #expect(sizes == Array(repeating: 4096, count: 19) + [80_000 - 19 * 4096])
    #expect(try doubles(tensor) == (0..<10_000).map(Double.init))
  }

  @Test func `rows of a computed tensor are its rows`() throws {
    let tensor = try counting(100, 7)
    let rows = try #require(tensor.rows(41..<44))
    #expect(try doubles(rows) == (41 * 7..<44 * 7).map(Double.init))
    #expect(try rows.bytes().count == 3 * 7 * 8)
    let column = try #require(tensor.slice(1, 2..<3))
    #expect(try doubles(column) == (0..<100).map { Double($0 * 7 + 2) })
  }

  @Test func `too few and too many elements are errors`() throws {
    for count in [3, 5] {
      let tensor = try Tensor.computed(dtype: .float32, shape: [4]) { sink in
        try sink.append([Double](repeating: 1, count: count))
      }
      #expect(throws: CheckpointError.self) { try tensor.forEachChunk { _ in } }
      #expect(throws: CheckpointError.self) { try tensor.floats() }
    }
  }

  @Test func `what the reader throws stops the computation and arrives`() throws {
    struct Stop: Error {}
    let tensor = try counting(1000, 1000)
    #expect(throws: Stop.self) { try tensor.forEachChunk { _ in throw Stop() } }
  }

  /// 35 MB: more than stays in memory, and more than a block of gathering.
  @Test
  func `large ones are put into a file without a name, and views of files are gathered in parts`()
    throws
  {
    let (rows, columns) = (2050, 2150)
    let computed = try counting(rows, columns)
    let copy = try computed.addressable()
    #expect(try copy.doubles(in: 1_000_000..<1_000_003) == [1_000_000, 1_000_001, 1_000_002])
    let folder = try TemporaryFolder()
    let path = folder.path + "/w.safetensors"
    try Checkpoint(tensors: ["w": computed]).write(to: path)
    let file = try #require(try Checkpoint.open(path)["w"])
    for (source, name) in [(file, "file"), (computed, "computed")] {
      let turned = try #require(source.transposed())
      var place = 0
      var isRight = true
      try turned.forEachDoubles { values in
        for index in values.indices {
          let (row, column) = (place / rows, place % rows)
          isRight = isRight && values[index] == Double(column * columns + row)
          place += 1
        }
      }
      #expect(isRight && place == rows * columns, "\(name)")
    }
    let part = try #require(file.slice(1, 1000..<1002)?.slice(0, 2040..<2050))
    var expected: [Double] = []
    for row in 2040..<2050 {
      expected += [Double(row * columns + 1000), Double(row * columns + 1001)]
    }
    #expect(try doubles(part) == expected)
  }

  @Test func `rows are replaced while the tensor is read`() throws {
    let tensor = try counting(6, 2)
    let new = try #require(
      Tensor(dtype: .float64, shape: [3, 2], bytes: [UInt8](repeating: 0, count: 48)))
    let result = try tensor.replacingRows([1..<2, 4..<6], with: new)
    #expect(try doubles(result) == [0, 1, 0, 0, 4, 5, 6, 7, 0, 0, 0, 0])
  }
}
