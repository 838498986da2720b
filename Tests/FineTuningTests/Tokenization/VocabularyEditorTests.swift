import CheckpointFiles
import EspalierTestSupport
import ParameterSurgery
import Testing

@testable import FineTuning

@Suite struct `A vocabulary` {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The files of a fixture in a folder of the test's own, but for those that are left out.
  private func copy(_ fixture: String, without names: Set<String> = []) throws -> String {
    for name in TemporaryFolder.names(in: Fixtures.path(fixture))
    where !names.contains(name) && !name.hasSuffix(".safetensors") && name != "ids.json" {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path(fixture) + "/" + name))
    }
    return folder.path
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)".replacing(folder.path, with: "DIR")
    }
  }

  /// A tokenizer of the folder with the changed files in it.
  private func written(_ editor: VocabularyEditor) throws -> any Tokenizer {
    for file in editor.changedFiles { try folder.write(file.name, bytes: file.bytes) }
    return try TokenizerFiles(directory: folder.path).makeTokenizer()
  }

  @Test(
    arguments: [
      ("bert-tiny", [], ["tokenizer.json"]),
      ("bert-tiny", ["tokenizer.json"], ["added_tokens.json"]),
      ("tokenizer/byte-level", [], ["tokenizer.json", "tokenizer_config.json"]),
      ("tokenizer/unigram", [], ["tokenizer.json", "tokenizer_config.json"]),
    ] as [(String, Set<String>, Set<String>)])
  func `new tokens are one token wherever they occur in a text`(
    _ fixture: String, _ missing: Set<String>, _ files: Set<String>
  ) throws {
    let path = try copy(fixture, without: missing)
    let tokens = try folder.write("tokens.txt", "zyxwvu\r\nnew-token\n\n日本語\n")
    var editor = try VocabularyEditor(folder: path)
    let count = editor.tokenCount
    let change = try editor.add(tokensIn: tokens)
    #expect(change == VocabularyChange(kept: Array(0..<count), added: 3))
    #expect(editor.tokenCount == count + 3)
    #expect(Set(editor.changedFiles.map(\.name)).isSubset(of: files))
    let tokenizer = try written(editor)
    let ids = tokenizer.encode("a zyxwvu, new-token 日本語", maximumLength: 100).ids
    for id in count..<count + 3 { #expect(ids.contains(Int32(id)), "\(ids)") }
  }

  @Test(arguments: [
    ("new\nnew\n", "line 2: the token \"new\" is in line 1 already; remove one"),
    ("ok\nfilm\n", "line 2: the tokenizer has the token \"film\" already (id "),
    ("[CLS]\n", "line 1: the tokenizer has the token \"[CLS]\" already (id 101)"),
    ("a\u{1B}b\n", "has a control character or an invisible one"),
    ("a\u{202E}b\n", "has a control character or an invisible one"),
    (" new\n", "begins or ends with white space"), ("new\t\n", "has a control character"),
    ("\n\n", "no token: expected a token on each line"),
    ("Newtoken\nnewtoken\n", "are the same text once it is normalized"),
    ("\u{301}\n", "would not read"),
    (String(repeating: "x", count: 257), "longer than 256 bytes"),
  ])
  func `a token that cannot be added is an error, and nothing changes`(
    _ tokens: String, _ sentence: String
  ) throws {
    let path = try copy("bert-tiny")
    let file = try folder.write("tokens.txt", tokens)
    var editor = try VocabularyEditor(folder: path)
    let text = message { _ = try editor.add(tokensIn: file) }
    #expect(text.contains(sentence), "\(text)")
    #expect(editor.changedFiles.isEmpty && editor.tokenCount == 512)
  }

  @Test func `a file with millions of lines or of bytes that are not UTF-8 is refused`() throws {
    let path = try copy("bert-tiny")
    var editor = try VocabularyEditor(folder: path)
    let many = try folder.write(
      "many.txt", bytes: (0..<2_000_000).flatMap { Array("\($0)x\n".utf8) })
    #expect(
      message { _ = try editor.add(tokensIn: many) }
        == "DIR/many.txt: more than 10,000 tokens, the most that are added at once: added tokens are searched for one by "
        + "one")
    let bad = try folder.write("bad.txt", bytes: [0x61, 0x0A, 0xFF, 0x0A])
    #expect(message { _ = try editor.add(tokensIn: bad) } == "DIR/bad.txt: line 2: not UTF-8")
    #expect(message { _ = try editor.trim(toTextsIn: bad) } == "DIR/bad.txt: line 2: not UTF-8")
    let empty = try folder.write("empty.txt", "\n")
    #expect(
      message { _ = try editor.trim(toTextsIn: empty) }
        == "DIR/empty.txt: no text: expected a text on each line")
    #expect(message { _ = try editor.trim(toTextsIn: path + "/none") }.contains("DIR/none"))
  }

  @Test(arguments: [[], ["tokenizer.json"], ["vocab.txt"]] as [Set<String>])
  func `a trimmed tokenizer reads the texts as before, with dense ids`(
    _ missing: Set<String>
  ) throws {
    let path = try copy("bert-tiny", without: missing)
    let lines = ["the film was great!", "a [MASK] story; unwatchable 日", "THE Actors"]
    let texts = try folder.write("texts.txt", lines.joined(separator: "\n"))
    let before = try TokenizerFiles(directory: path).makeTokenizer()
    let old = lines.map { before.encode($0, maximumLength: 100).ids }
    var editor = try VocabularyEditor(folder: path)
    let change = try editor.trim(toTextsIn: texts)
    #expect(change.added == 0 && change.kept == change.kept.sorted())
    #expect(change.kept.count == editor.tokenCount && editor.tokenCount < 60)
    for special in [0, 100, 101, 102, 103] { #expect(change.kept.contains(special)) }
    let after = try written(editor)
    #expect(after.vocabularySize == editor.tokenCount)
    for (line, ids) in zip(lines, old) {
      #expect(
        after.encode(line, maximumLength: 100).ids
          == ids.compactMap { id in change.kept.firstIndex(of: Int(id)).map { Int32($0) } })
    }
    // A word of another text is unknown.
    let unknown = change.kept.firstIndex(of: 100).map { Int32($0) }
    #expect(after.encode("coffee", maximumLength: 100).ids.contains { $0 == unknown })
    // Nothing is left to trim.
    let again = try editor.trim(toTextsIn: texts)
    #expect(again.kept == Array(0..<editor.tokenCount))
  }

  @Test func `tokens that were added can be trimmed, and those that texts use stay`() throws {
    let path = try copy("bert-tiny")
    var editor = try VocabularyEditor(folder: path)
    _ = try editor.add(tokensIn: try folder.write("tokens.txt", "foobar\nunused-word\n"))
    let change = try editor.trim(toTextsIn: try folder.write("texts.txt", "a foobar film\n"))
    #expect(change.kept.contains(512) && !change.kept.contains(513))
    let tokenizer = try written(editor)
    #expect(
      tokenizer.encode("foobar", maximumLength: 10).ids.contains(Int32(editor.tokenCount - 1)))
  }

  @Test(arguments: [
    ("tokenizer/byte-level", "a BPE tokenizer cannot be trimmed: its tokens are built by merges"),
    ("tokenizer/unigram", "a Unigram tokenizer cannot be trimmed: the scores of all tokens decide"),
  ])
  func `a tokenizer that cannot be trimmed says why`(_ fixture: String, _ sentence: String) throws {
    let path = try copy(fixture)
    let texts = try folder.write("texts.txt", "a text\n")
    var editor = try VocabularyEditor(folder: path)
    let text = message { _ = try editor.trim(toTextsIn: texts) }
    #expect(text.contains(sentence), "\(text)")
  }

  @Test func `vocab.txt that contradicts tokenizer.json is refused`() throws {
    let path = try copy("bert-tiny")
    let lines = String(decoding: try Fixtures.bytes(path + "/vocab.txt"), as: UTF8.self)
    try folder.write("vocab.txt", lines.replacing("\nfilm\n", with: "\nfilms\n"))
    var editor = try VocabularyEditor(folder: path)
    let texts = try folder.write("texts.txt", "a film\n")
    #expect(
      message { _ = try editor.trim(toTextsIn: texts) }.contains(
        "the tokenizer has another id for this token than the number of its line"))
  }

  @Test func `ids with gaps are refused`() throws {
    let path = try copy("bert-tiny", without: ["vocab.txt"])
    let text = String(decoding: try Fixtures.bytes(path + "/tokenizer.json"), as: UTF8.self)
    try folder.write("tokenizer.json", text.replacing("\"film\": ", with: "\"film\": 9"))
    var editor = try VocabularyEditor(folder: path)
    let file = try folder.write("lines.txt", "a text\n")
    #expect(message { _ = try editor.trim(toTextsIn: file) }.contains("have gaps"))
    #expect(message { _ = try editor.add(tokensIn: file) }.contains("have gaps"))
  }
}
