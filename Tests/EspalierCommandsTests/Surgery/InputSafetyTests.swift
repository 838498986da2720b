import Foundation
import Testing

/// No command writes over what it reads.
@Suite struct `An output` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "a.safetensors")
    var other = Fixture.story
    other[6] = Fixture.Entry("linear.0.weight", [3, 2], [1, -1, 2, -2, 3, 4])
    try folder.write(Fixture.safetensors(other), to: "b.safetensors")
    try folder.write(Fixture.safetensors(Array(Fixture.story.prefix(6))), to: "e.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link.safetensors"), withDestinationPath: folder.path("a.safetensors"))
    for (name, selector) in [("m.json", "linear"), ("n.json", "linear.0")] {
      try Tool.run(
        "mask", "create", "a.safetensors", "--train", selector, "-o", name, in: folder)
    }
    try folder.write(
      Array(#"{"linear.0.weight": true}"#.utf8), to: "names.json")
  }

  @Test(arguments: [
    ("mask create a.safetensors --train linear -o a.safetensors", "a.safetensors"),
    ("mask create a.safetensors --train linear -o link.safetensors", "a.safetensors"),
    ("mask create link.safetensors --train linear -o a.safetensors", "a.safetensors"),
    ("mask invert m.json a.safetensors -o a.safetensors", "a.safetensors"),
    ("mask invert m.json a.safetensors -o m.json", "m.json"),
    ("mask union m.json n.json -o n.json", "n.json"),
    ("mask intersect m.json n.json -o m.json", "m.json"),
    ("mask export m.json --to torch -o m.json", "m.json"),
    (
      "mask import names.json a.safetensors --from requires-grad -o names.json", "names.json"
    ),
    (
      "mask import names.json a.safetensors --from requires-grad -o a.safetensors", "a.safetensors"
    ),
    ("diff a.safetensors b.safetensors --html a.safetensors", "a.safetensors"),
    ("diff a.safetensors b.safetensors --html link.safetensors", "a.safetensors"),
    ("convert a.safetensors -o link.safetensors", "a.safetensors"),
    ("merge a.safetensors b.safetensors -o b.safetensors", "b.safetensors"),
    ("delta create a.safetensors b.safetensors -o b.safetensors", "b.safetensors"),
    ("edit a.safetensors --drop linear -o link.safetensors", "a.safetensors"),
    ("edit a.safetensors --from b.safetensors:linear -o b.safetensors", "b.safetensors"),
    ("graft e.safetensors --head linear --labels 2 -o e.safetensors", "e.safetensors"),
  ])
  func `does not replace a file that is read`(_ line: String, _ file: String) throws {
    let before = try folder.bytes(file)
    let names = try folder.names
    let result = try Tool.run(line.split(separator: " ").map(String.init), in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains("is one of the files being read; write somewhere else"))
    #expect(result.output == "")
    #expect(try folder.bytes(file) == before)
    #expect(try folder.names == names)
  }

  @Test func `does not follow a link into the cache`() throws {
    let model = "hub/models--some--model"
    for name in ["blobs", "snapshots/abc"] { try folder.makeFolder("\(model)/\(name)") }
    try folder.write(Fixture.safetensors(Fixture.story), to: "\(model)/blobs/0123")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("\(model)/snapshots/abc/model.safetensors"),
      withDestinationPath: "../../blobs/0123")
    let snapshot = "\(model)/snapshots/abc"
    let before = try folder.bytes("\(model)/blobs/0123")
    for line in [
      "edit \(snapshot) --in-place --drop linear",
      "edit \(snapshot)/model.safetensors --in-place --drop linear",
      "convert \(snapshot) --dtype BF16 --in-place -o \(snapshot)/model.safetensors",
      "mask create a.safetensors --train linear -o \(snapshot)/model.safetensors",
    ] {
      let result = try Tool.run(line.split(separator: " ").map(String.init), in: folder)
      #expect(result.status == 2, "\(line)")
      #expect(
        result.errors
          == "espalier: error: \(snapshot)/model.safetensors: is a link to a blob of the "
          + "Hugging Face cache, which stays as it is; pass another path with -o\n")
    }
    #expect(try folder.bytes("\(model)/blobs/0123") == before)
  }
}
