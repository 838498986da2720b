import CheckpointFiles
import EspalierTestSupport
import Foundation
import OrderedCollections
import ParameterSurgery
import Synchronization
import Testing

@Suite struct DiffTests {
  @Test func `a checkpoint has no difference to itself in another format`() throws {
    let file = try Checkpoint.open(Fixtures.path("bert-tiny/model.safetensors"))
    let shards = try Checkpoint.open(Fixtures.path("bert-tiny-sharded"))
    let diff = try Diff(file, shards)
    #expect(diff.isEmpty)
    #expect(diff.same == file.tensors.count)
    let folder = try TemporaryFolder()
    try file.write(to: folder.path("copy.pt"))
    #expect(try Diff(file, Checkpoint.open(folder.path("copy.pt"))).isEmpty)
  }

  @Test func `distances are those of the formulas`() throws {
    let a = try checkpoint(["w": [3, 4, 0, 0], "same": [1], "gone": [9]])
    let b = try checkpoint(["w": [3, 4, 0, 5], "same": [1], "new": [2, 2]])
    let diff = try Diff(a, b)
    #expect(diff.onlyInA == ["gone"])
    #expect(diff.onlyInB == ["new"])
    #expect(diff.same == 1)
    let values = try #require(diff.changed.first?.values)
    #expect(values.maxAbs == 5)
    #expect(values.relativeL2 == 1)
    #expect(abs(values.cosine - 25 / (5 * 50.0.squareRoot())) < 1e-12)
    #expect(values.changedFraction == 0.25)
  }

  @Test func `the bytes of one file are not read to be compared with themselves`() throws {
    let folder = try TemporaryFolder()
    try checkpoint(["w": [3, 4], "x": [1]]).write(to: folder.path("a.safetensors"))
    let a = try Checkpoint.open(folder.path("a.safetensors"))
    let b = try Checkpoint.open(folder.path("a.safetensors"))
    // Reading would find that the file ends early.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path("a.safetensors")))
    try file.truncate(atOffset: 8)
    #expect(try Diff(a, b).same == 2)
  }

  /// A double does not tell 2⁵³ from 2⁵³ + 1.
  @Test func `whole numbers of 64 bits differ by what they are`() throws {
    func pair(_ dtype: DType, _ a: [UInt64], _ b: [UInt64]) throws -> ValueDifference? {
      func checkpoint(_ values: [UInt64]) throws -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.tensors["n"] = Tensor(
          dtype: dtype, shape: [values.count],
          bytes: values.flatMap { value in
            (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
          })
        return checkpoint
      }
      return try Diff(checkpoint(a), checkpoint(b)).changed.first?.values
    }
    let large: UInt64 = 1 << 53
    let signed = try #require(try pair(.int64, [large, 5], [large + 1, 5]))
    #expect(signed.maxAbs == 1)
    #expect(signed.changedFraction == 0.5)
    #expect(try pair(.int64, [large + 1], [large + 2])?.maxAbs == 1)
    #expect(try pair(.uint64, [1 << 63], [1 << 63 + 1])?.maxAbs == 1)
    #expect(
      try pair(.int64, [UInt64(bitPattern: .min)], [UInt64(bitPattern: .max)])?.maxAbs == 0x1p64)
    #expect(try pair(.int64, [UInt64(bitPattern: -3)], [4])?.maxAbs == 7)
    #expect(try pair(.uint64, [0], [.max])?.maxAbs == 0x1p64)
    #expect(try pair(.int64, [large], [large]) == nil)
  }

  @Test func `progress ends with everything that both have, equal or not`() throws {
    let a = try checkpoint(["w": [3, 4, 0, 0], "same": [1], "gone": [9]])
    let b = try checkpoint(["w": [3, 4, 0, 5], "same": [1], "new": [2, 2]])
    let reports = Mutex<[[Int]]>([])
    var options = Diff.Options()
    options.progress = { done, total in reports.withLock { $0.append([done, total]) } }
    _ = try Diff(a, b, options: options)
    #expect(reports.withLock { $0.map { $0[0] }.max() } == 20)
    #expect(reports.withLock { $0.allSatisfy { $0[1] == 20 } })
  }

  @Test func `a tolerance forgives, NaN does not`() throws {
    let a = try checkpoint(["w": [1, .nan, .infinity], "x": [1]])
    #expect(try Diff(a, checkpoint(["w": [1, .nan, .infinity], "x": [1]])).isEmpty)
    let b = try checkpoint(["w": [1, 2, .infinity], "x": [1.125]])
    var options = Diff.Options()
    options.atol = 0.25
    let diff = try Diff(a, b, options: options)
    #expect(diff.changed.map(\.key) == ["w"])
    #expect(diff.changed.first?.values?.maxAbs.isNaN == true)
  }

  @Test func `dtype and shape are differences of their own`() throws {
    let a = try checkpoint(["w": [1, 2], "v": [1, 2]])
    var b = a
    b.tensors["w"] = try a.tensors["w"]?.converted(to: .bfloat16)
    b.tensors["v"] = Tensor([1, 2], shape: [2, 1])
    let changed = try Diff(a, b).changed
    #expect(changed.map(\.isDTypeChanged) == [true, false])
    #expect(changed.map(\.isShapeChanged) == [false, true])
    #expect(changed.map { $0.values?.maxAbs } == [0, nil])
  }

  @Test func `renames, prefixes and selectors bring keys together`() throws {
    let a = try checkpoint(["bert.a.gamma": [1], "bert.b": [2], "c": [3]])
    let b = try checkpoint(["a.weight": [1], "b": [2], "c": [4]])
    var options = Diff.Options()
    options.renames = [try KeyRewrite("**.gamma=**.weight")]
    options.ignoredPrefixes = ["bert."]
    #expect(try Diff(a, b, options: options).changed.map(\.key) == ["c"])
    options.selectors = try SelectorList(["bert.b"])
    #expect(try Diff(a, b, options: options).same == 1)
    options.selectors = try SelectorList(["zzz"])
    #expect(throws: SurgeryError.self) { try Diff(a, b, options: options) }
  }

  @Test func `renames are guessed by content, then by the end of the name`() throws {
    let a = try checkpoint(["x.w": [1, 2, 3], "bert.y.z.weight": [4, 5]])
    let b = try checkpoint(["q": [1, 2, 3], "y.z.weight": [4, 6]])
    let renames = try Diff(a, b).likelyRenames
    #expect(renames.map(\.from) == ["x.w", "bert.y.z.weight"])
    #expect(renames.map(\.to) == ["q", "y.z.weight"])
    #expect(renames.map(\.isSameContent) == [true, false])
  }
}

/// A checkpoint of F32 vectors.
func checkpoint(_ tensors: OrderedDictionary<Key, [Float]>) throws -> Checkpoint {
  var result = Checkpoint(path: "x")
  for (key, values) in tensors {
    let shape = try #require(Shape([values.count]))
    result.tensors[key] = Tensor(values, shape: shape)
  }
  return result
}
