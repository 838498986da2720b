extension PickleMachine {
  /// `APPEND`, `APPENDS`.
  mutating func append(_ values: [NodeID], to target: NodeID) throws(CheckpointError) {
    // The payload is taken out of the arena first: a copy for each append would be quadratic.
    // Python does not look at the target when there is nothing to append.
    guard !values.isEmpty else { return }
    let place = Int(target)
    switch nodes[place] {
    case .list(var elements):
      nodes[place] = .none
      elements.append(contentsOf: values)
      nodes[place] = .list(elements)
    case .object(var object) where object.isForeign:
      nodes[place] = .none
      object.elements.append(contentsOf: values)
      nodes[place] = .object(object)
    default: try refuse(failure(.appendToNoList))
    }
  }

  /// `ADDITEMS`.
  mutating func insert(
    _ values: [NodeID], into target: NodeID
  ) throws(CheckpointError) {
    guard case .set(var elements) = nodes[Int(target)] else {
      return try append(values, to: target)
    }
    do throws(CheckpointError) { try checkElements(values) } catch { try refuse(error) }
    nodes[Int(target)] = .none
    elements.append(contentsOf: values)
    nodes[Int(target)] = .set(elements)
  }

  /// Throws when Python would refuse one of the values in a set.
  mutating func checkElements(_ values: [NodeID]) throws(CheckpointError) {
    for value in values {
      if let type = try unhashableType(in: value, depth: 0) {
        throw failure(.unhashable(type, in: "a set"))
      }
    }
  }

  /// `SETITEM`, `SETITEMS`.
  mutating func setItems(_ items: [NodeID], of target: NodeID) throws(CheckpointError) {
    guard items.count % 2 == 0 else { throw failure(.keyWithoutValue) }
    guard !items.isEmpty else { return }
    let place = Int(target)
    let isDictionary: Bool = if case .dictionary = nodes[place] { true } else { false }
    do throws(CheckpointError) {
      try nameKeys(of: items, mustBeHashable: isDictionary)
    } catch { try refuse(error) }
    switch nodes[place] {
    case .dictionary(var dictionary):
      nodes[place] = .none
      dictionary.items.append(contentsOf: items)
      nodes[place] = .dictionary(dictionary)
    case .object(var object) where object.isForeign:
      nodes[place] = .none
      object.items.append(contentsOf: items)
      nodes[place] = .object(object)
    default: try refuse(failure(.itemOfNoDictionary))
    }
  }
}
