internal import CheckpointFiles
internal import OrderedCollections

/// The metadata of a delta file, read strictly: what is not valid is an error that names its member.
///
/// Its members are documents of JSON that list every tensor. They are read without a tree, so that the memory is a
/// small multiple of the file.
struct DeltaMetadata {
  private let path: String
  private let metadata: OrderedDictionary<Key, String>

  init(_ file: Checkpoint) {
    path = file.path
    metadata = file.metadata
  }

  /// The keys of the tuned checkpoint, in order.
  func keys() throws(SurgeryError) -> [Key] {
    let keys = try read("keys") { scanner in try DeltaMetadata.list(&scanner) }
    guard Set(keys).count == keys.count else { throw .malformedMetadata("keys", path) }
    return keys
  }

  /// The metadata of the tuned checkpoint.
  func stored() throws(SurgeryError) -> OrderedDictionary<Key, String> {
    var stored: OrderedDictionary<Key, String> = [:]
    for (key, value) in try texts("metadata") { stored[key] = value }
    return stored
  }

  /// The names in the base of renamed tensors, by their new names.
  func renamed() throws(SurgeryError) -> [Key: Key] {
    try texts("renamed").reduce(into: [:]) { $0[$1.key] = Key($1.value) }
  }

  /// The rows that the file holds of tensors.
  func rows(of file: Checkpoint) throws(SurgeryError) -> [Key: RowSet] {
    let rows = try read("rows") { scanner in
      var rows: [Key: RowSet] = [:]
      try scanner.expect(UInt8(ascii: "{"))
      if scanner.take(UInt8(ascii: "}")) { return rows }
      repeat {
        let key = Key(try scanner.string())
        try scanner.expect(UInt8(ascii: ":"))
        do throws(RowListError) {
          guard rows.updateValue(try RowSet.read(&scanner), forKey: key) == nil else {
            throw .unordered
          }
        } catch {
          throw SurgeryError.malformedRows(key, path)
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
      return rows
    }
    for (key, set) in rows where file[key]?.shape.dimensions.first != set.count {
      throw .otherRows(key, path)
    }
    return rows
  }

  /// The groups of names that are one tensor. Deltas of models without tied tensors have no such member.
  func tied(among listed: Set<Key>) throws(SurgeryError) -> [[Key]] {
    guard metadata["tied"] != nil else { return [] }
    return try read("tied") { scanner in
      var tied: [[Key]] = []
      try scanner.expect(UInt8(ascii: "["))
      if scanner.take(UInt8(ascii: "]")) { return tied }
      repeat {
        let names = try DeltaMetadata.list(&scanner)
        guard names.count > 1, names.allSatisfy(listed.contains) else {
          throw SurgeryError.malformedMetadata("tied", path)
        }
        tied.append(names)
      } while try scanner.another(before: UInt8(ascii: "]"))
      return tied
    }
  }

  // MARK: - Documents

  /// An object of texts.
  private func texts(_ name: String) throws(SurgeryError) -> OrderedDictionary<Key, String> {
    try read(name) { scanner in
      var texts: OrderedDictionary<Key, String> = [:]
      try scanner.expect(UInt8(ascii: "{"))
      if scanner.take(UInt8(ascii: "}")) { return texts }
      repeat {
        let key = Key(try scanner.string())
        try scanner.expect(UInt8(ascii: ":"))
        guard texts.updateValue(try scanner.string(), forKey: key) == nil else {
          throw SurgeryError.malformedMetadata(name, path)
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
      return texts
    }
  }

  /// A list of keys.
  @_lifetime(scanner: copy scanner)
  private static func list(_ scanner: inout JSONParser) throws -> [Key] {
    var keys: [Key] = []
    try scanner.expect(UInt8(ascii: "["))
    if scanner.take(UInt8(ascii: "]")) { return keys }
    repeat {
      keys.append(Key(try scanner.string()))
    } while try scanner.another(before: UInt8(ascii: "]"))
    return keys
  }

  /// Reads the document in a member; text after it is an error.
  private func read<Value>(
    _ name: String, _ body: (inout JSONParser) throws -> Value
  ) throws(SurgeryError) -> Value {
    guard let text = metadata[Key(name)] else { throw .missingMetadata(name, path) }
    do {
      // A key has contiguous bytes, whatever the text has.
      let document = Key(text).string
      var scanner = JSONParser(document.utf8.span)
      scanner.skipSpace()
      let value = try body(&scanner)
      guard scanner.isAtEnd else {
        throw scanner.failure(.jsonTextAfterEnd)
      }
      return value
    } catch let error as SurgeryError {
      throw error
    } catch let error as CheckpointError {
      throw .invalidMetadata(name, path, error)
    } catch {
      throw .malformedMetadata(name, path)
    }
  }
}
