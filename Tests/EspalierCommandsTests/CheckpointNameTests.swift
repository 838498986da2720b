import CheckpointFiles
import Testing

@testable import EspalierCommands

@Suite struct `The name of a checkpoint` {
  private func missing(_ path: String) -> CheckpointError {
    CheckpointError(.notFound, path: path, "cannot open: No such file or directory")
  }

  @Test func `that was typed and may be a model's is looked for in the cache`() {
    let error = CheckpointName.explained(
      missing("no-such-owner/no-such-model"), typed: ["ls", "no-such-owner/no-such-model"])
    #expect(error.kind == .notFound)
    #expect(error.description.contains("Hugging Face cache"))
  }

  @Test func `that only a file holds is no advice to download`() {
    let error = missing("no-such-owner/no-such-model")
    #expect(CheckpointName.explained(error, typed: ["ls", "model"]) == error)
    #expect(CheckpointName.explained(error, typed: []) == error)
  }

  @Test func `that looks like a file's stays a file's`() {
    for path in ["absent.safetensors", "folder/absent.bin", "absent"] {
      #expect(CheckpointName.explained(missing(path), typed: [path]) == missing(path))
    }
  }

  @Test func `decides by kind and not by text`() {
    let other = CheckpointError(
      .malformed, path: "no-such-owner/no-such-model", "cannot open: No such file or directory")
    #expect(CheckpointName.explained(other, typed: [other.path]) == other)
  }

  @Test func `of standard input says what to do`() {
    #expect(
      CheckpointName.explained(missing("-"), typed: ["ls", "-"]).description
        == "-: standard input is not read, because files are not read in order; save it in a file first"
    )
  }

  @Test func `that is an address belongs to ls`() {
    let address = "https://example.org/model.safetensors"
    #expect(
      CheckpointName.explained(missing(address), typed: ["diff", address]).description
        == "\(address): only ls reads addresses; download the file first")
  }

  @Test func `of a model has an address whose header can be listed`() {
    for (name, end) in [
      ("org/name", "/org/name/resolve/main/model.safetensors"),
      ("org/name@refs/pr/1", "/org/name/resolve/refs%2Fpr%2F1/model.safetensors"),
      ("hf://org/name", "/org/name/resolve/main/model.safetensors"),
    ] {
      #expect(CheckpointName.listing(of: name)?.hasSuffix(end) == true, "\(name)")
    }
    #expect(CheckpointName.listing(of: "-") == nil)
    #expect(CheckpointName.listing(of: "a/b/c") == nil)
  }
}
