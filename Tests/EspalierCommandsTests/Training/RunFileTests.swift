import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

@Suite("The file of a run")
struct RunFileTests {
  let folder: Folder

  init() throws { folder = try Folder.ofSmallRun() }

  private func write(_ text: String) throws {
    try folder.write(Array(text.utf8), to: "run.toml")
  }

  private func error(_ text: String) -> String? {
    do {
      _ = try RunFile(Array(text.utf8), path: "run.toml").command(with: ["--output=out"])
      return nil
    } catch {
      return "\(error)"
    }
  }

  private let base = "model = \"tiny\"\ndata = \"train.tsv\"\ntrain = \"linear\"\n"

  @Test func `knows every option of train but those that name a run or a file of options`() throws {
    let help = try Tool.run("train", "--help", in: folder).output
    let names = Set(
      help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
        line.dropFirst(2).split(separator: "  ")[0].split { $0 == " " || $0 == "," }
      }.filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) })
    let known = Set(RunFileMember.all.map(\.name))
    #expect(known.count == RunFileMember.all.count)
    #expect(names.subtracting(known) == ["config", "resume", "help", "version"])
    #expect(known.subtracting(names) == [])
  }

  @Test(arguments: [
    ["--epochs", "2"],
    [
      "--epochs", "1", "--lr", "2e-3", "--lr", "linear.0=5e-4", "--seed", "7", "--warmup", "0.1",
      "--patience", "3",
    ],
    ["--epochs", "2", "--save", "delta", "--pooling", "cls", "--max-length", "32", "--no-dropout"],
    [
      "--epochs", "2", "--unfreeze-at", "2:bert.encoder.layer[-1]", "--lr-decay", "0.9",
      "--balance",
    ],
  ])
  func `of a result repeats its bytes, and is written again as it is`(options: [String]) throws {
    let first = try Tool.run(
      [
        "train", "--model", "tiny", "--head", "mlp:16", "--train", "linear", "--data", "train.tsv",
        "--text-column", "1", "--label-column", "2", "--header", "no", "-o", "tuned",
      ] + options, in: folder)
    try #require(first.status == 0, "\(first.errors)")
    let again = try Tool.run("train", "--config", "tuned/run.toml", "-o", "again", in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.errors == first.errors)
    let names = try Folder.names(folder.path("tuned"))
    #expect(names.contains("run.toml"))
    #expect(try Folder.names(folder.path("again")) == names)
    for name in names where !["report.html", "results.json", "history.jsonl"].contains(name) {
      #expect(try folder.bytes("again/\(name)") == folder.bytes("tuned/\(name)"), "\(name)")
    }
  }

  @Test func `is continued with all its options when the run is interrupted`() throws {
    try write(base + "head = \"mlp:16\"\neval = \"dev.tsv\"\nepochs = 100000\nseed = 5\n")
    let process = try Tool.start(["train", "--config", "run.toml", "-o", "out"], in: folder)
    while process.isRunning, !folder.exists("out/history.jsonl") { usleep(500) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    let plan = try Tool.run("train", "--resume", "out", "--dry-run", "--json", in: folder)
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(try plan.object()["steps"] as? Int == 800_000)
  }

  @Test func `gives way to the command line`() throws {
    try write(
      base + "head = \"mlp:16\"\nepochs = 5\nlr = 0.5\nno-dropout = true\noutput = \"there\"\n")
    let plan = try Tool.run(
      "train", "--config=run.toml", "--epochs=2", "--learning-rate", "1e-4", "--train",
      "linear.0.bias", "--trunk-dropout", "--dry-run", "--json", in: folder)
    #expect(plan.status == 0, "\(plan.errors)")
    let object = try plan.object()
    #expect(
      (object["trained_tensors"] as? [[String: Any]])?.map { $0["key"] as? String } == [
        "linear.0.bias"
      ])
    #expect(object["learning_rate"] as? Double == 1e-4)
    #expect(object["trunk_dropout"] as? Bool == true)
    #expect(object["steps"] as? Int == 14)
    let file = try RunFile(path: folder.path("run.toml"))
    #expect(!file.merged(with: ["-o", "here"]).contains("--output=there"))
    #expect(!file.merged(with: ["--folds", "2"]).contains("--output=there"))
    #expect(!file.merged(with: ["--mask", "m.json"]).contains("--train=linear"))
    #expect(file.merged(with: []).contains("--output=there"))
  }

  @Test func `may ask for everything, also for folds`() throws {
    try write(
      base + "head = \"linear\"\nepochs = 1\nfolds = 2\njson = true\nprogress = \"never\"\n")
    let result = try Tool.run("train", "--config", "run.toml", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try result.object()["kind"] as? String == "folds")
  }

  private static let refusals: [(line: String, sentence: String)] = [
    ("epoch = 3", "run.toml:4: unknown option \"epoch\"; did you mean `epochs`?"),
    ("Epochs = 3", "run.toml:4: unknown option \"Epochs\"; did you mean `epochs`?"),
    ("--epochs = 3", "run.toml:4: unknown option \"--epochs\"; did you mean `epochs`?"),
    ("config = \"x\"", "run.toml:4: unknown option \"config\""),
    ("resume = \"x\"", "run.toml:4: unknown option \"resume\""),
    ("help = true", "run.toml:4: unknown option \"help\""),
    ("epochs = \"3\"", "run.toml:4: `epochs` is not an integer"),
    ("epochs = 3.0", "run.toml:4: `epochs` is not an integer"),
    ("epochs = [3]", "run.toml:4: `epochs` is not an integer"),
    ("epochs = true", "run.toml:4: `epochs` is not an integer"),
    ("weight-decay = \"0.1\"", "run.toml:4: `weight-decay` is not a number"),
    ("no-dropout = 1", "run.toml:4: `no-dropout` is not true or false"),
    ("no-dropout = \"true\"", "run.toml:4: `no-dropout` is not true or false"),
    ("head = 128", "run.toml:4: `head` is not a text in quotes"),
    (
      "label-columns = []",
      "run.toml:4: `label-columns` is not a text in quotes, an integer or a list"
    ),
    ("label-columns = [true]", "run.toml:4: `label-columns` is not"),
    ("head = \"mlp:0\"", "run.toml:4: The value 'mlp:0' is invalid for '--head <head>'"),
    ("epochs = 99999999999999999999", "run.toml:4: The value '99999999999999999999' is invalid"),
    ("precision = \"f64\"", "run.toml:4: The value 'f64' is invalid"),
    ("unfreeze-at = [\"2:linear\", \"linear\"]", "run.toml:4: The value 'linear' is invalid"),
    ("keep-epochs = 0", "run.toml:4: The value '0' is invalid"),
    ("eval = \"a\\u0000b\"", "run.toml:4: `eval` has a NUL character"),
    ("epochs = 0", "run.toml: the number of epochs"),
    (
      "no-dropout = true\ntrunk-dropout = true",
      "run.toml: --no-dropout and --trunk-dropout exclude"
    ),
    ("mask = \"m.json\"", "run.toml: say what trains once"),
    ("[options]\nepochs = 3", "run.toml:4: unknown table \"options\""),
    ("[digests]\nmodle = \"x\"", "run.toml:5: unknown digest \"modle\""),
    ("[digests]\nmodel = \"abc\"", "run.toml:5: `model` is not a SHA-256"),
    ("[digests]\nmodel = 5", "run.toml:5: `model` is not a SHA-256"),
    ("epochs = three", "run.toml:4: \"three\" is not a value; put a text in quotes"),
    ("model = \"other\"", "run.toml:4: \"model\" is duplicated; it is first on line 1"),
  ]

  @Test(arguments: refusals.indices)
  func `is refused with the line of what is wrong`(_ index: Int) throws {
    let refusal = Self.refusals[index]
    let sentence = try #require(error(base + refusal.line + "\n"), "\(refusal.line)")
    #expect(sentence.hasPrefix(refusal.sentence), "\(sentence)")
  }

  @Test func `that is wrong is one line and status 2, and nothing is written`() throws {
    for text in [
      base + "epochs = \"\u{1B}[2J\"\n", base + "epochs = x\n", "", "\u{0}", "model = \"tiny\"\n",
    ] {
      try write(text)
      let result = try Tool.run("train", "--config", "run.toml", "-o", "out", in: folder)
      #expect(result.status == 2)
      #expect(result.output == "")
      #expect(result.errors.hasPrefix("espalier: error: run.toml"), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(!result.errors.utf8.contains(0x1B))
      #expect(!folder.exists("out"))
    }
    let missing = try Tool.run("train", "--config", "none.toml", "-o", "out", in: folder)
    #expect(missing.status == 2)
    #expect(
      missing.errors == "espalier: error: none.toml: cannot open: No such file or directory\n")
    let both = try Tool.run("train", "--config", "run.toml", "--resume", "out", in: folder)
    #expect(both.status == 64)
    #expect(both.errors.contains("--resume repeats the run's own options: leave out --config"))
  }

  @Test func `says which of model and data is another one, unless the command line names it`()
    throws
  {
    try #require(
      try Tool.run(
        "train", "--model", "tiny", "--head", "mlp:16", "--train", "linear", "--data", "train.tsv",
        "--eval", "dev.tsv", "--epochs", "1", "-o", "tuned", in: folder
      ).status == 0)
    func warnings(_ more: String...) throws -> [String] {
      let result = try Tool.run(
        ["train", "--config", "tuned/run.toml", "--dry-run"] + more, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      return result.errors.split(separator: "\n").map(String.init)
    }
    #expect(try warnings() == [])
    let text = try folder.text("train.tsv")
    try folder.write(Array((text + "a good film\tgood\n").utf8), to: "train.tsv")
    let data = try warnings()
    #expect(data.count == 1)
    #expect(
      data.first?.hasPrefix(
        "espalier: warning: tuned/run.toml: the training data is not the one of this run, so the result will differ (SHA-256 "
      )
        == true, "\(data)")
    #expect(try warnings("--data", "train.tsv") == [])
    try folder.write(Array(text.utf8), to: "train.tsv")
    try #require(
      try Tool.run("edit", "tiny", "--in-place", "--scale", "**.layer[0]=2", in: folder).status == 0
    )
    let model = try warnings()
    #expect(model.count == 1)
    #expect(
      model.first?.contains("tuned/run.toml: the model is not the one of this run") == true,
      "\(model)")
  }
}
