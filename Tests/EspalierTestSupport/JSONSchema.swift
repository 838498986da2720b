internal import CheckpointFiles
internal import OrderedCollections

/// Validates JSON against a schema in the subset of JSON Schema (2020-12) that docs/schema/ uses. A keyword outside
/// of the subset is a problem: it would be ignored otherwise.
public struct JSONSchema {
  private let root: JSONValue

  /// Why a text is no schema.
  public struct Malformed: Error {}

  /// - Parameter text: the schema, in UTF-8.
  public init(_ text: [UInt8]) throws {
    guard let root = try? JSONParser.parse(text), root.object != nil else { throw Malformed() }
    self.root = root
  }

  /// What is wrong with `text`, one sentence each, with the place as a JSON pointer; empty when it is valid.
  public func problems(in text: [UInt8]) -> [String] {
    guard let value = try? JSONParser.parse(text) else { return ["is not JSON"] }
    return problems(value, root, "")
  }

  private func problems(_ value: JSONValue, _ schema: JSONValue, _ place: String) -> [String] {
    guard let keywords = schema.object else {
      return ["\(place.isEmpty ? "/" : place): the schema is not an object"]
    }
    return keywords.flatMap { keyword, argument in
      check(keyword.string, argument, of: schema, value, place)
    }
  }

  private func check(
    _ keyword: String, _ argument: JSONValue, of schema: JSONValue, _ value: JSONValue,
    _ place: String
  ) -> [String] {
    switch keyword {
    case "$schema", "$id", "$defs", "title", "description": return []
    case "$ref": return reference(argument, value, place)
    case "type":
      let names = argument.array?.compactMap(\.string) ?? [argument.string ?? ""]
      return names.contains { JSONSchema.isA(value, $0) }
        ? []
        : ["\(place.isEmpty ? "/" : place): is not of the type \(names.joined(separator: " or "))"]
    case "const":
      return value == argument ? [] : ["\(place.isEmpty ? "/" : place): is not \(argument.text())"]
    case "enum":
      return argument.array?.contains(value) == true
        ? [] : ["\(place.isEmpty ? "/" : place): \(value.text()) is not one of \(argument.text())"]
    case "minimum":
      guard let number = value.double, let least = argument.double else { return [] }
      return number >= least
        ? [] : ["\(place.isEmpty ? "/" : place): is less than \(argument.text())"]
    case "minItems", "maxItems":
      guard let count = value.array?.count, let limit = argument.integer else { return [] }
      return (keyword == "minItems" ? count >= limit : count <= limit)
        ? [] : ["\(place.isEmpty ? "/" : place): has \(count) elements, \(keyword) is \(limit)"]
    case "minLength", "maxLength":
      guard let count = value.string?.unicodeScalars.count, let limit = argument.integer else {
        return []
      }
      return (keyword == "minLength" ? count >= limit : count <= limit)
        ? [] : ["\(place.isEmpty ? "/" : place): has \(count) characters, \(keyword) is \(limit)"]
    case "items":
      return (value.array ?? []).enumerated().flatMap { index, element in
        problems(element, argument, "\(place)/\(index)")
      }
    case "required":
      guard let members = value.object else { return [] }
      return (argument.array ?? []).compactMap(\.string).filter { members[Key($0)] == nil }
        .map { "\(place.isEmpty ? "/" : place): the member \($0) is missing" }
    case "properties":
      guard let members = value.object else { return [] }
      return (argument.object ?? [:]).flatMap { name, property in
        members[name].map { problems($0, property, "\(place)/\(name.string)") } ?? []
      }
    case "additionalProperties":
      guard let members = value.object else { return [] }
      let known = schema["properties"]?.object ?? [:]
      return members.filter { known[$0.key] == nil }.flatMap { name, member in
        argument == false
          ? ["\(place.isEmpty ? "/" : place): the member \(name.string) is unknown"]
          : argument == true ? [] : problems(member, argument, "\(place)/\(name.string)")
      }
    case "oneOf", "anyOf":
      let all = (argument.array ?? []).map { problems(value, $0, place) }
      let fitting = all.count(where: \.isEmpty)
      if keyword == "oneOf" ? fitting == 1 : fitting > 0 { return [] }
      return ["\(place.isEmpty ? "/" : place): fits \(fitting) of \(all.count) alternatives"]
        + (all.min { $0.count < $1.count } ?? [])
    default:
      return [
        "\(place.isEmpty ? "/" : place): the schema has the keyword \(keyword), which is not checked"
      ]
    }
  }

  /// A reference to a definition of the same schema.
  private func reference(_ target: JSONValue, _ value: JSONValue, _ place: String) -> [String] {
    let prefix = "#/$defs/"
    guard let path = target.string, path.hasPrefix(prefix),
      let definition = root["$defs"]?[String(path.dropFirst(prefix.count))]
    else {
      return ["\(place.isEmpty ? "/" : place): the schema has no definition \(target.text())"]
    }
    return problems(value, definition, place)
  }

  private static func isA(_ value: JSONValue, _ type: String) -> Bool {
    switch value {
    case .object: type == "object"
    case .array: type == "array"
    case .string: type == "string"
    case .bool: type == "boolean"
    case .null: type == "null"
    case .number: type == "number" || type == "integer" && value.integer != nil
    }
  }
}
