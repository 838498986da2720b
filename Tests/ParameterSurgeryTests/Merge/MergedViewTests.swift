import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

/// Several views of one storage of nine numbers from `first` on, as `torch.save` keeps them.
func viewCheckpoint(from first: Float, path: String = "x") throws -> Checkpoint {
  let w = try #require(Tensor((0..<9).map { first + Float($0 * $0) }, shape: [3, 3]))
  func view(_ extents: Shape, _ offset: Int, _ strides: [Int]) -> Tensor {
    Tensor(
      dtype: w.dtype, shape: extents, storage: w.storage, byteOffset: 4 * offset, strides: strides)
  }
  var checkpoint = Checkpoint(path: path)
  checkpoint.tensors = [
    "w": w,
    "wt": view([3, 3], 0, [1, 3]),
    // Other elements of the same storage, of the same shape and place as `diagonal`.
    "over": view([2, 2], 1, [3, 2]),
    "column": view([3], 0, [3]),
    "diagonal": view([3], 0, [4]),
    "row": view([3], 0, [1]),
    "again": view([3, 3], 0, [3, 1]),
  ]
  return checkpoint
}

@Suite struct `Views of one storage` {
  @Test(arguments: Merge.Method.allCases)
  func `are merged each by its own elements`(_ method: Merge.Method) throws {
    let (a, b) = (try viewCheckpoint(from: 1), try viewCheckpoint(from: 7))
    let base = try viewCheckpoint(from: 0)
    let merge = Merge(method, density: 1)
    let start = method.needsBase ? base : nil
    let merged = try [a, b].merging(merge, base: start)
    // The same elements in checkpoints without any shared storage.
    let expected = try [a, b].map(separated).merging(merge, base: try start.map(separated))
    for (key, tensor) in expected.tensors {
      #expect(try merged[key]?.floats() == tensor.floats(), "\(key)")
    }
  }

  private func separated(_ checkpoint: Checkpoint) throws -> Checkpoint {
    var result = checkpoint
    for (key, tensor) in checkpoint.tensors {
      result.tensors[key] = Tensor(try tensor.floats(), shape: tensor.shape)
    }
    return result
  }

  @Test func `stay one tensor where they are the same elements in the same order`() throws {
    let merged = try [try viewCheckpoint(from: 1), try viewCheckpoint(from: 7)].merging(
      Merge(.linear))
    #expect(ParameterTree(merged).ties == [["w", "again"]])
    #expect(
      PartedTie.find(in: try viewCheckpoint(from: 1), merged).map(\.description) == [
        "\"wt\" had elements in common with \"w\", and no longer has: each has its values in bytes of its own"
      ])
  }

  @Test func `that were one tensor and are merged apart are noted`() throws {
    let tied = try viewCheckpoint(from: 1)
    var apart = try separated(tied)
    apart.tensors["again"] = Tensor([Float](repeating: 5, count: 9), shape: [3, 3])
    let merged = try [tied, apart].merging(Merge(.linear))
    #expect(try merged["again"]?.floats().first == 3)
    #expect(
      PartedTie.find(in: tied, merged).first?.description
        == "\"wt\" had elements in common with \"w\", and no longer has: each has its values in bytes of its own"
    )
  }

  @Test(arguments: ["cast **=F64", "scale **=2", "transpose {w,wt,again}", "copy w=z", "untie **"])
  func `are edited each by its own elements`(_ operation: String) throws {
    let whole = try edited(operation, base: try viewCheckpoint(from: 1))
    let apart = try edited(operation, base: try separated(try viewCheckpoint(from: 1)))
    #expect(whole.keys == apart.keys)
    for (key, tensor) in apart.tensors {
      #expect(try whole[key]?.doubles() == tensor.doubles(), "\(key)")
    }
  }

  @Test func `are converted, digested and put into a delta each by its own elements`() throws {
    let (base, tuned) = (try viewCheckpoint(from: 1), try viewCheckpoint(from: 2))
    for (key, tensor) in try base.converted(to: .float64).tensors {
      #expect(try tensor.doubles() == base[key]?.doubles(), "\(key)")
    }
    #expect(
      try ContentDigest.hexadecimal(of: base) == ContentDigest.hexadecimal(of: separated(base)))
    let delta = try CheckpointDelta(from: base, to: tuned)
    let again = try base.applying(CheckpointDelta(reading: delta.checkpoint))
    for (key, tensor) in tuned.tensors {
      #expect(try again[key]?.floats() == tensor.floats(), "\(key)")
    }
    #expect(ParameterTree(again).aliases == [["w", "again"]])
  }

  @Test func `floats are not averaged with integers, in either order`() throws {
    var a = Checkpoint(path: "a")
    a.tensors["n"] = Tensor([1], shape: [1])
    var b = Checkpoint(path: "b")
    b.tensors["n"] = Tensor(dtype: .int64, shape: [1], bytes: [7, 0, 0, 0, 0, 0, 0, 0])
    for (list, sentence) in [
      ([a, b], "F32 in a and I64 in b"), ([b, a], "I64 in b and F32 in a"),
    ] {
      #expect(
        message { _ = try list.merging(Merge(.linear)) }
          == "merge: \"n\" is \(sentence), and floating-point numbers are not averaged with others")
    }
  }
}

extension Tensor {
  /// The elements, row-major.
  func doubles() throws -> [Double] {
    var values: [Double] = []
    try forEachDoubles { piece in
      for index in piece.indices { values.append(piece[index]) }
    }
    return values
  }
}
