import FineTuning
import Testing

@testable import EspalierCommands

@Suite struct `The command line that a run stored` {
  private let own = [
    "--model", "base", "--train", "linear", "--lr=1e-3", "--warmup", "-1", "-o", "run",
  ]

  @Test func `keeps what decides the result`() throws {
    #expect(try StoredCommandLine(own, folder: "run").arguments == own)
  }

  @Test(arguments: [
    ["--threads", "1024"], ["--threads=1024"], ["--progress", "always"], ["--expect", "4"],
    ["--json", "--explain", "--dry-run"], ["--cache-dir", "cache"], ["--cache-dir=cache"],
  ])
  func `loses what belongs to one call or to the machine`(more: [String]) throws {
    #expect(try StoredCommandLine(more + own, folder: "run").arguments == own)
    #expect(try StoredCommandLine(own + more, folder: "run").arguments == own)
  }

  @Test func `names the cache that it used`() throws {
    let line = try StoredCommandLine(own + ["--cache-dir=cache"], folder: "run")
    #expect(line.cacheDirectory == "cache")
  }

  @Test(arguments: [
    "--help", "-h", "--version", "--generate-completion-script",
    "--generate-completion-script=bash",
    "--experimental-dump-help", "--resume", "--folds", "--seeds", "--", "-ofile", "--unknown",
  ])
  func `is refused when no run stores such an argument`(argument: String) {
    let error = #expect(throws: FineTuningError.self) {
      try StoredCommandLine(own + [argument], folder: "run")
    }
    #expect(
      error?.description
        == "run: the stored command line has an argument that no run stores: \"\(argument)\"")
  }
}
