import EspalierTestSupport
import Testing

@testable import FineTuning

@Suite struct `Gradients equal finite differences` {
  /// The loss of the reference batch with fixed dropout streams.
  private func loss(_ model: Classifier, recording: Bool) throws -> Double {
    let (examples, labels, _) = try Reference("inputs").examples()
    let batch = PackedBatch(examples)
    let (logits, tape) = model.forward(
      batch, features: model.prefix(batch), recording: recording,
      dropout: DropoutStreams(seed: 7, step: 3))
    let dLogits = Matrix(rows: logits.rows, columns: logits.columns)
    let value = CrossEntropy().forward(
      dLogits: recording ? dLogits : nil, logits: logits, labels: labels,
      divisor: Double(labels.count))
    if recording { model.backward(dLogits: dLogits, tape: tape) }
    return value
  }

  @Test(arguments: [Pooling.mean, .cls, .pooler])
  func `along a random direction of every tensor, dropout included`(pooling: Pooling) throws {
    let seed: UInt64 = 20_260
    var generator = SeededGenerator(seed: seed)
    let model = try TinyClassifier.make(pooling: pooling)
    _ = try loss(model, recording: true)
    for parameter in model.parameters.trained {
      let gradient = try #require(parameter.training).gradient.elements.array
      let values = parameter.values.elements
      let start = values.array
      let direction = start.map { _ in Float.random(in: -1...1, using: &generator) }
      // A step that moves the loss well above its rounding, whatever the tensor's size.
      let size = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let step = 0.02 / size
      func moved(_ sign: Float) throws -> Double {
        for index in start.indices { values[index] = start[index] + sign * step * direction[index] }
        return try loss(model, recording: false)
      }
      let numeric = (try moved(1) - moved(-1)) / Double(2 * step)
      values.assign(Vector(start))
      let analytic = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let scale = Double(gradient.reduce(0) { $0 + $1 * $1 }.squareRoot() * size)
      #expect(
        abs(numeric - analytic) < 0.02 * abs(analytic) + 0.002 * scale + 2e-5 / Double(step) * 1e-1,
        "\(parameter.name): \(numeric) and \(analytic), seed \(seed)")
    }
  }
}
