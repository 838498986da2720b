import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

@Suite struct `espalier edit of a vocabulary` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("bert-tiny-old", to: "old")
    try folder.write(Array("the film was great\na nice story!\n".utf8), to: "texts.txt")
    try folder.write(Array("espalier\nfreeze-mask\n".utf8), to: "tokens.txt")
  }

  private func config(_ name: String) throws -> JSONValue {
    try JSONParser.parse(folder.bytes("\(name)/config.json"))
  }

  @Test func `trims the rows, the outputs, the tokenizer and config.json together`() throws {
    let result = try Tool.run(
      "edit", "old", "-o", "small", "--trim-to", "texts.txt", "--json", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let json = try result.object()["vocabulary"] as? [String: Any]
    let count = try #require(json?["tokens_after"] as? Int)
    #expect(json?["tokens_before"] as? Int == 512 && count < 30)
    let small = try Checkpoint.open(folder.path("small"))
    let old = try Checkpoint.open(folder.path("old"))
    for key in [
      "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight",
      "cls.predictions.bias",
    ] {
      #expect(small[Key(key)]?.shape.dimensions[0] == count, "\(key)")
    }
    #expect(
      small["cls.seq_relationship.weight"]?.shape == old["cls.seq_relationship.weight"]?.shape)
    #expect(try config("small")["vocab_size"]?.integer == count)
    #expect(
      try folder.bytes("small/vocab.txt").count { $0 == UInt8(ascii: "\n") } == count)
  }

  @Test func `adds rows that are the mean of the others`() throws {
    let result = try Tool.run(
      "edit", "tiny", "-o", "more", "--add-tokens", "tokens.txt", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(
      result.output.contains(
        "[512, 32] => [514, 32]  [512, 32] to [514, 32], 2 new rows are the mean"),
      "\(result.output)")
    #expect(result.output.contains("~ config.json vocab_size: 512 => 514\n"))
    #expect(result.output.contains("~ tokenizer.json: 512 => 514 tokens\n"))
    let table = try #require(
      try Checkpoint.open(folder.path("more"))["embeddings.word_embeddings.weight"]
    ).floats()
    var mean = [Double](repeating: 0, count: 32)
    for row in 0..<512 { for column in 0..<32 { mean[column] += Double(table[row * 32 + column]) } }
    for row in [512, 513] {
      for column in 0..<32 {
        #expect(abs(Double(table[row * 32 + column]) - mean[column] / 512) < 1e-6)
      }
    }
  }

  @Test func `rows without a token are used for new tokens`() throws {
    let padded = try Tool.run(
      "edit", "tiny", "--in-place", "--resize", "embeddings.word_embeddings.weight=520,zeros",
      in: folder)
    #expect(padded.status == 0, "\(padded.errors)")
    let result = try Tool.run(
      "edit", "tiny", "--in-place", "--add-tokens", "tokens.txt", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let table = try #require(
      try Checkpoint.open(folder.path("tiny"))["embeddings.word_embeddings.weight"])
    #expect(table.shape.dimensions[0] == 520)
    let values = try table.floats()
    #expect(values[512 * 32..<514 * 32].contains { $0 != 0 })
    #expect(values[(514 * 32)...].allSatisfy { $0 == 0 })
    #expect(try config("tiny")["vocab_size"]?.integer == 520)
  }

  @Test func `changes a model in place as one change, and a recipe does the same`() throws {
    try folder.copy("bert-tiny", to: "again")
    try folder.write(
      Array("steps:\n  - add-tokens: tokens.txt\n  - trim-to: texts.txt\n".utf8), to: "r.yaml")
    let flags = try Tool.run(
      "edit", "tiny", "--in-place", "--add-tokens", "tokens.txt", "--trim-to", "texts.txt",
      in: folder)
    let recipe = try Tool.run("edit", "again", "--in-place", "--recipe", "r.yaml", in: folder)
    #expect(flags.status == 0 && recipe.status == 0, "\(flags.errors)\(recipe.errors)")
    for name in ["model.safetensors", "config.json", "tokenizer.json", "vocab.txt"] {
      #expect(try folder.bytes("tiny/\(name)") == folder.bytes("again/\(name)"), "\(name)")
    }
    #expect(try Tool.run("check", "tiny", in: folder).output == "tiny: nothing found\n")
  }

  @Test func `gives the tokens that configurations name their new ids`() throws {
    try folder.write(
      Array(
        "{\"eos_token_id\": [102, 101], \"pad_token_id\": 0, \"suppress_tokens\": [5], \"max_length\": 20}"
          .utf8),
      to: "tiny/generation_config.json")
    let text = String(decoding: try folder.bytes("tiny/config.json"), as: UTF8.self)
    try folder.write(
      Array(text.replacing("\"eos_token_id\": null", with: "\"eos_token_id\": 102").utf8),
      to: "tiny/config.json")
    let result = try Tool.run("edit", "tiny", "-o", "small", "--trim-to", "texts.txt", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    // [PAD], [UNK], [CLS], [SEP] and [MASK] come first.
    #expect(try config("small")["eos_token_id"]?.integer == 3)
    #expect(try config("small")["pad_token_id"]?.integer == 0)
    let generation = try JSONParser.parse(folder.bytes("small/generation_config.json"))
    #expect(generation["eos_token_id"] == [3, 2] && generation["max_length"] == 20)
    #expect(
      result.errors
        == "espalier: note: suppress_tokens in generation_config.json names tokens by their former ids and stays as it "
        + "is\n")
  }

  @Test func `proves that texts get the same hidden states and logits`() throws {
    let same = try Tool.run(
      "edit", "old", "-o", "small", "--trim-to", "texts.txt", "--verify-texts", "texts.txt",
      in: folder)
    #expect(same.status == 0, "\(same.errors)")
    #expect(
      same.output.hasSuffix(
        "2 texts (12 tokens): the same tokens and hidden states as before, bit for bit\n"),
      "\(same.output)")
    let graft = try Tool.run(
      "graft", "tiny", "-o", "head", "--head", "linear", "--labels", "2", in: folder)
    #expect(graft.status == 0, "\(graft.errors)")
    let logits = try Tool.run(
      "edit", "head", "-o", "head-small", "--trim-to", "texts.txt", "--verify-texts", "texts.txt",
      "--json", in: folder)
    #expect(logits.status == 0, "\(logits.errors)")
    let verified =
      (try logits.object()["vocabulary"] as? [String: Any])?["verified"] as? [String: Any]
    #expect(verified?["equal"] as? Bool == true && verified?["logits"] as? Bool == true)
    #expect(folder.exists("head-small/espalier.json"))
  }

  @Test func `writes nothing when a text has other tokens or other hidden states`() throws {
    try folder.write(Array("the film\na terrible coffee\n".utf8), to: "other.txt")
    let tokens = try Tool.run(
      "edit", "tiny", "-o", "small", "--trim-to", "texts.txt", "--verify-texts", "other.txt",
      in: folder)
    #expect(tokens.status == 1)
    #expect(
      tokens.errors
        == "espalier: error: other.txt: line 2: the text has other tokens after the edit\n")
    #expect(!folder.exists("small"))
    let states = try Tool.run(
      "edit", "tiny", "--in-place", "--trim-to", "texts.txt", "--scale",
      "encoder.layer.0.output.dense.bias=2", "--verify-texts", "texts.txt", in: folder)
    #expect(states.status == 1)
    #expect(
      states.errors
        == "espalier: error: texts.txt: line 1: the text has other hidden states after the edit\n")
    #expect(try config("tiny")["vocab_size"]?.integer == 512)
    let none = try Tool.run(
      "edit", "tiny", "-o", "x", "--drop", "pooler", "--verify-texts", "texts.txt", in: folder)
    #expect(none.status == 2 && none.errors.contains("nothing changes it"))
  }

  @Test func `needs a directory and a tokenizer`() throws {
    let file = try Tool.run(
      "edit", "tiny", "-o", "small.safetensors", "--trim-to", "texts.txt", in: folder)
    #expect(file.status == 2)
    #expect(
      file.errors
        == "espalier: error: small.safetensors: is a file, and a vocabulary changes together with the tokenizer and "
        + "config.json; write to a directory\n")
    try folder.makeFolder("alone")
    try folder.write(Fixture.safetensors(Fixture.story), to: "alone/model.safetensors")
    let alone = try Tool.run(
      "edit", "alone", "-o", "small", "--add-tokens", "tokens.txt", in: folder)
    #expect(alone.status == 2 && alone.errors.contains("neither tokenizer.json nor vocab.txt"))
    let rows = try Tool.run(
      "edit", "tiny", "-o", "small", "--resize", "embeddings.word_embeddings.weight=100",
      "--trim-to", "texts.txt", in: folder)
    #expect(rows.status == 2)
    #expect(
      rows.errors.contains(
        "\"embeddings.word_embeddings.weight\" has 100 rows, fewer than the 512 tokens of the tokenizer"
      ))
    #expect(!folder.exists("small"))
  }

  @Test func `a training checkpoint becomes a model of transformers, with the one command shown`()
    throws
  {
    try folder.copy("wrappers/bert-training.pt", to: "epoch3.ckpt")
    let result = try Tool.run(
      "edit", "epoch3.ckpt", "-o", "m.safetensors", "--to", "transformers", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let command =
      "espalier edit epoch3.ckpt -o m.safetensors --keep state_dict.model._orig_mod --strip-prefix "
      + "state_dict.model._orig_mod. --rename '/(.*)LayerNorm\\.gamma/=$1LayerNorm.weight' --rename "
      + "'/(.*)LayerNorm\\.beta/=$1LayerNorm.bias' --drop cls.predictions.decoder.weight --drop "
      + "cls.predictions.decoder.bias"
    #expect(
      result.errors.hasPrefix(
        "espalier: note: --to transformers is the same as: \(command)\n"), "\(result.errors)")
    let again = try Tool.shell(
      command.replacing("m.safetensors", with: "n.safetensors"), in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(try folder.bytes("m.safetensors") == folder.bytes("n.safetensors"))
    let clean = try Tool.run("edit", "tiny", "--to", "transformers", "--dry-run", in: folder)
    #expect(clean.status == 0)
    #expect(
      clean.errors
        == "espalier: note: --to transformers: the keys are already those of transformers\n")
    let unknown = try Tool.run("edit", "tiny", "--to", "transformer", "--dry-run", in: folder)
    #expect(
      unknown.status == 64
        && unknown.errors.contains("there is no destination \"transformer\"; use transformers"))
  }
}
