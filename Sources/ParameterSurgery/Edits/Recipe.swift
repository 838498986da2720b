internal import CheckpointFiles
internal import OrderedCollections

/// Steps of a plan in a file: YAML, or JSON.
///
///     # Old names, half the size.
///     seed: 7
///     steps:
///       - preset: gamma-beta
///       - drop: [cls, "**.position_ids"]
///       - cast: "**=BF16"
public struct Recipe: Sendable, Hashable {
  /// Chooses the values of tensors that are added; `nil` leaves it to the caller.
  public let seed: UInt64?
  /// The steps, in order.
  public let steps: [SurgeryOperation]

  /// The recipe in the file at `path`.
  ///
  /// - Throws: ``SurgeryError`` when the file is no recipe, `CheckpointError` when it cannot be read.
  public init(path: String) throws {
    do {
      try self.init(yaml: try WholeFile.read(path, limit: 1 << 24))
    } catch let error as SurgeryError {
      throw SurgeryError("\(path): \(error)")
    }
  }

  /// The recipe in a document.
  ///
  /// - Throws: ``SurgeryError`` when the document is no recipe.
  public init(yaml: [UInt8]) throws(SurgeryError) {
    guard case .object(let members) = try YAMLDocument.parse(yaml) else {
      throw SurgeryError("a recipe is a map with `steps`")
    }
    for key in members.keys where !["seed", "steps", "description"].contains(key.string) {
      throw SurgeryError(
        "a recipe has no member \(quoted(key.string)); members are description, seed and steps")
    }
    if let value = members["seed"] {
      guard let text = value.string, let seed = UInt64(text) else {
        throw SurgeryError("`seed` is a whole number of 0 or more")
      }
      self.seed = seed
    } else {
      self.seed = nil
    }
    guard let list = members["steps"]?.array else { throw SurgeryError("`steps` is a list") }
    var steps: [SurgeryOperation] = []
    for (index, step) in list.enumerated() {
      guard let object = step.object, object.count == 1, let (key, value) = object.elements.first
      else {
        throw SurgeryError("step \(index + 1) is not one operation, such as `- drop: pooler`")
      }
      let arguments =
        value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
      guard !arguments.isEmpty, value.array.map({ $0.count == arguments.count }) ?? true else {
        throw SurgeryError("step \(index + 1), \(key.string): a text or a list of texts is missing")
      }
      do {
        steps.append(try SurgeryOperation(key.string, arguments))
      } catch {
        throw SurgeryError("step \(index + 1): \(error)")
      }
    }
    self.steps = steps
  }
}
