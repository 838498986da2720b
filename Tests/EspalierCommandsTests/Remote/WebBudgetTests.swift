import CheckpointFiles
import Testing

@testable import EspalierCommands

@Suite struct `The limits of all requests together` {
  @Test func `count the bytes of every answer`() throws {
    let budget = WebBudget(seconds: 60, maximumByteCount: 100)
    try budget.take(60, of: "a")
    try budget.take(40, of: "b")
    #expect {
      try budget.take(1, of: "c")
    } throws: {
      let error = $0 as? CheckpointError
      return error?.kind == .tooLarge && error?.path == "c"
    }
  }

  @Test func `end a request before it starts when no time is left`() throws {
    let request = WebRequest(
      url: "https://host.test/x", timeout: 60, budget: WebBudget(seconds: -1))
    #expect {
      _ = try request.get(0..<10) { _ in 10 }
    } throws: {
      ($0 as? CheckpointError)?.kind == .network
    }
  }
}
