import CheckpointFiles
import EspalierTestSupport
import Testing

/// Nothing that a command repeats of a file, a path or an argument moves the cursor of a terminal, reverses the
/// direction of a line, ends a line or hides.
@Suite struct `Text of strangers` {
  /// ESC, a C1 control, a bidirectional override, a zero-width space and a line separator.
  static let hostile = "x\u{1B}[31m\u{9B}2J\u{202E}\u{200B}\u{2028}\u{7}z"
  /// The same as the contents of a JSON string.
  static let encoded = #"x\u001b[31m\u009b2J\u202e\u200b\u2028\u0007z"#

  let folder: Folder

  init() throws {
    folder = try Folder()
    let key = Self.encoded
    func entries(_ last: [Float]) -> [Fixture.Entry] {
      Fixture.story.dropLast() + [
        .init("\(key).0.weight", [2], [1, 2]), .init("\(key).1.weight", [2], last),
        .init("linear.2.bias", [2], [0, 0]),
      ]
    }
    let metadata = #"{"\#(key)":"\#(key)"}"#
    try folder.write(Fixture.safetensors(entries([1, 2]), metadata: metadata), to: name("a"))
    try folder.write(Fixture.safetensors(entries([3, 4]), metadata: metadata), to: name("b"))
    try folder.write(Fixture.safetensors(Fixture.story), to: "plain.safetensors")
    try folder.write(
      Fixture.safetensors([.init(key, [1], [.nan]), .init("w", [1], [1])]), to: "nan.safetensors")
    try folder.write(
      Array("c\(Self.hostile.replacing("\u{2028}", with: ""))\nsystem\n(S'x'\ntR.".utf8),
      to: "bad.pkl")
    try folder.write(Array("steps:\n  - \(Self.hostile): linear\n".utf8), to: "r.yaml")
    try folder.write(
      Array("steps:\n  - drop: \"\(Self.encoded)\"\n".utf8), to: "absent.yaml")
    try folder.write(Array(#"{"\#(key)": true}"#.utf8), to: "names.json")
    try folder.write(
      Array(#"{"format":"espalier-freeze-mask","version":1,"\#(key)":2}"#.utf8), to: "broken.json")
    for (mask, selector) in [("m.json", "\"\(Self.hostile).0.weight\""), ("n.json", "linear")] {
      try Tool.run("mask", "create", name("a"), "--train", selector, "-o", mask, in: folder)
    }
    try folder.copy("bert-tiny", to: "tiny")
    try folder.makeFolder("odd")
    try folder.write(
      Array(#"{"model_type":"\#(key)","hidden_size":2}"#.utf8), to: "odd/config.json")
    try folder.write(Fixture.safetensors(entries([1, 2])), to: "odd/model.safetensors")
    try folder.write(
      Array(#"{"weight_map":{"\#(key)":"\#(key).safetensors"}}"#.utf8), to: "gone.index.json")
  }

  /// A path with hostile characters.
  private func name(_ letter: String) -> String { Self.name(letter) }

  private static func name(_ letter: String) -> String { "\(letter)\(hostile).safetensors" }

  static let lines: [[String]] = {
    let (a, b, h) = (name("a"), name("b"), hostile)
    let selector = "\"\(h).0.weight\""
    return [
      ["ls", a], ["ls", a, "--tree"], ["ls", a, "--all"], ["ls", a, "--json", "--all"],
      ["ls", a, "--group"], ["ls", a, "--stats"], ["ls", a, selector, "--explain"], ["ls", a, h],
      ["ls", a, "--expect", "1"], ["ls", "absent\(h)"], ["ls", "gone.index.json"], ["ls", "odd"],
      ["ls", "bad.pkl"], ["ls", "bad.pkl", "--all"], ["ls", a, "--sort", h], ["ls", a, "--\(h)"],
      ["ls", "https://localhost:1/\(h)"], ["ls", "hf://\(h)"],
      [h], ["mask", h], ["help", h],
      ["diff", a, b], ["diff", a, b, "--summary"], ["diff", a, b, "--histogram"],
      ["diff", a, "plain.safetensors"], ["diff", a, b, "--json", "--summary", "--histogram"],
      ["diff", "--base", a, a, b], ["diff", "--base", a, a, b, "--json"],
      ["diff", a, b, "--html", "page.html"], ["diff", a, b, "--rename", "\(h)=y"],
      ["diff", a, b, "--rename", h], ["diff", a, b, "--group"],
      ["check", a], ["check", "nan.safetensors"], ["check", "nan.safetensors", "--json"],
      ["check", "nan.safetensors", "--sarif"], ["check", "odd"], ["check", "absent\(h)"],
      ["scan", "bad.pkl"], ["scan", "bad.pkl", "--json"], ["scan", a], ["scan", "absent\(h)"],
      ["verify", a, b, "--mask", "n.json"], ["verify", a, b, "--mask", "m.json"],
      ["verify", a, b, "--mask", "m.json", "--json"], ["verify", a, b, "--mask", "broken.json"],
      ["verify", "plain.safetensors", a, "--mask", "n.json"],
      ["mask", "create", a, "--train", selector, "-o", "o\(h).json"],
      ["mask", "create", a, "--train", selector, "-o", "o.json", "--json", "--explain"],
      ["mask", "create", a, "--train", "**.weight", "-o", "o.json"],
      ["mask", "create", a, "--train", h, "-o", "o.json"],
      ["mask", "show", "m.json"], ["mask", "show", "m.json", "--json"],
      ["mask", "show", "broken.json"],
      ["mask", "check", "m.json", a], ["mask", "check", "m.json", "plain.safetensors"],
      ["mask", "check", "m.json", "plain.safetensors", "--json"],
      ["mask", "diff", "m.json", "n.json"], ["mask", "diff", "m.json", "n.json", "--json"],
      ["mask", "union", "m.json", "n.json", "-o", "u\(h).json"],
      ["mask", "invert", "m.json", a, "-o", "i\(h).json"],
      ["mask", "import", "names.json", a, "--from", "requires-grad", "-o", "q.json"],
      ["mask", "import", "names.json", a, "--from", h, "-o", "q.json"],
      ["mask", "export", "m.json", "--to", "torch"], ["mask", "export", "m.json", "--to", "hf"],
      ["edit", a, "--drop", selector, "-o", "e\(h).safetensors"],
      ["edit", a, "--drop", selector, "--dry-run"],
      ["edit", a, "--drop", selector, "--dry-run", "--json"],
      ["edit", a, "--rename", "linear=\(h)", "--dry-run"], ["edit", a, "--drop", h, "--dry-run"],
      ["edit", a, "--metadata", "\(h)=\(h)", "--dry-run"],
      ["edit", a, "--recipe", "r.yaml", "--dry-run"],
      ["edit", a, "--recipe", "absent.yaml", "--dry-run"],
      ["edit", a, "--cast", "linear=\(h)", "--dry-run"],
      ["edit", a, "--drop", "linear", "-o", "x.\(h)"], ["edit", a, "--preset", h, "--dry-run"],
      ["edit", a, "--drop", "linear", "--expect", "1", "--dry-run"],
      ["convert", a, "-o", "c\(h).bin"], ["convert", a, "-o", "c.\(h)"],
      ["convert", a, "-o", "c.pt", "--dtype", h],
      ["convert", "bad.pkl", "-o", "c.safetensors"], ["convert", a, "-o", a],
      ["merge", a, b, "-o", "s\(h).safetensors"],
      ["merge", a, "plain.safetensors", "-o", "s.safetensors"],
      ["merge", a, b, "-o", "s.safetensors", "--method", h],
      ["delta", "create", a, b, "-o", "d\(h).safetensors"],
      ["delta", "apply", a, b, "-o", "t.safetensors"],
      ["graft", "tiny", "--head", "linear", "--labels", "2", "-o", "g\(h).safetensors"],
      ["graft", a, "--head", h, "--labels", "2", "-o", "g.safetensors"],
      ["graft", a, "--head", "linear", "--labels", "2", "-o", "g.safetensors"],
      ["graft", "tiny", "--head", "linear", "--labels", "2", "--prefix", h, "-o", "g.safetensors"],
      ["graft", "odd", "--head", "classifier", "--labels", "2", "-o", "g"],
      ["train", "--model", "odd", "--train", h, "--data", "absent\(h)", "-o", "run"],
      [
        "train", "--model", "tiny", "--head", "linear", "--train", h, "--data", "names.json", "-o",
        "r",
      ],
      ["evaluate", "--model", "absent\(h)", "--data", "absent\(h)"],
      ["predict", "--model", "odd", h], ["report", h], ["report", "odd"], ["report", a, "--by", h],
    ]
  }()

  @Test(arguments: lines) func `is escaped in what a command prints`(_ arguments: [String]) throws {
    let result = try Tool.run(arguments, in: folder)
    #expect(result.status != 139 && result.status < 128)
    for text in [result.output, result.errors] {
      let found = text.unicodeScalars.first { $0.isUnprintable && $0 != "\n" }
      #expect(found == nil, "\(text.debugDescription)")
    }
    if folder.exists("page.html") {
      let page = try folder.text("page.html")
      #expect(!page.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
    }
  }
}
