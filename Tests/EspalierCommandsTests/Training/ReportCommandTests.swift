import EspalierTestSupport
import Foundation
import Testing

@Suite struct `espalier report` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("sentiment/train.tsv", to: "train.tsv")
    try folder.copy("sentiment/dev.tsv", to: "dev.tsv")
    try folder.copy("bert-tiny", to: "tiny")
    for (name, options) in [
      ("a", ["--seed", "1"]), ("b", ["--seed", "2"]), ("c", ["--lr", "0.5"]),
    ] {
      let result = try Tool.run(
        [
          "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data",
          "train.tsv", "--eval",
          "dev.tsv", "--epochs", "1", "-o", name,
        ] + options, in: folder)
      try #require(result.status == 0, "\(result.errors)")
    }
  }

  @Test func `compares runs and joins seeds, in words and as JSON`() throws {
    let result = try Tool.run("report", "a", "b", "c", in: folder)
    #expect(result.status == 0)
    #expect(result.errors == "")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    #expect(lines[0].hasPrefix("RUN             RUNS  TEXTS         ACCURACY     95 % INTERVAL"))
    #expect(lines[1].hasPrefix("a (2 seeds)  2 seeds     60  0."))
    #expect(lines[2].hasPrefix("c                  1     60 "))
    #expect(lines.contains { $0.hasPrefix("learning_rate  default  a (2 seeds)") })
    #expect(result.output.contains(" has the highest accuracy: 0."))
    #expect(
      result.output.contains(" is lower by ") || result.output.contains("has the same accuracy"))

    let object = try Tool.run("report", "a", "b", "c", "--json", in: folder).object()
    let runs = try #require(object["runs"] as? [[String: Any]])
    #expect(runs.map { $0["kind"] as? String } == ["seeds", "run"])
    #expect(runs[0]["paths"] as? [String] == ["a", "b"])
    #expect(runs[0]["baseline"] as? Double == 0.5)
    #expect((object["comparisons"] as? [[String: Any]])?.first?["within_spread"] is Bool)
    #expect((object["conclusions"] as? [String])?.isEmpty == false)
  }

  @Test func `writes a page, and replaces a file only with --force`() throws {
    let result = try Tool.run("report", "a", "c", "--html", "page.html", in: folder)
    #expect(result.status == 0)
    let page = try folder.text("page.html")
    #expect(page.contains("<h1>Comparison of 2 results</h1>"))
    #expect(Markup(page).elements.isSubset(of: Markup.known))
    let again = try Tool.run("report", "a", "--html", "page.html", in: folder)
    #expect(again.status == 2)
    #expect(
      again.errors == "espalier: error: page.html: the file exists; use --force to replace it\n")
    #expect(try folder.text("page.html") == page)
    #expect(try Tool.run("report", "a", "--html", "page.html", "--force", in: folder).status == 0)
    #expect(try folder.text("page.html") != page)
    // The files that are read are never replaced.
    let input = try Tool.run("report", "a", "--html", "a/results.json", "--force", in: folder)
    #expect(input.status == 2)
    #expect(try folder.text("a/results.json").hasPrefix("{"))
  }

  @Test func `reads folds and seeds, and runs of versions that stored no results`() throws {
    let study = try Tool.shell(
      "espalier train --model tiny --head linear --train linear --data train.tsv --epochs 1 --folds 3 --json > f.json",
      in: folder)
    #expect(study.status == 0)
    try FileManager.default.removeItem(atPath: folder.path("b/results.json"))
    let result = try Tool.run("report", "f.json", "b", in: folder)
    #expect(result.status == 0)
    #expect(result.output.contains("f.json  3 folds     80  0."))
    #expect(result.output.contains("\nb             1      -  "))
    #expect(result.output.contains("Single runs have no spread of accuracy"))
  }

  @Test func `what is not a run is an error that says what is`() throws {
    try folder.write(Array("{}".utf8), to: "x.json")
    try folder.write(Array("{".utf8), to: "y.json")
    for (path, sentence) in [
      (
        "tiny",
        "tiny: the folder is not that of a run: it has no history.jsonl; pass a folder that espalier train wrote, "
          + "or the JSON that it printed with --folds or --seeds"
      ),
      (
        "x.json",
        "x.json: the file is not the JSON of repeated runs; pass a folder that espalier train wrote, or the "
          + "JSON that it printed with --folds or --seeds"
      ),
      ("absent", "absent: cannot open: No such file or directory"),
    ] {
      let result = try Tool.run("report", path, in: folder)
      #expect(result.status == 2)
      #expect(result.output == "")
      #expect(result.errors == "espalier: error: \(sentence)\n")
    }
    let broken = try Tool.run("report", "y.json", in: folder)
    #expect(broken.status == 2 && broken.errors.hasPrefix("espalier: error: y.json: "))
    #expect(try Tool.run("report", "a", "--force", in: folder).status == 64)
    #expect(try Tool.run("report", in: folder).status == 64)
  }

  @Test func `the same run with the same seed writes the same results`() throws {
    let result = try Tool.run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data", "train.tsv",
      "--eval", "dev.tsv",
      "--epochs", "1", "-o", "again", "--seed", "1", in: folder)
    #expect(result.status == 0)
    let (a, b) = (try folder.text("a/results.json"), try folder.text("again/results.json"))
    #expect(
      a.replacing("\"a\"", with: "\"again\"").replacing(#""-o", "again", "--seed", "1""#, with: "")
        == b.replacing(#""-o", "again", "--seed", "1""#, with: ""))
  }
}
