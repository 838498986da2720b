import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite("The record of an epoch")
struct EpochRecordTests {
  private func record(
    _ epoch: Int, _ trainLoss: Double = 0.1 + 0.2, _ evalLoss: Double = 1.0 / 3, best: Bool = false
  ) -> EpochRecord {
    var record = EpochRecord(
      epoch: epoch, step: 7 * epoch, trainLoss: trainLoss, trainAccuracy: 2.0 / 3,
      evalLoss: evalLoss, learningRate: 1e-300, seconds: 1e11,
      tokensPerSecond: 12345.678901234567, cached: true, isBest: best)
    record.evalAccuracy = 0.7
    record.evalF1 = .leastNonzeroMagnitude
    return record
  }

  @Test func `a record comes back from its line bit for bit`() throws {
    var other = record(2)
    other.trainAccuracy = nil
    for record in [record(1, best: true), other] {
      let json = try JSONParser.parse(Array(record.json.text().utf8))
      #expect(try EpochRecord(json, path: "state") == record)
    }
  }

  @Test func `a loss that is not finite is null in the line`() throws {
    let json = record(1, .infinity).json
    #expect(json["train_loss"] == .null)
    #expect(try EpochRecord(json, path: "state").trainLoss.isNaN)
  }

  @Test(arguments: ["epoch", "train_loss", "cached", "best", "seconds"])
  func `a broken record names its member`(name: String) throws {
    var members = try #require(record(1).json.object)
    members[Key(name)] = .string("x")
    let error = #expect(throws: FineTuningError.self) {
      try EpochRecord(.object(members), path: "state")
    }
    #expect(error?.description.hasPrefix("state: ") == true)
    #expect(error?.description.contains(name) == true)
  }
}
