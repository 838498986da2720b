import Foundation
import Testing

/// Files that hold objects of classes that nobody knows.
@Suite struct `A file with a foreign class` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("torch/foreign.pt", to: "foreign.pt")
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
  }

  @Test(arguments: [
    ["ls", "foreign.pt"], ["ls", "foreign.pt", "--json"], ["ls", "foreign.pt", "--tree"],
    ["diff", "foreign.pt", "foreign.pt"], ["diff", "foreign.pt", "foreign.pt", "--json"],
  ])
  func `is shown with a note`(_ arguments: [String]) throws {
    let result = try Tool.run(arguments, in: folder)
    #expect(result.status == 0)
    #expect(
      result.errors.contains(
        "espalier: note: foreign.pt: refers to \"argparse.Namespace\", which is unknown and was not called\n"
      ))
  }

  static let writers = [
    "graft foreign.pt --head linear --labels 2 --keep-names -o out.safetensors",
    "merge foreign.pt foreign.pt -o out.safetensors",
    "delta create foreign.pt foreign.pt -o out.safetensors",
    "convert foreign.pt -o out.safetensors",
    "edit foreign.pt --add-prefix x. -o out.safetensors",
    "edit m.safetensors --from foreign.pt:** -o out.safetensors",
  ]

  @Test(arguments: writers)
  func `is not written without being asked`(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let refused = try Tool.run(words, in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors.hasSuffix(
        "foreign.pt: holds values of unknown classes: \"argparse.Namespace\" (key \"args\"); "
          + "pass --ignore-foreign to leave them out\n"))
    #expect(!folder.exists("out.safetensors"))
    // The encoder of a head is none here; everything else is done when it is asked for.
    if words[0] == "graft" { return }
    let done = try Tool.run(words + ["--ignore-foreign"], in: folder)
    #expect(done.status == 0, "\(done.errors)")
    #expect(
      done.errors.contains(
        "espalier: note: foreign.pt: values of \"argparse.Namespace\" are left out\n"))
    #expect(folder.exists("out.safetensors"))
  }

  @Test func `is the base of a delta when that is asked for`() throws {
    try Tool.run(
      "edit", "foreign.pt", "--scale", "**=2", "--ignore-foreign", "-o", "tuned.pt", in: folder)
    try Tool.run(
      "delta", "create", "foreign.pt", "tuned.pt", "--ignore-foreign", "-o", "d.safetensors",
      in: folder)
    let apply = ["delta", "apply", "foreign.pt", "d.safetensors", "-o", "again.pt"]
    #expect(try Tool.run(apply, in: folder).status == 2)
    #expect(try Tool.run(apply + ["--ignore-foreign"], in: folder).status == 0)
    #expect(try Tool.run("diff", "tuned.pt", "again.pt", in: folder).status == 0)
  }

  @Test func `has its values in the JSON of a full listing`() throws {
    try folder.copy("torch/training.pt", to: "training.pt")
    let some = try Tool.run("ls", "training.pt", "--json", in: folder).object()
    #expect(some["values"] == nil)
    let all = try Tool.run("ls", "training.pt", "--json", "--all", in: folder).object()
    let values = try #require(all["values"] as? [[String: String]])
    let lines = try Tool.run("ls", "training.pt", "--all", in: folder).output
    #expect(!values.isEmpty)
    for value in values {
      #expect(
        lines.contains(
          "  \(value["key"] ?? "?"): \(value["text"] ?? "?") (\(value["type"] ?? "?"))\n"))
    }
  }
}
