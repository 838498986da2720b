import CheckpointFiles
import EspalierTestSupport
import Testing

@testable import FineTuning

@Suite struct `Families of encoders equal transformers` {
  static let names = ["distilbert", "roberta", "xlm-roberta", "electra", "electra-square"]

  static func configuration(
    _ name: String, _ change: (inout String) -> Void = { _ in }
  ) throws -> BERTConfiguration {
    let path = Fixtures.path("families/\(name)/config.json")
    var text = String(decoding: try Fixtures.bytes(path), as: UTF8.self)
    change(&text)
    return try BERTConfiguration(try JSONParser.parse(Array(text.utf8)), path: path)
  }

  static func classifier(
    _ name: String, trainable: (String) -> TrainableRows
  ) throws -> Classifier {
    let checkpoint = try Checkpoint.open(Fixtures.path("families/\(name)/model.safetensors"))
    let found = try #require(try Head.found(in: checkpoint))
    #expect(found.head == .classifier)
    let configuration = try configuration(name)
    return try Classifier(
      checkpoint: checkpoint, configuration: configuration, head: found.head,
      labels: found.labels, pooling: configuration.family.ownHead.pooling,
      math: Kernels(threads: 2)
    ) { trainable($0.string) }
  }

  @Test(arguments: names)
  func `in logits and every gradient, with the family's own head`(name: String) throws {
    let reference = try Reference(path: Fixtures.path("families/\(name)/reference.safetensors"))
    let model = try Self.classifier(name) { _ in .all }
    let result = try TinyClassifier.run(model, reference)
    let logits = try reference.floats("logits")
    for (index, value) in result.logits.elements.array.enumerated() {
      #expect(abs(value - logits[index]) < 1e-4, "logit \(index)")
    }
    var compared = 0
    for parameter in model.parameters.parameters {
      let key = "grad.\(parameter.name)"
      let gradient = try #require(parameter.training, "\(parameter.name) trains").gradient
      let error = relativeError(gradient.elements.array, try reference.floats(key), floor: 1e-4)
      #expect(error < 1e-3, "\(parameter.name)")
      compared += 1
    }
    #expect(compared == reference.tensors.keys.count { $0.string.hasPrefix("grad.") })
  }

  @Test(arguments: names)
  func `with each tensor trainable in turn, above whatever prefix is frozen`(name: String) throws {
    let reference = try Reference(path: Fixtures.path("families/\(name)/reference.safetensors"))
    for key in reference.tensors.keys where key.string.hasPrefix("grad.") {
      let parameter = String(key.string.dropFirst(5))
      let model = try Self.classifier(name) { $0 == parameter ? .all : .none }
      #expect(model.parameters.trained.map(\.name) == [parameter])
      _ = try TinyClassifier.run(model, reference)
      let gradient = try #require(model.parameters[name: parameter].training).gradient
      let error = relativeError(
        gradient.elements.array, try reference.floats(key.string), floor: 1e-4)
      #expect(error < 1e-3, "\(parameter)")
    }
  }

  @Test(arguments: [
    ("distilbert", #""activation": "gelu""#, #""activation": "relu""#, "activation"),
    (
      "distilbert", #""sinusoidal_pos_embds": false"#, #""sinusoidal_pos_embds": true"#,
      "sinusoidal_pos_embds"
    ),
    ("roberta", #""hidden_act": "gelu""#, #""hidden_act": "gelu_new""#, "hidden_act"),
    ("roberta", #""is_decoder": false"#, #""is_decoder": true"#, "is_decoder"),
    ("roberta", #""pad_token_id": 1"#, #""pad_token_id": 21"#, "pad_token_id"),
    ("roberta", #""pad_token_id": 1"#, #""pad_token_id": null"#, "pad_token_id"),
    (
      "electra", #""model_type": "electra""#,
      #""model_type": "electra", "position_embedding_type": "relative_key""#,
      "position_embedding_type"
    ),
    ("electra", #""model_type": "electra""#, #""model_type": "deberta-v2""#, "model_type"),
  ])
  func `and what is not implemented is refused by its field`(
    name: String, before: String, after: String, field: String
  ) throws {
    let error = #expect(throws: FineTuningError.self) {
      try Self.configuration(name) { text in
        guard let place = text.firstRange(of: before) else {
          Issue.record("\(name) has no \(before)")
          return
        }
        text.replaceSubrange(place, with: after)
      }
    }
    let message = try #require(error).description
    #expect(message.contains("\"\(field)\""), "\(message)")
    #expect(!message.contains("\n"))
  }

  @Test func `positions beyond the padding token's leave a shorter longest text`() throws {
    #expect(try Self.configuration("roberta").maximumPositions == 20)
    #expect(try Self.configuration("xlm-roberta").maximumPositions == 20)
    #expect(try Self.configuration("distilbert").maximumPositions == 20)
  }
}
