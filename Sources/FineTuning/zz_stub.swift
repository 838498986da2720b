public import CheckpointFiles

public struct EpochRecord: Sendable {
  public var epoch = 0, step = 0; public var trainLoss = 0.0; public var trainAccuracy: Double? = 0;
  public var evalLoss = 0.0, evalAccuracy = 0.0, evalF1 = 0.0, learningRate = 0.0, seconds = 0.0,
    tokensPerSecond = 0.0
  ; public var cached = false, isBest = false
  public var json: JSONValue { .null }
  init(_ j: JSONValue, path: String) throws {}
  init(
    epoch: Int, step: Int, trainLoss: Double, trainAccuracy: Double?, evalLoss: Double,
    evalAccuracy: Double, evalF1: Double, learningRate: Double, seconds: Double,
    tokensPerSecond: Double, cached: Bool, isBest: Bool
  ) {
    self.epoch = epoch; self.evalLoss = evalLoss; self.trainLoss = trainLoss;
    self.trainAccuracy = trainAccuracy; self.evalAccuracy = evalAccuracy; self.seconds = seconds;
    self.tokensPerSecond = tokensPerSecond; self.isBest = isBest; self.cached = cached
  }
}
public struct ClassificationMetrics: Sendable {
  public var accuracy = 0.0; public var macroF1 = 0.0; public var json: JSONValue { .null }
  public init() {}
  public init(logits: [[Float]], labels: [Int], labelNames: [String]) {}
}
func metrics(_ l: Matrix, _ y: [Int]) -> ClassificationMetrics {
  var m = ClassificationMetrics(); let p = predictions(l);
  m.accuracy = Double(zip(p, y).count { $0 == $1 }) / Double(max(1, y.count)); return m
}
extension TrainingRun {
  func writeReports(in f: String, metrics: ClassificationMetrics, seconds: Double) throws {}
}
