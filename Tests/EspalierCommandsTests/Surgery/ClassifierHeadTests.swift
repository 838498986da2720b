import Foundation
import Testing

@Suite struct `The head of a family's own class` {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func configuration(_ path: String) throws -> [String: Any] {
    let data = Data(try folder.bytes(path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func `graft gives BERT the keys, the pooling and the configuration of its class`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    let result = try Tool.run(
      "graft", "tiny", "--head", "classifier", "--labels", "3", "-o", "base", in: folder)
    #expect(result.status == 0)
    #expect(
      result.errors == "espalier: note: the pooling of BertForSequenceClassification is pooler\n")
    #expect(
      result.output == """
        base: 41 tensors, 36.8 k elements, 2 tensors added
        +  classifier.weight  F32  [3, 32]  384 B
        +  classifier.bias    F32  [3]       12 B

        """)
    let written = try configuration("base/config.json")
    #expect(written["architectures"] as? [String] == ["BertForSequenceClassification"])
    #expect(written["problem_type"] as? String == "single_label_classification")
    #expect((written["id2label"] as? [String: String])?["2"] == "LABEL_2")
    #expect(try configuration("base/espalier.json")["pooling"] as? String == "pooler")
  }

  @Test(arguments: [
    ("distilbert", "DistilBertForSequenceClassification", "pre_classifier.weight"),
    ("roberta", "RobertaForSequenceClassification", "classifier.dense.weight"),
    ("xlm-roberta", "XLMRobertaForSequenceClassification", "classifier.out_proj.bias"),
    ("electra", "ElectraForSequenceClassification", "classifier.dense.bias"),
  ])
  func `graft gives every family its own names`(
    _ family: String, _ name: String, _ key: String
  ) throws {
    try folder.copy("families/\(family)", to: "full")
    let heads = ["classifier", "pre_classifier"]
    let listed = try Tool.run("ls", "full", "--json", in: folder).object()
    let keys = (listed["tensors"] as? [[String: Any]] ?? []).compactMap { $0["key"] as? String }
    let drops = heads.filter { head in keys.contains { $0.hasPrefix(head + ".") } }
    try Tool.run(
      ["edit", "full"] + drops.flatMap { ["--drop", $0] } + ["-o", "bare"], in: folder)
    let result = try Tool.run(
      "graft", "bare", "--head", "classifier", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("the pooling of \(name) is cls"))
    #expect(result.output.contains("+  \(key)"))
    #expect(
      try configuration("base/config.json")["architectures"] as? [String] == [name])
    // The class has no pooler.
    let after = try Tool.run("ls", "base", "--json", in: folder).output
    #expect(!after.contains("pooler"))
  }

  @Test func `train writes a classifier that names its class`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("sentiment", to: "sentiment")
    let result = try Tool.run(
      "train", "--model", "tiny", "--head", "classifier", "--train", "classifier", "--data",
      "sentiment/train.tsv", "--eval", "sentiment/dev.tsv", "--epochs", "1", "-o", "tuned",
      in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      (result.output + result.errors).contains(
        "the new head is that of BertForSequenceClassification, which "
          + "pools with pooler"))
    let written = try configuration("tuned/config.json")
    #expect(written["architectures"] as? [String] == ["BertForSequenceClassification"])
    #expect(try configuration("tuned/espalier.json")["pooling"] as? String == "pooler")
    #expect(
      try Tool.run("predict", "--model", "tuned", "good", in: folder).status == 0)
  }

  @Test func `another pooling than the class has is refused`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("sentiment", to: "sentiment")
    let result = try Tool.run(
      "train", "--model", "tiny", "--head", "classifier", "--train", "classifier", "--pooling",
      "mean", "--data", "sentiment/train.tsv", "--dry-run", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: tiny: the head classifier is that of "
        + "BertForSequenceClassification, which pools with pooler and not with mean\n")
  }

  @Test func `a pooler that is missing is added, with a note`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try Tool.run("edit", "tiny", "--drop", "pooler", "-o", "bare", in: folder)
    let result = try Tool.run(
      "graft", "bare", "--head", "classifier", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 0)
    #expect(result.errors.contains("no pooler, which BertForSequenceClassification needs"))
    #expect(result.output.contains("+  bert.pooler.dense.weight"))
  }

  @Test func `a second head, another prefix and old names are refused`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try Tool.run("graft", "tiny", "--head", "linear", "--labels", "2", "-o", "one", in: folder)
    let second = try Tool.run(
      "graft", "one", "--head", "classifier", "--labels", "2", "-o", "two", in: folder)
    #expect(second.status == 2)
    #expect(second.errors.contains("the checkpoint has the head linear already"))
    #expect(
      try Tool.run(
        "graft", "tiny", "--head", "classifier", "--labels", "2", "--prefix", "x.", "-o", "two",
        in: folder
      ).status == 64)
  }
}

@Suite struct `A folder of sentence-transformers` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("sentiment", to: "sentiment")
  }

  private func describe(pooling: String, length: String = "48") throws {
    let modules = """
      [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
       {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
       {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
      """
    try folder.write(Array(modules.utf8), to: "tiny/modules.json")
    try FileManager.default.createDirectory(
      atPath: folder.path("tiny/1_Pooling"), withIntermediateDirectories: true)
    try folder.write(Array(pooling.utf8), to: "tiny/1_Pooling/config.json")
    try folder.write(
      Array("{\"max_seq_length\": \(length), \"do_lower_case\": false}".utf8),
      to: "tiny/sentence_bert_config.json")
  }

  private func settings(_ name: String) throws -> (pooling: String?, length: Int?) {
    let data = Data(try folder.bytes("\(name)/espalier.json"))
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return (object?["pooling"] as? String, object?["max_length"] as? Int)
  }

  @Test(arguments: [
    ("{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}", "cls"),
    ("{\"pooling_mode_mean_tokens\": true}", "mean"), ("{\"pooling_mode\": \"cls\"}", "cls"),
  ])
  func `its pooling and maximum length are taken over`(_ text: String, _ pooling: String) throws {
    try describe(pooling: text)
    let result = try Tool.run(
      "graft", "tiny", "--head", "linear", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 0)
    #expect(
      result.errors.contains("\"Normalize\" of the sentence-transformers model takes no part"))
    #expect(try settings("base") == (pooling, 48))
    let trained = try Tool.run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--data",
      "sentiment/train.tsv", "--eval", "sentiment/dev.tsv", "--epochs", "1", "-o", "tuned",
      in: folder)
    #expect(trained.status == 0)
    #expect(
      (trained.output + trained.errors).contains(
        "the pooling \(pooling) and the maximum length 48 are taken over"))
    #expect(try settings("tuned") == (pooling, 48))
  }

  @Test func `a pooling that is not implemented is a note, and a given one decides`() throws {
    try describe(pooling: "{\"pooling_mode\": [\"max\", \"mean\"]}")
    let result = try Tool.run(
      "train", "--model", "tiny", "--head", "linear", "--train", "linear", "--pooling", "cls",
      "--max-length", "20", "--data", "sentiment/train.tsv", "--eval", "sentiment/dev.tsv",
      "--epochs", "1", "-o", "tuned", in: folder)
    #expect(result.status == 0)
    #expect((result.output + result.errors).contains("is not implemented"))
    #expect(!(result.output + result.errors).contains("taken over"))
    #expect(try settings("tuned") == ("cls", 20))
  }

  @Test func `a default prompt and arguments of its classes are pointed out`() throws {
    try describe(
      pooling: "{}",
      length: "48, \"tokenizer_args\": {\"do_lower_case\": false}, \"model_args\": {}")
    let prompts = "{\"prompts\": {\"query\": \"query: \"}, \"default_prompt_name\": \"query\"}"
    try folder.write(Array(prompts.utf8), to: "tiny/config_sentence_transformers.json")
    let result = try Tool.run(
      "graft", "tiny", "--head", "linear", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 0)
    #expect(
      result.errors.contains(
        "config_sentence_transformers.json: sentence-transformers puts the prompt \"query\" (\"query: \") before every text; here texts are read as they are\n"
      ))
    #expect(
      result.errors.contains(
        "sentence_bert_config.json: \"tokenizer_args\" of the sentence-transformers model is not read\n"
      ))
    // A prompt that is not the default is not put before the texts there either.
    try folder.write(
      Array(prompts.replacing("\"query\"}", with: "null}").utf8),
      to: "tiny/config_sentence_transformers.json")
    let plain = try Tool.run(
      "graft", "tiny", "--head", "linear", "--labels", "2", "-o", "plain", in: folder)
    #expect(plain.status == 0)
    #expect(!plain.errors.contains("prompt"))
  }

  @Test func `a length that is not a number is an error of its file`() throws {
    try describe(pooling: "{}", length: "\"long\"")
    let result = try Tool.run(
      "graft", "tiny", "--head", "linear", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains("sentence_bert_config.json: \"max_seq_length\" is \"long\""))
  }
}
