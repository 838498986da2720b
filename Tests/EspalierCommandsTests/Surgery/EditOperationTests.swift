import ArgumentParser
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite struct `The operations of a command line` {
  private func steps(_ words: String...) throws -> [EditOperations.Step] {
    try EditCommand.parse(["in.safetensors", "--dry-run"] + words).operations.ordered
  }

  @Test func `keep their order across different options`() throws {
    #expect(
      try steps(
        "--drop", "a", "--rename", "b=c", "--drop=d", "--recipe", "r.yaml", "--cast", "e=BF16",
        "--rename", "f=g", "--preset", "lightning", "--add-prefix", "x.") == [
          .operation(.drop, ["a"]), .operation(.rename, ["b=c"]), .operation(.drop, ["d"]),
          .recipe("r.yaml"), .operation(.cast, ["e=BF16"]), .operation(.rename, ["f=g"]),
          .operation(.preset, ["lightning"]), .operation(.addPrefix, ["x."]),
        ])
  }

  @Test func `keep everything that neighbouring --keep name`() throws {
    #expect(
      try steps("--keep", "a", "--keep", "b", "--drop", "c", "--keep", "d") == [
        .operation(.keep, ["a", "b"]), .operation(.drop, ["c"]), .operation(.keep, ["d"]),
      ])
  }

  @Test func `do not depend on a command line that was parsed before`() throws {
    let first = try EditCommand.parse(["in", "--drop", "a", "--rename", "b=c"])
    let second = try EditCommand.parse(["in", "--rename", "b=c", "--drop", "a"])
    #expect(
      first.operations.drop.map(\.place) == [0] && first.operations.rename.map(\.place) == [1])
    #expect(
      second.operations.rename.map(\.place) == [0] && second.operations.drop.map(\.place) == [1])
    #expect(first.operations.ordered == second.operations.ordered.reversed())
  }

  @Test func `have an option for each kind of operation`() throws {
    let help = EditCommand.helpMessage(columns: 120)
    for kind in SurgeryOperation.Kind.allCases {
      #expect(help.contains("--\(kind.rawValue) <"), "\(kind)")
      #expect(try steps("--\(kind.rawValue)", "x") == [.operation(kind, ["x"])])
    }
  }
}
