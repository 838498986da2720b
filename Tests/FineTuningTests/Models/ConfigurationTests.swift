import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite struct `Configurations` {
  /// The message for a model of the fixtures whose `config.json` is changed, without its folder.
  private func refusal(
    of family: String, _ changes: [(String, String)], weights: String? = nil
  ) throws -> String {
    let folder = try TemporaryFolder()
    let source = Fixtures.path("families/\(family)")
    var text = String(decoding: try Fixtures.bytes("\(source)/config.json"), as: UTF8.self)
    for (before, after) in changes {
      let place = try #require(text.firstRange(of: before), "\(family) has no \(before)")
      text.replaceSubrange(place, with: after)
    }
    try folder.write("config.json", text)
    let file = weights.map { Fixtures.path("families/\($0)") } ?? source
    try folder.write("model.safetensors", bytes: Fixtures.bytes("\(file)/model.safetensors"))
    let error = #expect(throws: FineTuningError.self) {
      let model = try ModelDirectory(folder.path)
      _ = try model.task()
    }
    let message = try #require(error).description
    #expect(!message.contains("\n"))
    return message.split(separator: "\(folder.path)/", omittingEmptySubsequences: false).joined()
      .split(separator: folder.path, omittingEmptySubsequences: false).joined(separator: "MODEL")
  }

  @Test func `without a model type have the family that the architectures name`() throws {
    let type = (#""model_type": "roberta","#, "")
    let path = Fixtures.path("families/roberta/config.json")
    var text = String(decoding: try Fixtures.bytes(path), as: UTF8.self)
    text.replaceSubrange(try #require(text.firstRange(of: type.0)), with: "")
    let configuration = try BERTConfiguration(try JSONParser.parse(Array(text.utf8)), path: path)
    #expect(configuration.family == .roberta)
    #expect(configuration.maximumPositions == 20)
    #expect(
      try refusal(of: "roberta", [type, ("RobertaForSeq", "CamembertForSeq")])
        == "config.json: no \"model_type\", and \"architectures\" names "
        + "\"CamembertForSequenceClassification\", a class of no family that is implemented; expected a "
        + "\"model_type\" of \"bert\", \"distilbert\", \"roberta\", \"xlm-roberta\", \"electra\"")
    #expect(
      try refusal(of: "roberta", [type, ("RobertaForSeq", "BertForSeq")])
        == "config.json: describes a model of the family \"bert\", and MODEL has keys of another "
        + "family (\"roberta.…\"); correct \"model_type\"")
    #expect(
      try refusal(of: "roberta", [("RobertaForSeq", "BertForSeq")])
        == "config.json: \"model_type\" is \"roberta\", and \"architectures\" names "
        + "\"BertForSequenceClassification\", a class of \"bert\", which computes something else; correct one "
        + "of them")
    #expect(
      try refusal(of: "roberta", [(#""roberta""#, "7")])
        == "config.json: \"model_type\": 7 is not implemented; expected \"bert\", \"distilbert\", \"roberta\", "
        + "\"xlm-roberta\", \"electra\"")
  }

  @Test func `that name no family take it from the keys or are refused`() throws {
    let path = Fixtures.path("families/electra/config.json")
    let json = try JSONParser.parse(Array(#"{"hidden_size": 16}"#.utf8))
    let error = #expect(throws: FineTuningError.self) {
      try BERTConfiguration(json, path: "config.json")
    }
    #expect(
      error?.description
        == "config.json: neither \"model_type\" nor \"architectures\" says which family the model belongs to; "
        + "add a \"model_type\" of \"bert\", \"distilbert\", \"roberta\", \"xlm-roberta\", \"electra\""
    )
    var members = try #require(try JSONParser.parse(Fixtures.bytes(path)).object)
    members["model_type"] = nil
    members["architectures"] = nil
    let checkpoint = try Checkpoint.open(Fixtures.path("families/electra/model.safetensors"))
    let found = try BERTConfiguration(.object(members), path: path, checkpoint: checkpoint)
    #expect(found.family == .electra)
  }

  @Test(arguments: [
    (
      "roberta", #""hidden_act": "gelu""#, #""hidden_act": null"#,
      "\"hidden_act\": null is not implemented; expected \"gelu\""
    ),
    (
      "roberta", #""is_decoder": false"#, #""is_decoder": 0"#,
      "\"is_decoder\": 0 is not implemented; expected false"
    ),
    (
      "roberta", #""add_cross_attention": false"#, #""add_cross_attention": true"#,
      "\"add_cross_attention\": true is not implemented; expected false"
    ),
    (
      "roberta", #""layer_norm_eps": 1e-05"#, #""layer_norm_eps": null"#,
      "\"layer_norm_eps\" is null, expected a number ≥ 0"
    ),
    (
      "roberta", #""layer_norm_eps": 1e-05"#, #""layer_norm_eps": "1e-5""#,
      "\"layer_norm_eps\" is \"1e-5\", expected a number ≥ 0"
    ),
    ("roberta", #""num_attention_heads": 2"#, #""heads": 2"#, "\"num_attention_heads\" is missing"),
    (
      "roberta", #""num_attention_heads": 2"#, #""num_attention_heads": 3"#,
      "\"hidden_size\" 16 is not a multiple of \"num_attention_heads\" 3"
    ),
    (
      "roberta", #""hidden_size": 16"#, #""hidden_size": 16.0"#,
      "\"hidden_size\" is 16.0, expected a positive integer"
    ),
    (
      "roberta", #""pad_token_id": 1"#, #""pad_token_id": -1"#,
      "\"pad_token_id\" is -1, expected null or an integer from 0 to 95"
    ),
    (
      "roberta", #""pad_token_id": 1"#, #""pad_token_id": true"#,
      "\"pad_token_id\" is true, expected null or an integer from 0 to 95"
    ),
    (
      "roberta", #""classifier_dropout": null"#, #""classifier_dropout": "0.1""#,
      "\"classifier_dropout\" is \"0.1\", expected a number ≥ 0"
    ),
    (
      "roberta", #""use_cache": true"#, #""per_layer_config": {"0": {"hidden_act": "relu"}}"#,
      "\"per_layer_config\" is {\"0\":{\"hidden_act\":\"relu\"}}: layers that differ from each other are not implemented"
    ),
    (
      "roberta", #""use_cache": true"#, #""auto_map": {"AutoModel": "own.Model"}"#,
      "\"auto_map\" is {\"AutoModel\":\"own.Model\"}: the model comes with code of its own, which may compute something else"
    ),
    (
      "roberta", #""use_cache": true"#, #""problem_type": "ranking""#,
      "\"problem_type\" is \"ranking\", expected \"single_label_classification\", \"regression\" or \"multi_label_classification\""
    ),
    (
      "roberta", #""use_cache": true"#, #""problem_type": "regression""#,
      "\"problem_type\" is \"regression\", and the head has 3 outputs; one is implemented"
    ),
    ("roberta", #""2": "LABEL_2""#, #""3": "LABEL_2""#, "\"id2label\" has no name for the label 2"),
    (
      "roberta", "RobertaForSequenceClassification", "RobertaForMultipleChoice",
      "\"architectures\" names \"RobertaForMultipleChoice\", whose head \"classifier\" classifies choices, not texts; remove its tensors from the checkpoint to add a head for texts"
    ),
    (
      "electra", "ElectraForSequenceClassification", "ElectraForTokenClassification",
      "\"architectures\" names \"ElectraForTokenClassification\", whose head \"classifier\" classifies tokens, not texts; remove its tensors from the checkpoint to add a head for texts"
    ),
    (
      "roberta", #""2": "LABEL_2""#, #""2": 5"#, "\"id2label\" names the label 2 5, expected a text"
    ),
    (
      "distilbert", #""dim": 16"#, #""dim": 16, "hidden_size": 32"#,
      "\"dim\" is 16, and \"hidden_size\", which means the same, is 32"
    ),
    (
      "distilbert", #""seq_classif_dropout": 0.2"#, #""seq_classif_dropout": null"#,
      "\"seq_classif_dropout\" is null, expected a number ≥ 0"
    ),
    (
      "electra", #""embedding_size": 8"#, #""embedding_size": null"#,
      "\"embedding_size\" is null, expected a positive integer"
    ),
  ])
  func `of a wrong type or kind are refused by the member`(
    family: String, before: String, after: String, message: String
  ) throws {
    #expect(try refusal(of: family, [(before, after)]) == "config.json: " + message)
  }

  @Test func `that contradict the tensors are refused`() throws {
    #expect(
      try refusal(of: "roberta", [(#""2": "LABEL_2""#, #""2": "c", "3": "d""#)])
        == "config.json: \"id2label\" names 4 labels, and the head of MODEL has 3")
    // Embeddings as wide as the hidden states have no projection.
    let message = try refusal(of: "electra", [(#""embedding_size": 8"#, #""embedding_size": 16"#)])
    #expect(
      message
        == "MODEL: \"electra.embeddings_project.bias\" is not part of an encoder of the family "
        + "\"electra\", which config.json describes; without it, another model is computed"
        || message
          == "MODEL: \"electra.embeddings_project.weight\" is not part of an encoder of the family "
          + "\"electra\", which config.json describes; without it, another model is computed"
    )
  }

  @Test func `of a DistilBERT have its constants whatever other members say`() throws {
    let path = Fixtures.path("families/distilbert/config.json")
    var members = try #require(try JSONParser.parse(Fixtures.bytes(path)).object)
    members["layer_norm_eps"] = .number("0.5")
    members["hidden_dropout_prob"] = .number("0.7")
    let configuration = try BERTConfiguration(.object(members), path: path)
    #expect(configuration.layerNormEpsilon == 1e-12)
    #expect(configuration.hiddenDropout == 0.1)
  }
}
