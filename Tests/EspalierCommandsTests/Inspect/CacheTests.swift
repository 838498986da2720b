import Foundation
import Testing

/// Models by name, from a made-up cache of huggingface_hub.
@Suite struct `A model in the Hugging Face cache` {
  let folder: Folder
  let commit = "0123456789abcdef0123456789abcdef01234567"

  init() throws {
    folder = try Folder()
    let model = "cache/models--some-org--some.model"
    for name in ["\(model)/refs/refs/pr", "\(model)/snapshots/\(commit)", "home/hub"] {
      try FileManager.default.createDirectory(
        atPath: folder.path(name), withIntermediateDirectories: true)
    }
    try folder.write(Array(commit.utf8), to: "\(model)/refs/main")
    try folder.write(Array("\(commit)\n".utf8), to: "\(model)/refs/refs/pr/1")
    try folder.write(
      Fixture.safetensors(Fixture.story), to: "\(model)/snapshots/\(commit)/model.safetensors")
  }

  private func list(_ name: String, _ variables: String = "HF_HUB_CACHE=cache") throws
    -> Tool.Result
  {
    try Tool.shell("\(variables) espalier ls '\(name)'", in: folder)
  }

  @Test(arguments: [
    "some-org/some.model", "some-org/some.model@main", "some-org/some.model@refs/pr/1",
    "some-org/some.model@0123456789abcdef0123456789abcdef01234567",
  ])
  func `is found by its name and revision`(_ name: String) throws {
    let result = try list(name)
    #expect(result.errors == "")
    #expect(result.status == 0)
    #expect(result.output.contains("linear.2.bias"))
  }

  @Test func `is found where each of the variables says`() throws {
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("home/hub/models--some-org--some.model"),
      withDestinationPath: folder.path("cache/models--some-org--some.model"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("huggingface"), withDestinationPath: folder.path("home"))
    for variables in [
      "HUGGINGFACE_HUB_CACHE=cache", "HF_HOME=home", "XDG_CACHE_HOME=.",
      "HOME=$PWD HF_HOME='~/home'",
    ] {
      let result = try list(
        "some-org/some.model",
        "env -u HF_HUB_CACHE -u HUGGINGFACE_HUB_CACHE -u HF_HOME -u XDG_CACHE_HOME \(variables)")
      #expect(result.status == 0, "\(variables): \(result.errors)")
    }
  }

  @Test func `that is not there says how to fetch it`() throws {
    let result = try list("some-org/other")
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(
      result.errors == "espalier: error: some-org/other: no such file or folder, and not in the "
        + "Hugging Face cache (cache); run: hf download some-org/other; to list it "
        + "without downloading it, run: espalier ls "
        + "https://huggingface.co/some-org/other/resolve/main/model.safetensors\n")
    let revision = try list("some-org/some.model@v2")
    #expect(revision.status == 2)
    #expect(
      revision.errors.contains("run: hf download some-org/some.model --revision v2;"))
    #expect(
      revision.errors.hasSuffix(
        "https://huggingface.co/some-org/some.model/resolve/v2/model.safetensors\n"))
    // Only ls reads addresses.
    let scan = try Tool.shell("HF_HUB_CACHE=cache espalier scan some-org/other", in: folder)
    #expect(scan.errors.hasSuffix("run: hf download some-org/other\n"))
  }

  @Test func `may be written as huggingface_hub writes addresses`() throws {
    let result = try list("hf://some-org/some.model@main")
    #expect(result.status == 0, "\(result.errors)")
    let missing = try list("hf://some-org/other")
    #expect(missing.status == 2)
    #expect(missing.errors.contains("hf://some-org/other: not in the Hugging Face cache (cache);"))
    let file = try list("hf://some-org/some.model/model.safetensors")
    #expect(
      file.errors == "espalier: error: hf://some-org/some.model/model.safetensors: expected "
        + "hf://OWNER/NAME or hf://OWNER/NAME@REVISION\n")
  }

  @Test func `without an owner is known by a hyphen or by the cache`() throws {
    let missing = try list("bert-base-uncased")
    #expect(missing.errors.contains("run: hf download bert-base-uncased;"))
    try folder.makeFolder("cache/models--gpt2/snapshots")
    let known = try list("gpt2")
    #expect(known.errors.contains("run: hf download gpt2;"))
  }

  @Test func `whose download was interrupted says how to complete it`() throws {
    let model = "cache/models--some-org--cut"
    try folder.makeFolder("\(model)/refs")
    try folder.write(Array(commit.utf8), to: "\(model)/refs/main")
    let absent = try list("some-org/cut")
    #expect(absent.status == 2)
    #expect(
      absent.errors.contains(
        "some-org/cut: the Hugging Face cache (cache) has no files of main, which is 0123456789ab; "
          + "run: hf download some-org/cut;"))
    try folder.makeFolder("\(model)/snapshots/\(commit)")
    try folder.write([], to: "\(model)/snapshots/\(commit)/config.json")
    let command = "hf download some-org/cut --revision \(commit)"
    let empty = try list("some-org/cut")
    #expect(empty.errors.contains("no checkpoint in this folder: looked for model.safetensors"))
    #expect(empty.errors.contains("the download is not complete, run: \(command)"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("\(model)/snapshots/\(commit)/model.safetensors"),
      withDestinationPath: "../../blobs/absent")
    let broken = try list("some-org/cut")
    #expect(broken.errors.contains(#""model.safetensors" is a link to a file that does not exist"#))
    #expect(broken.errors.contains(command))
    // One that leads nowhere does no harm beside a whole one.
    try folder.write(
      Fixture.safetensors(Fixture.story), to: "\(model)/snapshots/\(commit)/other.safetensors")
    #expect(try list("some-org/cut").status == 0)
    #expect(broken.errors.split(separator: "\n").count == 1)
  }

  @Test func `with a shard that is missing says how to complete it`() throws {
    let snapshot = "cache/models--some-org--shards/snapshots/\(commit)"
    try folder.makeFolder(snapshot)
    try folder.write(
      Array(#"{"weight_map": {"x": "model-1.safetensors"}}"#.utf8),
      to: "\(snapshot)/model.safetensors.index.json")
    let result = try list("some-org/shards@\(commit)")
    #expect(result.status == 2)
    #expect(
      result.errors.hasSuffix(
        "the download is not complete, run: hf download some-org/shards --revision \(commit)\n"))
  }

  @Test func `may not lead out of the cache`() throws {
    for name in ["some-org/..", "../cache", "some-org/some.model@../snapshots/x"] {
      let result = try list(name)
      #expect(result.status == 2)
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func `a file of that name comes first`() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path("some-org"), withIntermediateDirectories: true)
    try folder.write(
      Fixture.safetensors(Fixture.story(changing: "linear.2.bias", to: [1, 2])),
      to: "some-org/some.model")
    let result = try Tool.shell(
      "HF_HUB_CACHE=cache espalier ls some-org/some.model --json | grep '\"path\"'", in: folder)
    #expect(result.output == "\"path\": \"some-org/some.model\",\n")
  }

  @Test func `is listed by doctor`() throws {
    let result = try Tool.shell("HF_HUB_CACHE=cache espalier doctor", in: folder)
    #expect(result.status == 0)
    #expect(result.output.contains("cache, 1 model\n"))
    #expect(result.output.contains("some-org/some.model\n"))
    let json = try Tool.shell("HF_HUB_CACHE=cache espalier doctor --json", in: folder)
    let value =
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let cache = value?["cache"] as? [String: Any]
    #expect(cache?["models"] as? [String] == ["some-org/some.model"])
    #expect(
      Set(value?.keys.map { $0 } ?? []) == [
        "version", "espalier", "backend", "processor", "cache", "temporary", "advice",
      ])
  }

  @Test func `a temporary folder that is not there is said`() throws {
    let result = try Tool.shell("TMPDIR=absent espalier doctor", in: folder)
    #expect(result.status == 0)
    #expect(result.output.contains("absent does not exist; set TMPDIR to an existing folder.\n"))
  }
}
