import CheckpointFiles
import Testing

@testable import ParameterSurgery

@Suite struct InitialiserTests {
  @Test(arguments: [
    ("zeros", Initialiser.zeros), ("ones", .ones), ("constant(0.5)", .constant(0.5)),
    ("normal(0.1)", .normal(0.1)), ("uniform(2)", .uniform(2)), ("kaiming", .kaiming),
  ])
  func `the text of an initialiser is read and written the same`(
    text: String, initialiser: Initialiser
  ) throws {
    #expect(try Initialiser(text) == initialiser)
    #expect(initialiser.description == text)
  }

  @Test func `normal without a number has the deviation of BERT`() throws {
    #expect(try Initialiser("normal") == .normal(0.02))
  }

  @Test(arguments: [
    "", "zeros(1)", "constant", "constant()", "constant(x)", "normal(nan)", "uniform(inf)",
    "uniform(1", "kaiming(2)", "Zeros", "normal(0.1) ",
  ])
  func `any other text is a syntax error`(text: String) {
    do throws(SurgeryError) {
      _ = try Initialiser(text)
      Issue.record("\(text) was read")
    } catch {
      #expect(error.kind == .syntax)
    }
  }

  /// `count` values of the initialiser for a tensor of this shape.
  private func values(
    _ initialiser: Initialiser, _ shape: Shape, seed: UInt64 = 7, stream: String = "w"
  ) throws -> [Double] {
    var all: [Double] = []
    try initialiser.values(shape).fill(shape.count, seed: seed, stream: stream) { all += $0 }
    return all
  }

  @Test func `the values have the moments of their distribution`() throws {
    let count = 100_000
    func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (mean, (squares / Double(values.count)).squareRoot())
    }
    let normal = moments(try values(.normal(0.5), [count]))
    #expect(abs(normal.mean) < 0.01 && abs(normal.deviation - 0.5) < 0.01)
    let uniform = try values(.uniform(0.5), [count])
    #expect(uniform.allSatisfy { abs($0) <= 0.5 })
    let spread = moments(uniform)
    #expect(abs(spread.mean) < 0.01 && abs(spread.deviation - 0.5 / 3.0.squareRoot()) < 0.01)
    // torch.nn.Linear: uniform in ±1/√fan-in.
    let kaiming = try values(.kaiming, [1000, 25])
    let largest = kaiming.map(abs).max() ?? 0
    #expect(largest <= 0.2 && largest > 0.199)
  }

  @Test func `the values depend on the seed and the name alone`() throws {
    let first = try values(.normal(1), [40_000])
    #expect(try values(.normal(1), [40_000]) == first)
    #expect(try values(.normal(1), [40_000], seed: 8) != first)
    #expect(try values(.normal(1), [40_000], stream: "b") != first)
    // A longer tensor begins with the same values: pieces do not change them.
    #expect(try Array(values(.normal(1), [50_000]).prefix(40_000)) == first)
  }

  @Test func `a vector has no fan-in`() {
    #expect(message { _ = try values(.kaiming, [4]) }.contains("kaiming"))
  }
}
