package import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The options of a run in its stored state, member by member: an option that is added later has its
/// default in a run that was stored without it.
extension TrainingOptions {
  /// One option in the state of a run.
  struct StoredMember: Sendable {
    let name: String
    /// The option as JSON.
    let json: @Sendable (TrainingOptions) -> JSONValue
    /// Takes the option from JSON; returns whether the value is one of the option's.
    let take: @Sendable (inout TrainingOptions, JSONValue) -> Bool
  }

  /// The version of the object.
  private static let storedVersion = 1

  /// One for each stored property.
  static let storedMembers: [StoredMember] = [
    count("epochs", \.epochs), count("batch_size", \.batchSize),
    count("accumulation", \.accumulation),
    member("learning_rate", \.learningRate, { $0.map(JSONValue.real) ?? .null }) {
      $0 == .null ? .some(nil) : $0.double.map(Optional.some)
    },
    list("selected_rates", \.selectedRates) {
      .members(["selector": .string($0.selector), "rate": .real($0.rate)])
    } _: { json in
      json["selector"]?.string.flatMap { selector in
        json["rate"]?.double.map { SelectedRate(selector, $0) }
      }
    },
    real("layer_decay", \.layerDecay), real("weight_decay", \.weightDecay), word("decay", \.decay),
    real("beta1", \.beta1), real("beta2", \.beta2), real("epsilon", \.epsilon),
    word("schedule", \.schedule),
    member("warmup", \.warmup) { warmup in
      switch warmup {
      case .steps(let count): .members(["steps": .integer(count)])
      case .ratio(let share): .members(["share": .real(share)])
      }
    } _: { json in
      guard json.object?.count == 1 else { return nil }
      return json["steps"]?.integer.map(Warmup.steps) ?? json["share"]?.double.map(Warmup.ratio)
    },
    // A norm without a limit is `null`: JSON has no infinity.
    member("maximum_gradient_norm", \.maximumGradientNorm, { .real($0) }) {
      $0 == .null ? .infinity : $0.double
    },
    real("label_smoothing", \.labelSmoothing), flag("balances_labels", \.balancesLabels),
    member("seed", \.seed, { .integer($0) }) {
      if case .number(let text) = $0 { UInt64(text) } else { nil }
    },
    member("patience", \.patience, { $0.map { .integer($0) } ?? .null }) {
      $0 == .null ? .some(nil) : $0.integer.map(Optional.some)
    },
    word("criterion", \.criterion), flag("uses_dropout", \.usesDropout),
    flag("uses_trunk_dropout", \.usesTrunkDropout), word("precision", \.precision),
    count("cache_memory", \.cacheMemory),
    list("unfreezing", \.unfreezing) {
      .members(["epoch": .integer($0.epoch), "selector": .string($0.selector)])
    } _: { json in
      json["selector"]?.string.flatMap { selector in
        json["epoch"]?.integer.map { Unfreezing(at: $0, selector) }
      }
    },
  ]

  /// The options as an object.
  package var stored: JSONValue {
    .object(
      pairs: [("version", .integer(TrainingOptions.storedVersion))]
        + TrainingOptions.storedMembers.map { ($0.name, $0.json(self)) })
  }

  /// The options in an object of ``stored``. An option that is not there has its default.
  ///
  /// - Throws: `FineTuningError` that names an option that is not known, or whose value is not one of its values.
  init(stored json: JSONValue, path: String) throws(FineTuningError) {
    self.init()
    guard let object = json.object else {
      throw .stateMember(path, "options", json, expected: .object)
    }
    guard object["version"]?.integer == TrainingOptions.storedVersion else {
      throw .stateMember(
        path, "options.version", object["version"],
        expected: .values([.integer(TrainingOptions.storedVersion)]))
    }
    var members: [Key: StoredMember] = [:]
    for member in TrainingOptions.storedMembers { members[Key(member.name)] = member }
    for (name, value) in object where name != "version" {
      guard let member = members[name] else { throw .unknownOption(name.string, in: path) }
      guard member.take(&self, value) else {
        throw .storedOption(name.string, value, in: path)
      }
    }
    do { try validate() } catch { throw .storedOptions(error, in: path) }
  }

  /// The name of the first option that differs; `nil` when all are the same.
  func difference(from other: TrainingOptions) -> String? {
    TrainingOptions.storedMembers.first { $0.json(self) != $0.json(other) }?.name
  }

  /// The text that versions before 0.2.0 stored in place of the object: Swift's own description of the
  /// options that there were.
  var textOfEarlierVersions: String {
    let names: Set<String> = [
      "epochs", "batchSize", "accumulation", "learningRate", "selectedRates", "layerDecay",
      "weightDecay", "decay", "beta1", "beta2", "epsilon", "schedule", "warmup",
      "maximumGradientNorm", "labelSmoothing", "balancesLabels", "seed", "patience", "criterion",
      "usesDropout", "usesTrunkDropout", "precision", "cacheMemory", "unfreezing",
    ]
    let members = Mirror(reflecting: self).children.compactMap { child in
      child.label.flatMap { names.contains($0) ? "\($0): \(String(reflecting: child.value))" : nil }
    }
    return "TrainingOptions(\(members.joined(separator: ", ")))"
  }

  // MARK: Kinds of members

  private typealias Path<Value> = any WritableKeyPath<TrainingOptions, Value> & Sendable

  private static func member<Value>(
    _ name: String, _ path: Path<Value>, _ json: @escaping @Sendable (Value) -> JSONValue,
    _ value: @escaping @Sendable (JSONValue) -> Value?
  ) -> StoredMember {
    StoredMember(name: name, json: { json($0[keyPath: path]) }) { options, json in
      guard let value = value(json) else { return false }
      options[keyPath: path] = value
      return true
    }
  }

  private static func count(_ name: String, _ path: Path<Int>) -> StoredMember {
    member(name, path, { .integer($0) }, { $0.integer })
  }

  private static func real(_ name: String, _ path: Path<Double>) -> StoredMember {
    member(name, path, { .real($0) }, { $0.double })
  }

  private static func flag(_ name: String, _ path: Path<Bool>) -> StoredMember {
    member(name, path, { .bool($0) }, { $0.bool })
  }

  private static func word<Value: RawRepresentable<String> & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> StoredMember {
    member(name, path, { .string($0.rawValue) }, { $0.word.flatMap(Value.init(rawValue:)) })
  }

  private static func list<Element: Sendable>(
    _ name: String, _ path: Path<[Element]>, _ json: @escaping @Sendable (Element) -> JSONValue,
    _ element: @escaping @Sendable (JSONValue) -> Element?
  ) -> StoredMember {
    member(name, path, { .array($0.map(json)) }) { value in
      guard let array = value.array, array.count <= maximumCount else { return nil }
      let elements = array.compactMap(element)
      return elements.count == array.count ? elements : nil
    }
  }
}
