internal import CheckpointFiles
internal import OrderedCollections

/// The members of a `config.json`, read as strictly as the configuration classes of transformers 5 do: an absent
/// member has the default of its class, and `null` or a value of another type is an error.
struct ConfigurationMembers {
  let json: JSONValue
  let path: String

  /// A size: a positive integer.
  func count(_ name: String, default fallback: Int? = nil) throws(FineTuningError) -> Int {
    guard let member = json[name] else {
      if let fallback { return fallback }
      throw .member(name, nil, expected: .positiveInteger, path: path)
    }
    guard let value = member.integer, value > 0, value <= 1 << 30 else {
      throw .member(name, member, expected: .positiveInteger, path: path)
    }
    return value
  }

  /// A size that has two names, of which a file may have either, or both if they agree.
  func count(_ name: String, or other: String) throws(FineTuningError) -> Int {
    guard json[name] != nil else { return try count(other) }
    let value = try count(name)
    if json[other] != nil {
      let second = try count(other)
      guard value == second else {
        throw .contradiction(name, value, other, second, path: path)
      }
    }
    return value
  }

  /// A number that is not negative.
  func number(_ name: String, default fallback: Float) throws(FineTuningError) -> Float {
    guard let member = json[name] else { return fallback }
    guard let value = member.double, value.isFinite, value >= 0 else {
      throw .member(name, member, expected: .numberFromZero, path: path)
    }
    return Float(value)
  }

  /// A probability below 1.
  func probability(_ name: String, default fallback: Float) throws(FineTuningError) -> Float {
    let value = try number(name, default: fallback)
    guard value < 1 else {
      throw .probability(name, value, path: path)
    }
    return value
  }

  /// Refuses a member that has another value than the ones that are implemented.
  func demand(_ name: String, _ allowed: JSONValue...) throws(FineTuningError) {
    guard let member = json[name], !allowed.contains(where: member.isSame) else { return }
    throw .notImplemented(name, member, expected: allowed, path: path)
  }

  /// Refuses a member that changes the computation in a way that is not implemented.
  func refuse(
    _ name: String, _ part: FineTuningError.UnsupportedPart
  ) throws(FineTuningError) {
    guard let value = json[name], value != .null, value.array?.isEmpty != true,
      value.object?.isEmpty != true
    else { return }
    throw .notImplemented(name, value, part, path: path)
  }
}
