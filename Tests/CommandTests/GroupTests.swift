import Testing

@Suite struct `Repeated layers in a listing` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.wide(count: 600), to: "wide.safetensors")
    try folder.write(Fixture.safetensors(Fixture.story), to: "story.safetensors")
  }

  @Test func `are one line with their numbers and how many there are`() throws {
    let result = try Tool.run("ls", "wide.safetensors", "--group", in: folder)
    #expect(result.output == "tensor.[0-599]  ×600  F32  [1]  2.4 kB\n")
    #expect(result.errors == "")
  }

  @Test func `with gaps show the gaps, and a single tensor shows its own key`() throws {
    let result = try Tool.run(
      "ls", "wide.safetensors", "tensor[0:3]", "tensor[7]", "--group", in: folder)
    #expect(result.output == "tensor.[0-2,7]  ×4  F32  [1]  16 B\n")
    let one = try Tool.run("ls", "wide.safetensors", "tensor[7]", "--group", in: folder)
    #expect(one.output == "tensor.7    F32  [1]  4 B\n")
  }

  @Test func `are not folded in a pipe, nor by default in JSON`() throws {
    let result = try Tool.run("ls", "wide.safetensors", in: folder)
    #expect(result.output.split(separator: "\n").count == 600)
    let json = try Tool.run("ls", "wide.safetensors", "--json", "--group", in: folder)
    #expect(json.status == 64)
    #expect(
      json.errors.hasPrefix(
        "espalier: error: --json is about single tensors: leave out --group\n"))
  }

  @Test func `of different shapes stay apart`() throws {
    let result = try Tool.run("ls", "story.safetensors", "linear", "--group", in: folder)
    let plain = try Tool.run("ls", "story.safetensors", "linear", in: folder)
    #expect(
      result.output.split(separator: "\n").count == plain.output.split(separator: "\n").count)
  }
}

@Suite struct `An interrupted command` {
  /// The signal comes while the tool waits to write, with its output half made.
  @Test(arguments: ["INT", "TERM"])
  func `leaves no temporary files`(_ signal: String) throws {
    let folder = try Folder()
    try folder.write(Fixture.wide(count: 20000), to: "wide.safetensors")
    let result = try Tool.shell(
      """
      espalier convert wide.safetensors -o out.bin & tool=$!
      sleep 0.05
      kill -\(signal) $tool
      wait $tool
      ls -A | grep -v -e '^wide.safetensors$' -e '^out.bin$'
      true
      """, in: folder)
    #expect(result.output == "")
  }
}
