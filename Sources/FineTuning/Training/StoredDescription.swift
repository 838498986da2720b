internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The description in a training state, checked before anything else is done with it.
///
/// The file may come from anyone: counts are bounded and agree with each other, figures are in the range of
/// what they measure, and nothing here depends on the run yet (see ``Trainer/resume(_:)``).
struct StoredDescription {
  let state: TrainingState
  let settings: JSONValue
  let origin: JSONValue?
  let invocation: [String]
  /// The rows that trained last, by the trained model's names.
  let rows: OrderedDictionary<Key, RowSet>
  /// The optimiser's steps of each of them.
  let steps: [Key: Int]
  /// The rows that trained earlier, under another mask.
  let former: OrderedDictionary<Key, RowSet>

  /// Bytes of a description that are read.
  private static let maximumLength = 128 << 20

  /// The description of a checkpoint.
  ///
  /// - Throws: `FineTuningError` that names the first member that is not valid.
  init(_ checkpoint: Checkpoint) throws {
    let path = checkpoint.path
    guard let text = checkpoint.metadata["espalier"] else {
      throw FineTuningError.noDescription(of: path)
    }
    guard text.utf8.count <= StoredDescription.maximumLength else {
      throw FineTuningError.longDescription(text.utf8.count, of: path)
    }
    let json: JSONValue
    do { json = try JSONParser.parse(Array(text.utf8)) } catch {
      throw FineTuningError.description(of: path, isNotJSON: error)
    }
    guard json["format"]?.word == "espalier-training-state", json["version"]?.integer == 1 else {
      throw FineTuningError.otherStateFormat(path)
    }
    state = try TrainingState(json, path: path)
    settings = json["settings"] ?? .null
    origin = json["origin"]
    invocation = try StoredDescription.invocation(json["invocation"], path: path)
    let trained = try StoredDescription.members("tensors", of: json, path: path)
    rows = try trained.mapValues { name, member throws(FineTuningError) in
      try StoredDescription.rows(member, of: name, path: path)
    }
    let former = try StoredDescription.members("former", of: json, path: path).mapValues {
      name, member throws(FineTuningError) in
      try StoredDescription.rows(member, of: name, path: path)
    }
    guard state.epoch > 0 || former.isEmpty else {
      throw FineTuningError.stateMember(path, "former", json["former"], expected: .emptyObject)
    }
    self.former = former
    var steps: [Key: Int] = [:]
    for (name, member) in trained {
      guard let count = member["steps"]?.integer, (0...state.step).contains(count) else {
        throw FineTuningError.stateMember(
          path, "steps", of: name, member["steps"], expected: .integers(0...state.step))
      }
      steps[name] = count
    }
    self.steps = steps
  }

  private static func members(
    _ name: String, of json: JSONValue, path: String
  ) throws(FineTuningError) -> OrderedDictionary<Key, JSONValue> {
    guard let members = json[name]?.object else {
      throw .stateMember(path, name, json[name], expected: .object)
    }
    return members
  }

  private static func rows(
    _ member: JSONValue, of name: Key, path: String
  ) throws(FineTuningError) -> RowSet {
    guard let pairs = member["rows"]?.array else {
      throw .stateMember(
        path, "rows", of: name, member["rows"], expected: .listOfRanges)
    }
    var ranges: [Range<Int>] = []
    for pair in pairs {
      guard let bounds = pair.array, bounds.count == 2, let start = bounds[0].integer,
        let end = bounds[1].integer, start >= (ranges.last?.upperBound ?? 0), end > start
      else {
        throw .stateMember(
          path, "rows", of: name, pair, expected: .range)
      }
      ranges.append(start..<end)
    }
    return RowSet(ranges)
  }

  private static func invocation(
    _ json: JSONValue?, path: String
  ) throws(FineTuningError) -> [String] {
    guard let json else { return [] }
    guard let elements = json.array, elements.allSatisfy({ $0.string != nil }) else {
      throw .stateMember(path, "invocation", json, expected: .listOfTexts)
    }
    return elements.compactMap(\.string)
  }
}

extension OrderedDictionary {
  /// The dictionary with other values, made from keys and values.
  fileprivate func mapValues<New, Failure: Error>(
    _ transform: (Key, Value) throws(Failure) -> New
  ) throws(Failure) -> OrderedDictionary<Key, New> {
    var result: OrderedDictionary<Key, New> = [:]
    for (key, value) in self { result[key] = try transform(key, value) }
    return result
  }
}

extension TrainingState {
  /// The counters and records of a description.
  ///
  /// - Throws: `FineTuningError` that names the first member that is not valid.
  init(_ json: JSONValue, path: String) throws(FineTuningError) {
    func count(_ name: String, _ range: ClosedRange<Int>) throws(FineTuningError) -> Int {
      guard let value = json[name]?.integer, range.contains(value) else {
        throw .stateMember(
          path, name, json[name],
          expected: .integers(range))
      }
      return value
    }
    epoch = try count("epoch", 0...TrainingOptions.maximumCount)
    step = try count("step", 0...TrainingState.maximumCount)
    batches = try count("batches", 0...TrainingState.maximumCount)
    staleEpochs = try count("stale_epochs", 0...epoch)
    switch json["best_epoch"] {
    case .null: bestEpoch = nil
    default:
      guard epoch > 0 else {
        throw .stateMember(path, "best_epoch", json["best_epoch"], expected: .null)
      }
      bestEpoch = try count("best_epoch", 1...epoch)
    }
    guard let records = json["records"]?.array, records.count == epoch else {
      throw .stateMember(
        path, "records", json["records"], expected: .listOfEpochs(epoch))
    }
    for (index, record) in records.enumerated() {
      let record = try EpochRecord(record, path: path)
      guard record.epoch == index + 1, record.step <= step,
        record.isBest == (record.epoch == bestEpoch)
      else {
        throw .contradictoryRecord(ofEpoch: index + 1, in: path)
      }
      self.records.append(record)
    }
  }

  /// More updates or batches than any run makes, and far from the end of the integers.
  private static let maximumCount = 1 << 50
}
