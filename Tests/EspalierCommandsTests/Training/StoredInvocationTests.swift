import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

@Suite("The command line of a stored run")
struct StoredInvocationTests {
  private let run = ["--model", "tiny", "--data", "train.tsv"]

  @Test func `keeps what decides the numbers and leaves out what does not`() throws {
    let words =
      run + [
        "--train", "linear", "bert.pooler", "--lr=1e-3", "--lr", "linear=2e-3", "--balance", "-o",
        "/etc/elsewhere", "--cache-dir=/etc", "--threads", "1000", "--json", "--expect", "3",
      ]
    let invocation = try StoredInvocation(words, path: "state")
    #expect(
      invocation.arguments == [
        "--model=tiny", "--data=train.tsv", "--train=linear", "--train=bert.pooler", "--lr=1e-3",
        "--lr=linear=2e-3", "--balance",
      ])
    let command = try invocation.command()
    #expect(command.train == ["linear", "bert.pooler"])
    #expect(command.arguments.learningRates.map(\.selector) == [nil, "linear"])
    #expect(command.output == nil && command.arguments.cacheDir == nil)
    #expect(command.arguments.threads == nil)
    #expect(invocation.note(cacheFolder: nil)?.contains("\"/etc\"") == true)
    #expect(invocation.note(cacheFolder: "here") == nil)
  }

  @Test(arguments: [
    ["--help"], ["-h"], ["--version"], ["--generate-completion-script", "bash"],
    ["--experimental-dump-help"], ["--help-hidden"], ["help"], ["--"], ["-"], ["--mod", "x"],
    ["--epoch=1"], ["--folds", "3"], ["--seeds", "2"], ["--report", "x"], ["--threads"],
    ["--model"], ["--balance=yes"], ["--train"], ["--data", "--help"], ["x"], [""],
    ["--model", "a\u{0}b"], ["-ox"], ["--epochs\u{301}", "1"],
    ["--model", String(repeating: "a", count: 5_000)],
    ["--train", String(repeating: "a", count: 200_000)],
    ["--" + String(repeating: "\u{301}", count: 100_000)],
  ])
  func `has no word that is not an option of a run or its value`(_ words: [String]) {
    let error = #expect(throws: InputError.self) {
      try StoredInvocation(run + words, path: "state")
    }
    #expect(error?.description.hasPrefix("state: the stored command line ") == true)
    #expect((error?.description.utf8.count ?? 0) < 1_000)
  }

  @Test(arguments: [
    ["--epochs", "0"], ["--epochs=9223372036854775807"], ["--epochs", "x"], ["--lr", "1e400"],
    ["--seed", "-1"], ["--head", "mlp:0"], ["--batch-size", "9223372036854775808"],
    ["--warmup", "nan"], ["--cache-memory", "1e300GB"], ["--unfreeze-at", "99999:linear"],
    ["--no-dropout", "--trunk-dropout"], ["--mask", "a", "--mask", "b"], ["--max-length", "1e9"],
  ])
  func `is refused as input when a value cannot be used`(_ words: [String]) throws {
    let invocation = try StoredInvocation(run + words, path: "state")
    let error = #expect(throws: InputError.self) { try invocation.command() }
    #expect(error?.description.hasPrefix("state: the stored command line: ") == true)
  }

  @Test func `knows every option of train but those that store no run`() throws {
    let help = try Tool.run("train", "--help", in: Folder()).output
    let names = Set(
      help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
        line.dropFirst(2).split(separator: "  ")[0].split { $0 == " " || $0 == "," }
      }.filter { $0.hasPrefix("-") }.map(String.init))
    #expect(names.count > 40)
    let known = Set(StoredInvocation.options.keys)
    #expect(names.subtracting(known) == ["--folds", "--seeds", "-h", "--help", "--version"])
    #expect(known.subtracting(names) == [])
  }
}

@Suite("Resuming the folder of a stranger")
struct HostileFolderTests {
  @Test(arguments: [
    ["--help"], ["--version"], ["--generate-completion-script", "bash"], ["--folds", "2"],
    ["--experimental-dump-help"], ["--epochs", "9223372036854775807"], ["--report", "x"],
    ["--model", "../none"], ["--data", "none.tsv"], ["--mask", "none.json"],
  ])
  func `a stored command line is one line and status 2, and nothing is written`(
    _ words: [String]
  ) throws {
    let folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.makeFolder("run")
    try folder.write(try Self.state(words), to: "run/training-state.espalier")
    let result = try Tool.run("train", "--resume", "run", in: folder)
    #expect(result.status == 2, "\(result.errors)")
    #expect(result.output == "")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(result.errors.hasPrefix("espalier: error: "))
    #expect(try Folder.names(folder.path("run")) == ["training-state.espalier"])
  }

  /// A state with this command line.
  private static func state(_ words: [String]) throws -> [UInt8] {
    let record: [String: Any] = [
      "epoch": 1, "step": 1, "train_loss": 1, "eval_loss": 1, "learning_rate": 1, "seconds": 1,
      "tokens_per_second": 1, "cached": true, "best": true,
    ]
    let description: [String: Any] = [
      "format": "espalier-training-state", "version": 1, "settings": [String: Any](),
      "invocation": ["--model", "tiny", "--data", Fixtures.path("sentiment/train.tsv")] + words,
      "epoch": 1, "step": 1, "batches": 1, "stale_epochs": 0, "best_epoch": 1, "records": [record],
      "tensors": [String: Any](), "former": [String: Any](),
    ]
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: description), as: UTF8.self)
    let header = try JSONSerialization.data(
      withJSONObject: ["__metadata__": ["espalier": text]])
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    return length + header
  }
}
