import CheckpointFiles
import OrderedCollections
import Testing

@testable import FineTuning

@Suite struct `Gradients equal PyTorch's` {
  static let cases: [(fixture: String, pooling: Pooling, head: Head)] = [
    ("case-mean", .mean, .mlp(width: 16)),
    ("case-mean-all", .meanAll, .mlp(width: 16)),
    ("case-cls", .cls, .mlp(width: 16)),
    ("case-pooler", .pooler, .mlp(width: 16)),
    ("case-mean-linear", .mean, .linear),
  ]

  /// The classifier's checkpoint, with the linear head's own weights where the case has them.
  static func checkpoint(_ reference: Reference, head: Head) throws -> Checkpoint {
    var checkpoint = try TinyClassifier.checkpoint()
    if head == .linear {
      checkpoint.tensors.removeAll { $0.key.string.hasPrefix("linear.") }
      for key: Key in ["linear.weight", "linear.bias"] {
        checkpoint.tensors[key] = reference.tensors[key]
      }
    }
    return checkpoint
  }

  @Test(arguments: cases.indices)
  func `with everything trainable and padding in the batch`(index: Int) throws {
    let (fixture, pooling, head) = Self.cases[index]
    let reference = try Reference(fixture)
    let model = try TinyClassifier.make(
      pooling: pooling, head: head, checkpoint: try Self.checkpoint(reference, head: head))
    let result = try TinyClassifier.run(model, try Reference("inputs"))
    let logits = try reference.floats("logits")
    for (index, value) in result.logits.elements.array.enumerated() {
      #expect(abs(value - logits[index]) < 1e-4, "logit \(index)")
    }
    #expect(abs(result.loss - Double(try reference.floats("loss")[0])) < 1e-5)
    var compared = 0
    for parameter in model.parameters.parameters {
      let key = "grad.\(parameter.name)"
      guard reference.tensors[Key(key)] != nil else { continue }
      let gradient = try #require(parameter.training, "\(parameter.name) trains").gradient
      let error = relativeError(
        gradient.elements.array, try reference.floats(key), floor: 1e-4)
      #expect(error < 1e-3, "\(parameter.name)")
      compared += 1
    }
    #expect(compared == reference.tensors.keys.count { $0.string.hasPrefix("grad.") })
    #expect(compared >= 38)
  }

  @Test func `with each tensor trainable in turn, whatever the stop of the backward pass`() throws {
    let reference = try Reference("case-pooler")
    let inputs = try Reference("inputs")
    let names = reference.tensors.keys.compactMap { key in
      key.string.hasPrefix("grad.") ? String(key.string.dropFirst(5)) : nil
    }
    #expect(names.count == 43)
    for name in names {
      let model = try TinyClassifier.make(pooling: .pooler) { $0 == name ? .all : .none }
      #expect(model.parameters.trained.map(\.name) == [name])
      _ = try TinyClassifier.run(model, inputs)
      let gradient = try #require(model.parameters[name: name].training).gradient
      let error = relativeError(
        gradient.elements.array, try reference.floats("grad.\(name)"), floor: 1e-4)
      #expect(error < 1e-3, "\(name)")
    }
  }

  @Test func `with rows of each tensor trainable, and for them alone`() throws {
    let reference = try Reference("case-pooler")
    let inputs = try Reference("inputs")
    for name in [
      "bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight",
      "bert.encoder.layer.0.attention.self.key.weight", "bert.encoder.layer.1.output.dense.weight",
      "bert.encoder.layer.0.attention.output.LayerNorm.weight",
      "bert.encoder.layer.1.intermediate.dense.bias", "linear.0.weight", "linear.2.bias",
    ] {
      let rows = name == "linear.2.bias" ? [0..<1, 2..<3] : [1..<4, 7..<12]
      let model = try TinyClassifier.make(pooling: .pooler) { $0 == name ? .ranges(rows) : .none }
      _ = try TinyClassifier.run(model, inputs)
      let parameter = model.parameters[name: name]
      let gradient = try #require(parameter.training).gradient
      let columns = parameter.values.columns
      let whole = try reference.floats("grad.\(name)")
      let expected = rows.flatMap { whole[$0.lowerBound * columns..<$0.upperBound * columns] }
      #expect(gradient.rows == rows.reduce(0) { $0 + $1.count })
      #expect(relativeError(gradient.elements.array, expected, floor: 1e-4) < 1e-3, "\(name)")
    }
  }

  @Test(arguments: ["plain", "smoothing", "weights", "both"])
  func `of the loss with label smoothing and class weights`(name: String) throws {
    let reference = try Reference("losses")
    var loss = CrossEntropy()
    if name == "smoothing" || name == "both" { loss.labelSmoothing = 0.1 }
    if name == "weights" || name == "both" {
      loss.classWeights = try reference.floats("class_weights").map(Double.init)
    }
    let model = try TinyClassifier.make()
    let result = try TinyClassifier.run(model, try Reference("inputs"), loss: loss)
    #expect(abs(result.loss - Double(try reference.floats("\(name).loss")[0])) < 1e-5)
    #expect(
      relativeError(
        result.dLogits.elements.array, try reference.floats("\(name).grad_logits")) < 1e-4)
    let gradient = try #require(model.parameters[name: "linear.0.weight"].training).gradient
    #expect(
      relativeError(
        gradient.elements.array, try reference.floats("\(name).grad.linear.0.weight")) < 1e-3)
  }

  @Test func `the padding row of the word embeddings receives no gradient`() throws {
    let model = try TinyClassifier.make(pooling: .meanAll)
    _ = try TinyClassifier.run(model, try Reference("inputs"))
    let gradient = try #require(
      model.parameters[name: "bert.embeddings.word_embeddings.weight"].training
    ).gradient
    #expect(gradient.row(0).array.allSatisfy { $0 == 0 })
  }
}
