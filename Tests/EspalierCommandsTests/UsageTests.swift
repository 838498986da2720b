import Testing

@Suite struct `Wrong usage` {
  let folder: Folder

  init() throws { folder = try Folder() }

  @Test func `an unknown option ends with 64 and one error line before the usage`() throws {
    let result = try Tool.run("ls", "--tre", "model.safetensors", in: folder)
    #expect(result.status == 64)
    #expect(result.output == "")
    #expect(
      result.errors.hasPrefix("espalier: error: Unknown option '--tre'. Did you mean '--tree'?\n"))
    #expect(result.errors.contains("\nUsage: espalier ls "))
  }

  @Test func `a word that is no command ends with 64 and the nearest command`() throws {
    var result = try Tool.run("lss", "model.safetensors", in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.hasPrefix("espalier: error: there is no command \"lss\"; did you mean `ls`?\n"))
    result = try Tool.run("mask", "creat", in: folder)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: there is no command \"creat\"; did you mean `create`?\n"))
    result = try Tool.run("frobnicate", in: folder)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: there is no command \"frobnicate\"; use one of ls, diff, mask, "))
  }

  @Test func `a missing argument ends with 64`() throws {
    let result = try Tool.run("ls", in: folder)
    #expect(result.status == 64)
    #expect(result.errors.hasPrefix("espalier: error: Missing expected argument '<file>'\n"))
  }

  @Test func `options that exclude each other end with 64`() throws {
    let result = try Tool.run("ls", "--tree", "--json", "model.safetensors", in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.contains(
        "\"message\":\"--tree and --json exclude each other; leave out one\""))
  }

  @Test func `no arguments print the help`() throws {
    let result = try Tool.run(in: folder)
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("List, compare, edit and fine-tune checkpoints"))
    #expect(result.errors == "")
  }

  @Test func `the version is one line`() throws {
    let result = try Tool.run("--version", in: folder)
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("espalier 0."))
    #expect(result.output.split(separator: "\n").count == 1)
  }

  @Test(arguments: [
    "ls", "diff", "mask create", "mask check", "mask show", "mask diff",
    "mask union", "mask intersect", "mask invert", "mask export", "mask import", "graft", "train",
    "evaluate", "predict", "log", "report", "edit", "merge", "delta create", "delta apply",
    "verify", "convert", "scan", "check", "doctor", "completion", "git install", "git uninstall",
    "git textconv",
  ])
  func `the help of every command has an example that begins with the tool's name`(
    _ command: String
  ) throws {
    let words = command.split(separator: " ").map(String.init)
    let result = try Tool.run(words + ["--help"], in: folder)
    #expect(result.status == 0)
    #expect(
      result.output.contains("\n  espalier \(command) ")
        || result.output.contains("\n  espalier \(command)\n"))
    #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    // An example that is broken into two lines cannot be copied.
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    for (line, next) in zip(lines, lines.dropFirst())
    where line.hasPrefix("  espalier ") && !line.hasSuffix("\\") {
      #expect(next.isEmpty || next.hasPrefix("  espalier "), "\(line)")
    }
  }
}

/// What a command finds wrong in its arguments only when it looks at them together.
@Suite struct `Arguments that do not go together` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
  }

  @Test(arguments: [
    ("edit m.safetensors -o o.safetensors", "an operation is missing", "edit"),
    ("edit m.safetensors --drop linear", "--output says where to write", "edit"),
    (
      "edit m.safetensors -o o.safetensors --cast linear",
      "cast linear: is not of the form SELECTOR=", "edit"
    ),
    (
      "edit m.safetensors -o o.safetensors --cast linear=XX", "is not a floating-point dtype",
      "edit"
    ),
    ("edit m.safetensors -o o.safetensors --rename linear", "is not of the form FROM=TO", "edit"),
    ("edit m.safetensors -o o.safetensors --metadata a", "is not of the form NAME=VALUE", "edit"),
    ("edit m.safetensors -o o.safetensors --slice linear=0:1", "is not in brackets", "edit"),
    ("edit m.safetensors -o o.safetensors --preset nothing", "there is no preset", "edit"),
    (
      "edit m.safetensors -o o.txt --drop linear",
      "has the extension .txt, which is not that of a checkpoint", "edit"
    ),
    ("diff m.safetensors m.safetensors --rename onlya", "is not of the form FROM=TO", "diff"),
    ("merge m.safetensors -o o.safetensors", "there is only one input; pass at least two", "merge"),
    (
      "merge m.safetensors m.safetensors --weight 1 -o o.safetensors",
      "2 inputs but 1 weight; pass one --weight for each input", "merge"
    ),
    (
      "merge m.safetensors m.safetensors --method ties -o o.safetensors",
      "needs a base; pass --base FILE", "merge"
    ),
    (
      "merge m.safetensors m.safetensors --base m.safetensors -o o.safetensors",
      "uses no base; leave out --base",
      "merge"
    ),
  ])
  func `says what is wrong and how the command itself is used, status 64`(
    _ line: String, _ sentence: String, _ command: String
  ) throws {
    let result = try Tool.run(line.split(separator: " ").map(String.init), in: folder)
    #expect(result.status == 64)
    #expect(result.output == "")
    let lines = result.errors.split(separator: "\n")
    #expect(lines.first?.contains(sentence) == true, "\(result.errors)")
    #expect(lines.dropFirst().first?.hasPrefix("Usage: espalier \(command) ") == true)
    #expect(lines.last == "  See 'espalier \(command) --help' for more information.")
    #expect(try folder.names == ["m.safetensors"])
  }

  @Test(arguments: ["x", "0", "-1", "1.5GB", "2 GB"])
  func `a size that is not a number of bytes has an example of one`(_ size: String) throws {
    let result = try Tool.run(
      "convert", "m.safetensors", "-o", "o.bin", "--shard-size=\(size)", in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.contains(
        "\"\(size)\" is not a number of bytes; use one such as 500MB, 2GB or 1GiB\n"))
  }

  @Test func `in a recipe is input that cannot be used`() throws {
    try folder.write(Array("steps:\n  - cast: linear\n".utf8), to: "recipe.yaml")
    let result = try Tool.run(
      "edit", "m.safetensors", "-o", "o.safetensors", "--recipe", "recipe.yaml", in: folder)
    #expect(result.status == 2)
  }
}

@Suite struct `Input that cannot be used` {
  let folder: Folder

  init() throws { folder = try Folder() }

  @Test func `a missing file is one line with its name, status 2`() throws {
    let result = try Tool.run("ls", "absent.safetensors", in: folder)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(
      result.errors
        == "espalier: error: absent.safetensors: cannot open: No such file or directory\n")
  }

  @Test func `what is no file has a next step`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    for (line, sentence) in [
      ("espalier ls ''", "the name of a file is empty"),
      (
        "espalier ls - < m.safetensors",
        "-: standard input is not read, because files are not read in order; save it in a file first"
      ),
      (
        "mkfifo pipe; cat m.safetensors > pipe & espalier ls pipe; status=$?; kill $! 2> /dev/null; exit $status",
        "pipe: is not a regular file, and a pipe cannot be read in any order; save its output to a file first"
      ),
    ] {
      let result = try Tool.shell(line, in: folder)
      #expect(result.status == 2)
      #expect(result.errors == "espalier: error: \(sentence)\n", "\(line)")
    }
  }

  @Test func `a selector that takes nothing away says so`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    for command in [["ls", "m.safetensors"], ["diff", "m.safetensors", "m.safetensors"]] {
      let result = try Tool.run(command + ["linear", "!bert"], in: folder)
      #expect(result.status == 0)
      #expect(
        result.errors
          == "espalier: note: \"!bert\" removes nothing: no tensor that it matches is "
          + "selected before it\n")
      #expect(try Tool.run(command + ["linear", "!linear.0"], in: folder).errors == "")
    }
  }

  @Test func `a truncated checkpoint says how many bytes are missing`() throws {
    let bytes = Fixture.safetensors(Fixture.story)
    try folder.write(Array(bytes.dropLast(5)), to: "cut.safetensors")
    for command in [["ls"], ["diff", "cut.safetensors"], ["mask", "check", "m.json"]] {
      if command.last == "m.json" {
        try folder.write(bytes, to: "whole.safetensors")
        try Tool.run(
          "mask", "create", "whole.safetensors", "--train", "linear", "-o", "m.json", in: folder)
      }
      let result = try Tool.run(command + ["cut.safetensors"], in: folder)
      #expect(result.status == 2)
      #expect(result.output == "")
      #expect(
        result.errors.hasPrefix("espalier: error: cut.safetensors: the file is truncated: "))
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func `nothing is coloured or drawn when nobody looks, nor with NO_COLOR`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "a.safetensors")
    try folder.write(
      Fixture.safetensors(Fixture.story(changing: "linear.2.bias", to: [1, 2])),
      to: "b.safetensors")
    for prefix in ["", "NO_COLOR=1 "] {
      let result = try Tool.shell(
        "\(prefix)espalier diff a.safetensors b.safetensors; \(prefix)espalier ls a.safetensors",
        in: folder)
      #expect(!result.output.utf8.contains(0x1B))
      #expect(result.errors == "")
    }
  }

  @Test func `a reader that goes away ends the tool quietly with 0`() throws {
    try folder.write(Fixture.wide(count: 5000), to: "wide.safetensors")
    let result = try Tool.shell(
      "{ espalier ls wide.safetensors; echo $? > status; } | head -n 1", in: folder)
    #expect(result.output == "tensor.0     F32  [1]  4 B\n")
    #expect(result.errors == "")
    #expect(try folder.text("status") == "0\n")
  }

  /// Reading past the end of a mapping raises SIGBUS; the signal itself stands for that here.
  @Test func `a mapped file that becomes shorter is one line and status 2, not a crash`() throws {
    try folder.write(Fixture.wide(count: 5000), to: "wide.safetensors")
    // The listing does not fit the pipe, so the tool waits in the middle of it.
    let result = try Tool.shell(
      """
      mkfifo pipe
      sleep 60 < pipe & reader=$!
      espalier ls wide.safetensors > pipe & writer=$!
      sleep 1
      kill -BUS $writer
      wait $writer
      echo $?
      kill $reader
      """, in: folder)
    #expect(result.output == "2\n")
    #expect(
      result.errors == "espalier: error: a file became shorter while it was read; "
        + "try again when nothing writes to it\n")
  }
}
