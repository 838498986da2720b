internal import CheckpointFiles
internal import OrderedCollections

/// Steps of a plan in a file: YAML, or JSON.
///
///     let recipe = try Recipe(path: "recipe.yaml")
///     for step in recipe.steps { try plan.append(step) }
///
/// A recipe looks like this:
///
/// ```yaml
/// # Old names, half the size.
/// seed: 7
/// steps:
///   - preset: gamma-beta
///   - drop: [cls, "**.position_ids"]
///   - cast: "**=BF16"
/// ```
public struct Recipe: Sendable, Hashable {
  /// Chooses the values of tensors that are added; `nil` leaves it to the caller.
  public let seed: UInt64?
  /// The steps, in order.
  public let steps: [SurgeryOperation]

  /// The most bytes of a file.
  private static let mostBytes = 1 << 24

  /// The recipe in the file at `path`.
  ///
  /// - Throws: ``SurgeryError`` when the file is not a recipe or cannot be read.
  public init(path: String) throws(SurgeryError) {
    let bytes: [UInt8]
    do {
      bytes = try WholeFile.read(path, limit: Recipe.mostBytes)
    } catch {
      throw SurgeryError(.file, path: error.path, underlying: error, error.description)
    }
    do {
      try self.init(yaml: bytes)
    } catch {
      throw error.naming(path)
    }
  }

  /// The recipe in a document.
  ///
  /// - Throws: ``SurgeryError`` of the kind `malformed` when the document is not a recipe.
  public init(yaml: [UInt8]) throws(SurgeryError) {
    guard case .object(let members) = try YAMLDocument.parse(yaml) else { throw .notARecipe }
    for key in members.keys where !["seed", "steps", "description"].contains(key) {
      throw .noRecipeMember(key)
    }
    if let value = members["seed"] {
      guard let text = value.string, let seed = UInt64(text) else { throw .notASeed }
      self.seed = seed
    } else {
      self.seed = nil
    }
    guard let list = members["steps"]?.array else { throw .notSteps }
    var steps: [SurgeryOperation] = []
    for (index, step) in list.enumerated() {
      guard let object = step.object, object.count == 1, let (key, value) = object.elements.first
      else { throw .notOneOperation(step: index + 1) }
      let arguments =
        value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
      guard !arguments.isEmpty, value.array.map({ $0.count == arguments.count }) ?? true else {
        throw .missingTexts(key, step: index + 1)
      }
      do {
        steps += try SurgeryOperation.all(key.string, arguments)
      } catch {
        throw error.inStep(index + 1)
      }
    }
    self.steps = steps
  }
}

extension SurgeryOperation {
  /// The operations that a name and a list of arguments stand for: one with all of them for `drop` and `keep`, otherwise
  /// one for each.
  static func all(
    _ name: String, _ arguments: [String]
  ) throws(SurgeryError) -> [SurgeryOperation] {
    if arguments.count < 2 || Key(name) == "drop" || Key(name) == "keep" {
      return [try SurgeryOperation(name, arguments)]
    }
    var operations: [SurgeryOperation] = []
    for argument in arguments { operations.append(try SurgeryOperation(name, [argument])) }
    return operations
  }
}
