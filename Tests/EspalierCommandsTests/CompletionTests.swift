import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

/// What Tab offers, without a shell.
@Suite struct `Completion` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    try folder.write(Array("not a checkpoint".utf8), to: "bad.safetensors")
  }

  /// The candidates of zsh for the words of a line, of which the last is at the cursor.
  private func answer(_ words: [String]) throws -> (head: String, words: [String]) {
    let result = try Tool.run(["---complete", "zsh", "\(words.count - 1)"] + words, in: folder)
    #expect(result.status == 0)
    #expect(result.errors == "")
    let lines = result.output.split(separator: "\n").map(String.init)
    return (lines.first ?? "", lines.dropFirst().map { String($0.prefix { $0 != "\t" }) })
  }

  private func words(_ line: String) throws -> [String] {
    try answer(line.components(separatedBy: " ")).words
  }

  @Test func `offers commands, options and values`() throws {
    #expect(try words("tr") == ["train"])
    #expect(try words("mask ex") == ["export"])
    #expect(try words("help mask ex") == ["export"])
    #expect(try words("help sel") == ["selectors"])
    #expect(try words("train --po") == ["--pooling"])
    #expect(try words("train --pooling ").contains("mean-all"))
    #expect(try words("train --pooling=cl") == ["--pooling=cls"])
    #expect(try words("merge a b --method sl") == ["slerp"])
    #expect(try words("convert m.safetensors --dtype B") == ["BF16"])
    #expect(try words("edit m.safetensors --preset gamma") == ["gamma-beta"])
    #expect(try words("completion z") == ["zsh"])
  }

  @Test func `offers keys component by component`() throws {
    #expect(try words("ls m.safetensors ") == ["bert", "linear"])
    #expect(try words("ls m.safetensors li") == ["linear"])
    #expect(try words("ls m.safetensors linear") == ["linear.0", "linear.2"])
    #expect(try words("ls m.safetensors linear.2.") == ["linear.2.weight", "linear.2.bias"])
    #expect(
      try words("ls m.safetensors bert.encoder.layer[-1].out") == ["bert.encoder.layer[-1].output"])
    #expect(try words("ls m.safetensors !linear.0.w") == ["!linear.0.weight"])
    #expect(
      try words("ls m.safetensors linear[") == [
        "linear[0]", "linear[2]", "linear[-1]", "linear[*]",
      ])
    #expect(try words("ls m.safetensors **.Layer") == ["**.LayerNorm"])
    #expect(try words("ls m.safetensors **:dt") == ["**:dtype(F32)", "**:dtype(I64)"])
    #expect(
      try words("ls m.safetensors linear:role(b") == ["linear:role(bias)", "linear:role(buffer)"])
  }

  @Test func `offers keys of the checkpoint, wherever the line names it`() throws {
    for line in [
      "diff m.safetensors bad.safetensors li", "mask create m.safetensors --train li",
      "mask create m.safetensors --train bert li", "train --model m.safetensors --train li",
      "train --model=m.safetensors --train li", "edit m.safetensors --drop li",
      "edit m.safetensors -o out.bin --keep li",
    ] {
      #expect(try words(line) == ["linear"], "\(line)")
    }
    // The checkpoint may follow the cursor.
    let result = try Tool.run(
      "---complete", "fish", "3", "mask", "create", "--train", "li", "m.safetensors", in: folder)
    #expect(result.output == "words space \n")
    let after = try Tool.run(
      "---complete", "fish", "1", "edit", "m.safetensors", "--drop", "li", in: folder)
    #expect(after.output.hasPrefix("files "))
  }

  @Test func `offers both sides of an option with two`() throws {
    let line = "edit m.safetensors"
    #expect(try words("\(line) --cast linear=B") == ["linear=BF16"])
    #expect(try words("\(line) --cast=linear=B") == ["--cast=linear=BF16"])
    #expect(try words("\(line) --cast lin") == ["linear"])
    #expect(try words("\(line) --tie a=linear.0.b") == ["a=linear.0.bias"])
    #expect(try words("\(line) --from m.safetensors:linear.0.b") == ["m.safetensors:linear.0.bias"])
    #expect(try words("\(line) --strip-prefix b") == ["bert."])
    #expect(
      try words("train --model m.safetensors --unfreeze-at 2:linear.0.b") == ["2:linear.0.bias"])
  }

  @Test func `is silent about files that are missing, damaged or not files`() throws {
    try folder.makeFolder("folder")
    for name in ["absent", "bad.safetensors", "folder", "", "https://example.org/m.safetensors"] {
      #expect(try answer(["ls", name, "li"]).words == [], "\(name)")
    }
    for line in [
      ["---complete"], ["---complete", "zsh"], ["---complete", "csh", "0", "l"],
      ["---complete", "zsh", "9", "l"], ["---complete", "zsh", "-1", "l"], ["---complete", "bash"],
    ] {
      let result = try Tool.run(line, in: folder)
      #expect(result.status == 0 && result.output == "" && result.errors == "", "\(line)")
    }
  }

  @Test func `escapes hostile keys, and what it offers selects the tensor`() throws {
    let keys = [
      #"a.odd key"#, #"a.with[0]"#, #"a.quo\"te"#, #"a.$(touch hacked)"#, #"a.new\nline"#,
      #"a.\u001b[31mred"#, #"a.st*r"#, #"a.back\\slash"#,
    ]
    try folder.write(
      Fixture.safetensors(keys.map { Fixture.Entry($0, [1], [1]) }), to: "odd.safetensors")
    let found = try answer(["ls", "odd.safetensors", "a."]).words
    #expect(found.count == keys.count)
    for word in found {
      #expect(word.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value < 127 }, "\(word)")
      let result = try Tool.run("ls", "odd.safetensors", word, "--expect", "1", in: folder)
      #expect(result.status == 0, "\(word): \(result.errors)")
    }
  }

  @Test func `offers models of the cache next to files, and masks`() throws {
    try folder.makeFolder("cache/models--owner--name/snapshots")
    let models = try Tool.shell(
      "HF_HUB_CACHE=cache espalier ---complete zsh 1 ls own", in: folder)
    #expect(models.output == "files space \nowner/name\tHugging Face cache\n")
    try Tool.run(
      "mask", "create", "m.safetensors", "--train", "linear", "-o", "freeze.json", in: folder)
    try folder.write(Array("{}".utf8), to: "other.json")
    #expect(try words("mask show ") == ["cache/", "freeze.json"])
    #expect(try words("train --model m.safetensors --mask fr") == ["freeze.json"])
    #expect(try answer(["mask", "create", "m.safetensors", "-o", "x"]).head.hasPrefix("files "))
    #expect(try answer(["train", "--resume", "x"]).head.hasPrefix("folders "))
  }

  @Test(arguments: [
    ("espalier ls m li", ["espalier", "ls", "m"], "li", "li"),
    ("espalier ls 'a b' ", ["espalier", "ls", "a b"], "", ""),
    (#"espalier ls a\ b "x y"#, ["espalier", "ls", "a b"], "x y", "x y"),
    ("cd x; espalier l", ["espalier"], "l", "l"),
    ("espalier edit m --cast=linear=B", ["espalier", "edit", "m"], "--cast=linear=B", "B"),
    (#"espalier ls m a\[0\].b"#, ["espalier", "ls", "m"], "a[0].b", "a[0].b"),
    ("espalier ls m '!lin", ["espalier", "ls", "m"], "!lin", "!lin"),
  ])
  func `reads a line of bash as bash does`(
    _ line: String, _ words: [String], _ current: String, _ replaced: String
  ) {
    let read = ShellLine(line, breaks: " \t\n\"'><=;|&(:")
    #expect(read.words == words)
    #expect(read.current == current)
    #expect(read.replaced.plain == replaced)
  }
}

/// The scripts in the shells that this machine has.
@Suite struct `Completion in a shell` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    try folder.write(
      Fixture.safetensors([
        Fixture.Entry("a.odd key", [1], [1]), Fixture.Entry("a.$(id)", [1], [1]),
      ]),
      to: "odd.safetensors")
  }

  static func has(_ shell: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(shell)")
    }
  }

  /// Lines and what each completes to.
  static let lines = [
    ("espalier tra", ["train"]), ("espalier ls m.safetensors lin", ["linear"]),
    ("espalier ls m.safetensors linear.2.", ["linear.2.weight", "linear.2.bias"]),
    ("espalier edit m.safetensors --cast linear=BF", ["linear=BF16"]),
    ("espalier ls m.safe", ["m.safetensors"]),
    ("espalier ls absent.bin x", []),
  ]

  @Test(
    .enabled(if: has("bash"), "bash is not installed"),
    arguments: lines + [
      (#"espalier ls odd.safetensors a."#, [#"a.\"odd\ key\""#, #"a.\"\$\(id\)\""#]),
      (#"espalier ls odd.safetensors 'a."#, [#"a."odd key""#, #"a."$(id)""#]),
    ])
  func `completes in bash`(_ line: String, _ words: [String]) throws {
    try folder.write(Array(line.utf8), to: "line")
    let result = try Tool.shell(
      #"""
      bash --norc -c 'source <(espalier completion bash)
      COMP_WORDBREAKS=$'"'"' \t\n"\x27><=;|&(:'"'"'
      COMP_LINE=$(cat line; printf .); COMP_LINE=${COMP_LINE%.}; COMP_POINT=${#COMP_LINE}
      COMP_WORDS=(espalier); COMP_CWORD=1
      _espalier; [ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"'
      """#, in: folder)
    // bash replaces only what follows `=`.
    let expected = words.map { $0.split(separator: "=").last.map(String.init) ?? $0 }
    #expect(result.output.split(separator: "\n").map(String.init) == expected, "\(result.errors)")
    #expect(result.errors == "")
  }

  @Test(.enabled(if: has("fish"), "fish is not installed"), arguments: lines)
  func `completes in fish`(_ line: String, _ words: [String]) throws {
    try folder.write(Array(line.utf8), to: "line")
    let result = try Tool.shell(
      "HOME=$PWD XDG_CONFIG_HOME=$PWD fish --no-config -c 'espalier completion fish | source; "
        + "complete -C (cat line)'", in: folder)
    let found = result.output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
    #expect(Set(found) == Set(words), "\(result.errors)")
  }

  @Test(.enabled(if: has("zsh"), "zsh is not installed"), arguments: lines)
  func `completes in zsh`(_ line: String, _ words: [String]) throws {
    // A shell in a pseudo-terminal: the words that would be inserted are printed by a function in place of `compadd`.
    try folder.write(
      Array(
        #"""
        zmodload zsh/zpty
        zpty -b shell zsh -f -i
        zpty -w shell 'PS1= ; unsetopt zle_bracketed_paste; autoload -Uz compinit && compinit -u -D; source <(espalier completion zsh)'
        zpty -w shell 'compadd() { builtin compadd -O found "$@"; print -rl -- "<${^found[@]}>" >> words; builtin compadd "$@" }'
        zpty -w shell 'touch ready'
        while [[ ! -e ready ]]; do sleep 0.05; done
        zpty -n -w shell "$(cat line)"$'\t'
        zpty -n -w shell $'\C-u touch done\n'
        integer turns=0
        while [[ ! -e done ]] && (( turns++ < 200 )); do zpty -r -t shell text; sleep 0.05; done
        zpty -d shell
        [[ -e words ]] && cat words || true
        """#.utf8), to: "drive.zsh")
    try folder.write(Array(line.utf8), to: "line")
    let result = try Tool.shell("HOME=$PWD zsh -f drive.zsh", in: folder)
    let found = result.output.split(separator: "\n").map(String.init).filter { $0 != "<>" }
    #expect(Set(found) == Set(words.map { "<\($0)>" }), "\(result.errors)")
  }

  @Test func `has a script for each shell that says how to install it`() throws {
    for shell in ["bash", "zsh", "fish"] {
      let result = try Tool.run("completion", shell, in: folder)
      #expect(result.status == 0)
      #expect(result.output.contains("# \(shell) completion for espalier. To install it"))
      let old = try Tool.run("--generate-completion-script", shell, in: folder)
      #expect(old.status == 0)
      #expect(old.output.contains("espalier"))
    }
    #expect(try Tool.run("completion", "csh", in: folder).status == 64)
  }
}
