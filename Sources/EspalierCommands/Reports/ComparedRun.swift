import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// What `espalier report` compares: a finished run, the folds or seeds of one training, or runs that differ in nothing
/// but their seeds.
struct ComparedRun {
  enum Kind: String {
    case run, folds, seeds
  }

  /// The folders or the file, as the user named them.
  var paths: [String]
  var kind: Kind
  let task: PredictionTask
  /// The kept epoch of each repetition.
  var records: [EpochRecord]
  /// The mean number of examples that trained and that were evaluated; `nil` when it is not known.
  let trainingExamples: Double?
  let examples: Int?
  /// The seed of each repetition, of joined runs.
  var seeds: [String] = []
  /// What the run stored of itself; `nil` for folds and seeds, and for runs of versions that stored nothing.
  let stored: Stored?

  /// What a reader calls it.
  var name: String {
    let first = clipped(shown(paths[0]), to: 120)
    return paths.count > 1 ? "\(first) (\(grouped(paths.count)) seeds)" : first
  }

  /// `results.json`, as far as a comparison needs it. The file may come from anyone.
  struct Stored {
    let origin: [(name: String, value: JSONValue)]
    let settings: JSONValue
    let command: [String]
    let examples: Int
    /// The share that a constant answer reaches; `nil` for numbers.
    let baseline: Double?
    let isRight: [Bool]

    /// The digest of the texts that were evaluated.
    var evaluationData: JSONValue? { settings["evaluation data"] }
    var seed: JSONValue? { settings["options"]?["seed"] }

    /// Everything that repetitions have in common.
    fileprivate var identity: JSONValue {
      var members = settings.object ?? [:]
      var options = members["options"]?.object ?? [:]
      options["seed"] = nil
      members["options"] = .object(options)
      return .object(pairs: origin + [("settings", .object(members))])
    }
  }

  /// Runs that differ only in their seeds as one, in the order of the first of them.
  static func joined(_ runs: [ComparedRun]) -> [ComparedRun] {
    var result: [ComparedRun] = []
    var places: [JSONValue: Int] = [:]
    var seeds: [JSONValue: Set<JSONValue>] = [:]
    for run in runs {
      guard run.kind == .run, let stored = run.stored, let seed = stored.seed else {
        result.append(run)
        continue
      }
      let identity = stored.identity
      // The same seed twice is the same run, not another repetition.
      if let place = places[identity], seeds[identity, default: []].insert(seed).inserted {
        result[place].kind = .seeds
        result[place].paths += run.paths
        result[place].records += run.records
        result[place].seeds.append(seed.text())
      } else {
        if places[identity] == nil {
          places[identity] = result.count
          seeds[identity] = [seed]
        }
        result.append(run)
        result[result.count - 1].seeds = [seed.text()]
      }
    }
    return result
  }
}

// MARK: - Reading

extension ComparedRun {
  /// A run's folder, or the file of what `train --folds --json` or `train --seeds --json` printed.
  ///
  /// - Throws: `InputError`, `CheckpointError` or `FineTuningError` that names the file and what is wrong with it.
  init(path: String) throws {
    guard WholeFile.isFolder(path) else {
      try self.init(study: try ComparedRun.json(path), path: path)
      return
    }
    let history = Path.join(path, TrainingRun.FileName.history)
    guard WholeFile.exists(history) else {
      throw InputError(
        "\(path): the folder is not that of a run: it has no \(TrainingRun.FileName.history); pass a folder that "
          + "espalier train wrote, or the JSON that it printed with --folds or --seeds")
    }
    guard let record = try ComparedRun.keptEpoch(history) else {
      throw InputError("\(history): no epoch is marked as the best")
    }
    let results = Path.join(path, TrainingRun.FileName.results)
    let stored =
      WholeFile.exists(results) ? try Stored(ComparedRun.json(results), path: results) : nil
    self.init(
      paths: [path], kind: .run, task: record.task, records: [record],
      trainingExamples: nil, examples: stored?.examples, stored: stored)
  }

  private init(study json: JSONValue, path: String) throws {
    let word = json["kind"]?.string ?? ""
    guard let kind = [Kind.folds, .seeds].first(where: { word.isSame(as: $0.rawValue) }),
      let runs = json["runs"]?.array, !runs.isEmpty
    else {
      throw InputError(
        "\(path): the file is not the JSON of repeated runs; pass a folder that espalier train wrote, or the JSON that "
          + "it printed with --folds or --seeds")
    }
    var records: [EpochRecord] = []
    var (training, evaluated) = (0, 0)
    for run in runs {
      guard let examples = run["examples"]?.integer, let other = run["eval_examples"]?.integer,
        (1...1 << 40).contains(examples), (1...1 << 40).contains(other), let best = run["best"]
      else {
        throw InputError(
          "\(path): a run has no \"examples\", \"eval_examples\" or \"best\", or they are out of range"
        )
      }
      records.append(try EpochRecord(best, path: path))
      (training, evaluated) = (training + examples, evaluated + other)
      guard training < 1 << 50, evaluated < 1 << 50 else {
        throw InputError("\(path): the runs have too many examples")
      }
    }
    self.init(
      paths: [path], kind: kind, task: records[0].task, records: records,
      trainingExamples: Double(training) / Double(runs.count), examples: evaluated / runs.count,
      stored: nil)
  }

  private static func json(_ path: String) throws -> JSONValue {
    let bytes = try WholeFile.read(path)
    do { return try JSONParser.parse(bytes) } catch {
      throw InputError("\(path): \(error.reason)")
    }
  }

  /// The last epoch that is marked as the best.
  private static func keptEpoch(_ path: String) throws -> EpochRecord? {
    var kept: EpochRecord?
    for (index, line) in try WholeFile.read(path).split(separator: UInt8(ascii: "\n")).enumerated()
    {
      let json: JSONValue
      do { json = try JSONParser.parse(Array(line)) } catch {
        throw InputError("\(path): line \(index + 1): \(error.reason)")
      }
      let record = try EpochRecord(json, path: path)
      if record.isBest { kept = record }
    }
    return kept
  }
}

extension ComparedRun.Stored {
  init(_ json: JSONValue, path: String) throws(InputError) {
    guard json["format"]?.string?.isSame(as: "espalier-results") == true,
      json["version"]?.integer == 1
    else {
      throw InputError("\(path): expected \"format\": \"espalier-results\", \"version\": 1")
    }
    func member<Value>(_ name: String, _ value: Value?) throws(InputError) -> Value {
      guard let value else { throw InputError("\(path): \"\(name)\" is missing or not valid") }
      return value
    }
    let count = json["examples"]?.integer.flatMap { (0...1 << 40).contains($0) ? $0 : nil }
    let total = try member("examples", count)
    examples = total
    settings = try member("settings", json["settings"]?.object.map { .object($0) })
    origin = ["model", "data", "eval"].map { ($0, json[$0] ?? .null) }
    let words = try member("command", json["command"]?.array)
    command = try member(
      "command", words.allSatisfy { $0.string != nil } ? words.compactMap(\.string) : nil)
    let share = json["baseline"]?["accuracy"] ?? json["baseline"]?["subset_accuracy"]
    baseline = try share.map { (value) throws(InputError) in
      try member("baseline", value.double.flatMap { (0...1).contains($0) ? $0 : nil })
    }
    let digits = json["right"]?.string
    isRight =
      try digits.map { (digits) throws(InputError) in
        try member("right", RunResults.values(digits, count: total))
      } ?? []
  }
}
