import EspalierTestSupport
import Testing

/// The name of a dtype may be that of safetensors, PyTorch or numpy wherever it is an argument.
@Suite struct DTypeSpellingTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(
      Fixture.safetensors([.init("w", "F32", [2], [UInt8](repeating: 0, count: 8))]),
      to: "a.safetensors")
  }

  @Test(arguments: ["BF16", "bf16", "bfloat16", "torch.bfloat16"])
  func `is accepted by --dtype, --cast and :dtype`(_ name: String) throws {
    for line in [
      ["convert", "a.safetensors", "-o", "b.safetensors", "--dtype", name],
      ["edit", "a.safetensors", "-o", "c.safetensors", "--cast", "**=\(name)"],
      ["edit", "a.safetensors", "-o", "d.safetensors", "--add", "x=\(name)[2]:zeros"],
    ] {
      let result = try Tool.run(line, in: folder)
      #expect(result.status == 0, "\(result.errors)")
    }
    for file in ["b.safetensors", "c.safetensors", "d.safetensors"] {
      let listed = try Tool.run("ls", file, "**:dtype(\(name))", in: folder)
      #expect(listed.status == 0 && listed.output.contains("BF16"), "\(listed.errors)")
    }
  }

  @Test func `that is none is refused with the names that are`() throws {
    let result = try Tool.run(
      "convert", "a.safetensors", "-o", "b.safetensors", "--dtype", "bfloat17", in: folder)
    #expect(result.status == 64)
    #expect(result.errors.contains("bfloat17"))
  }
}
