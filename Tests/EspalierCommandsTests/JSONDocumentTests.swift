import CheckpointFiles
import EspalierTestSupport
import Foundation
import OrderedCollections
import Testing

/// docs/json.md has every member that a command prints, and no other.
@Suite struct `The members of JSON` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.makeFolder("shards")
    try folder.copy("sentiment/train.tsv", to: "train.tsv")
    try folder.copy("sentiment/dev.tsv", to: "dev.tsv")
    for line in [
      "graft tiny --head linear --labels 2 -o base", "edit base -o tuned --scale linear=2",
      "edit tiny -o other.safetensors --scale pooler=2 --drop embeddings --rename encoder=e",
      "mask create base --train linear -o m.json",
      "mask create base --train linear.bias -o n.json",
      "convert tiny -o shards/model.safetensors --shard-size 20kB",
      "edit tiny -o tied.bin --copy "
        + "pooler.dense.weight=again",
    ] {
      let result = try run(line)
      try #require(result.status == 0, "\(line): \(result.errors)")
    }
    try folder.write(Array("linear.weight\n".utf8), to: "names.txt")
    try folder.write(
      Fixture.safetensors([.init("h.0.w", [2], [1, .nan]), .init("h.2.w", [2], [1, 1])]),
      to: "sick.safetensors")
  }

  private func run(_ line: String) throws -> Tool.Result {
    try Tool.run(line.split(separator: " ").map(String.init), in: folder)
  }

  /// The commands of each section, which together print all of its members.
  static let sections: [(title: String, lines: [String])] = [
    (
      "ls",
      [
        "ls base linear --json --sha256 --stats --totals --all",
        "ls tiny embeddings.word_embeddings.weight[0:4] --json", "ls shards --json",
        "ls tied.bin --json", "ls fixtures/torch/foreign.pt --json --all",
      ]
    ),
    (
      "diff",
      [
        "diff base tuned --json", "diff tiny other.safetensors --json --summary --histogram",
        "diff --base base tuned base --json",
      ]
    ),
    (
      "mask",
      [
        "mask create base --train linear bert.embeddings.word_embeddings.weight[1:3] --freeze linear.bias "
          + "-o o.json --json",
        "mask show o.json --json", "mask check m.json base --json",
        "mask diff m.json n.json --json",
        "mask union m.json n.json -o u.json --json", "mask diff m.json o.json --json",
        "mask import names.txt base --from names -o i.json --json",
      ]
    ),
    ("graft", ["graft tiny --head linear --labels 2 -o g.safetensors --json"]),
    (
      "edit",
      [
        "edit tiny -o half --scale pooler=100000 --cast pooler=F16 --layers encoder.layer=0:1 --metadata a=b "
          + "--json",
        "edit tiny -o small --trim-to names.txt --verify-texts names.txt --json",
      ]
    ),
    ("merge", ["merge base tuned -o soup --json"]),
    (
      "delta",
      [
        "delta create base tuned -o d.safetensors --json",
        "delta apply base d.safetensors -o again --json",
      ]
    ),
    (
      "train",
      [
        "train --model base --train linear --data train.tsv --eval dev.tsv --epochs 1 -o run --json",
        "train --model base --train linear --data train.tsv --eval dev.tsv --epochs 1 --lr 0.5 -o second --json",
        "train --model base --train linear --data train.tsv --epochs 1 --folds 2 --json",
        "train --model base --train linear --data train.tsv --epochs 1 --seeds 2 --json",
        "train --model base --train linear --unfreeze-at 2:bert.encoder.layer[-1] --data train.tsv --dry-run --json",
        "train --model base --train **.word_embeddings --data train.tsv --dry-run --json",
      ]
    ),
    ("evaluate", ["evaluate --model run --data dev.tsv --json"]),
    ("predict", ["predict --model run good --json"]),
    (
      "log",
      [
        "train --model base --train linear --data train.tsv --eval dev.tsv --epochs 1 --keep-epochs 1 "
          + "-o logged --json",
        "log logged --json",
      ]
    ),
    ("report", ["report run second --json"]),
    ("verify", ["verify base tuned --mask n.json --json"]),
    ("check", ["check sick.safetensors --json"]),
    ("doctor", ["doctor --json"]),
  ]

  @Test func `are those of docs/json.md, in both directions`() throws {
    let document = try JSONDocument.text("docs/json.md")
    for section in Self.sections {
      var members: Set<String> = []
      for line in section.lines {
        let result = try run(line.replacing("fixtures/", with: Fixtures.path("") + "/"))
        #expect([0, 1].contains(result.status), "\(line): \(result.errors)")
        members.formUnion(try Self.members(of: JSONParser.parse(Array(result.output.utf8))))
      }
      let text = JSONDocument.section(section.title, of: document)
      var known = JSONDocument.words(in: text)
      // `metrics` of a run is what evaluate prints.
      for other in section.title == "train"
        ? ["evaluate"] : section.title == "log" ? ["train", "evaluate"] : []
      {
        known.formUnion(JSONDocument.words(in: JSONDocument.section(other, of: document)))
      }
      let unknown = members.subtracting(known)
      #expect(unknown.isEmpty, "\(section.title) prints members that docs/json.md lacks")
      let absent = JSONDocument.members(in: text).subtracting(members)
        .subtracting(Self.elsewhere[section.title] ?? [])
      #expect(absent.isEmpty, "\(section.title) does not print members of docs/json.md")
    }
  }

  /// Members that are printed for other tasks or inputs; their tests are elsewhere.
  static let elsewhere: [String: Set<String>] = [:]

  /// The names of all members in a value, without those of objects whose names come from files.
  private static func members(of value: JSONValue) throws -> Set<String> {
    var names: Set<String> = []
    var rest = [value]
    while let next = rest.popLast() {
      if let object = next.object {
        for (key, value) in object {
          names.insert(key.string)
          let isFree =
            key.string == "metadata" && value.object != nil
            || ["before", "after"].contains(key.string)
              && value["key"] == nil
          if !isFree { rest.append(value) }
        }
      } else if let array = next.array {
        rest += array
      }
    }
    return names
  }
}

/// What a Markdown document says about members.
private enum JSONDocument {
  static func text(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: Fixtures.path("")).deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// The lines below a heading of the second level.
  static func section(_ title: String, of document: String) -> String {
    let parts = document.components(separatedBy: "\n## ")
    return parts.first { $0.hasPrefix(title + "\n") } ?? ""
  }

  /// All words in code: names that the section mentions.
  static func words(in section: String) -> Set<String> {
    var words: Set<String> = []
    for (index, part) in section.components(separatedBy: "`").enumerated()
    where index % 2 == 1 || part.contains("\"") {
      for word in part.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
        words.insert(String(word))
      }
    }
    return words
  }

  /// The names of members in blocks of JSON.
  static func members(in section: String) -> Set<String> {
    var members: Set<String> = []
    for (index, block) in section.components(separatedBy: "```").enumerated()
    where index % 2 == 1 && block.hasPrefix("json\n") {
      for match in block.matches(of: /"([a-z0-9_]+)"\s*:/) { members.insert(String(match.1)) }
    }
    return members
  }
}
