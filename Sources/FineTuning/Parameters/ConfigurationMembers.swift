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
      throw FineTuningError(
        .malformedModel, path: path, "\(path): \"\(name)\" is missing")
    }
    guard let value = member.integer, value > 0, value <= 1 << 30 else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): \"\(name)\" is \(short(member)), expected a positive integer")
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
        throw FineTuningError(
          .malformedModel, path: path,
          "\(path): \"\(name)\" is \(value), and \"\(other)\", which means the same, is \(second)")
      }
    }
    return value
  }

  /// A number that is not negative.
  func number(_ name: String, default fallback: Float) throws(FineTuningError) -> Float {
    guard let member = json[name] else { return fallback }
    guard let value = member.double, value.isFinite, value >= 0 else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): \"\(name)\" is \(short(member)), expected a number ≥ 0")
    }
    return Float(value)
  }

  /// A probability below 1.
  func probability(_ name: String, default fallback: Float) throws(FineTuningError) -> Float {
    let value = try number(name, default: fallback)
    guard value < 1 else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): \"\(name)\" is \(value), expected a probability below 1")
    }
    return value
  }

  /// Refuses a member that has another value than the ones that are implemented.
  func demand(_ name: String, _ allowed: JSONValue...) throws(FineTuningError) {
    guard let member = json[name], !allowed.contains(where: member.isSame) else { return }
    throw FineTuningError(
      .malformedModel, path: path,
      "\(path): \"\(name)\": \(short(member)) is not implemented; "
        + "expected \(allowed.map { $0.text() }.joined(separator: " or "))")
  }

  /// Refuses a member that changes the computation in a way that is not implemented.
  func refuse(_ name: String, because reason: String) throws(FineTuningError) {
    guard let value = json[name], value != .null, value.array?.isEmpty != true,
      value.object?.isEmpty != true
    else { return }
    throw FineTuningError(
      .malformedModel, path: path, "\(path): \"\(name)\" is \(short(value)): \(reason)")
  }
}

/// A value of a file for an error: its text, cut when it is long.
func short(_ value: JSONValue) -> String {
  let text = value.text()
  guard text.unicodeScalars.count > 60 else { return text }
  return String(String.UnicodeScalarView(text.unicodeScalars.prefix(50))) + "…"
}
