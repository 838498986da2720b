internal import CheckpointFiles
internal import OrderedCollections

/// Reads the text of a mask file in one pass.
///
/// No tree of the document is made: only the states are kept, so that the memory is a small multiple of the
/// file, whatever the file holds.
struct MaskFileReader {
  private var hasFormat = false
  private var hasVersion = false
  private var hasTensors = false
  private var count: Int?
  private var digest: String?
  private var rules: [FreezeMask.Rule]?
  private var states: OrderedDictionary<Key, FreezeMask.State> = [:]

  /// The mask in `bytes`.
  ///
  /// - Throws: ``SurgeryError`` that names the member, or the byte where the text is not JSON.
  static func mask(in bytes: [UInt8]) throws(SurgeryError) -> FreezeMask {
    do {
      var reader = MaskFileReader()
      var scanner = JSONParser(bytes.span)
      scanner.skipSpace()
      try reader.readDocument(&scanner)
      guard scanner.isAtEnd else {
        throw scanner.failure(.jsonTextAfterEnd)
      }
      return try reader.finish()
    } catch let error as SurgeryError {
      throw error
    } catch let error as CheckpointError {
      throw .notAMask(error)
    } catch {
      throw .malformedMask("\(error)")
    }
  }

  private consuming func finish() throws(SurgeryError) -> FreezeMask {
    guard hasFormat else { throw .missingMember("format") }
    guard hasVersion else { throw .missingMember("version") }
    guard let count, let digest else { throw .missingMember("checkpoint") }
    guard let rules else { throw .missingMember("rules") }
    guard hasTensors else { throw .missingMember("tensors") }
    guard count == states.count else {
      throw .otherTensorCount(stated: count, listed: states.count)
    }
    return FreezeMask(states: states, rules: rules, layoutDigest: digest)
  }

  // MARK: - The document

  @_lifetime(scanner: copy scanner)
  private mutating func readDocument(_ scanner: inout JSONParser) throws {
    guard scanner.take(UInt8(ascii: "{")) else {
      guard !scanner.isAtEnd else { throw scanner.failure(.jsonEndsEarly) }
      throw SurgeryError.notAnObject("the file")
    }
    if scanner.take(UInt8(ascii: "}")) { return }
    var known: Set<Key> = []
    repeat {
      let name = Key(try scanner.string())
      try scanner.expect(UInt8(ascii: ":"))
      guard known.insert(name).inserted else {
        throw SurgeryError.duplicateMember(name, of: "the file")
      }
      switch name {
      case "format":
        guard scanner.current == UInt8(ascii: "\""),
          try scanner.string().isSame(as: FreezeMask.formatName)
        else { throw SurgeryError.otherFormat(than: FreezeMask.formatName) }
        hasFormat = true
      case "version":
        let version = try scanner.integer()
        guard version == FreezeMask.formatVersion else {
          throw SurgeryError.unsupportedMaskVersion(version, supported: FreezeMask.formatVersion)
        }
        hasVersion = true
      case "checkpoint": try readCheckpoint(&scanner)
      case "rules": try readRules(&scanner)
      case "tensors": try readTensors(&scanner)
      default: throw SurgeryError.unknownMember(name, of: "the file")
      }
    } while try scanner.another(before: UInt8(ascii: "}"))
  }

  @_lifetime(scanner: copy scanner)
  private mutating func readCheckpoint(_ scanner: inout JSONParser) throws {
    guard scanner.take(UInt8(ascii: "{")) else { throw SurgeryError.notAnObject("`checkpoint`") }
    if !scanner.take(UInt8(ascii: "}")) {
      repeat {
        let name = Key(try scanner.string())
        try scanner.expect(UInt8(ascii: ":"))
        switch name {
        case "tensors" where count == nil: count = try scanner.integer()
        case "layout_sha256" where digest == nil:
          guard scanner.current == UInt8(ascii: "\"") else { throw SurgeryError.malformedDigest }
          let text = try scanner.string()
          guard Text.isSHA256(text) else { throw SurgeryError.malformedDigest }
          digest = text
        case "tensors", "layout_sha256":
          throw SurgeryError.duplicateMember(name, of: "`checkpoint`")
        default: throw SurgeryError.unknownMember(name, of: "`checkpoint`")
        }
      } while try scanner.another(before: UInt8(ascii: "}"))
    }
    if count == nil { throw SurgeryError.missingMember("tensors") }
    if digest == nil { throw SurgeryError.missingMember("layout_sha256") }
  }

  // MARK: - Rules

  @_lifetime(scanner: copy scanner)
  private mutating func readRules(_ scanner: inout JSONParser) throws {
    guard scanner.take(UInt8(ascii: "[")) else {
      throw SurgeryError.malformedMask("`rules` is not an array")
    }
    var rules: [FreezeMask.Rule] = []
    if !scanner.take(UInt8(ascii: "]")) {
      repeat {
        rules.append(try MaskFileReader.rule(rules.count, &scanner))
      } while try scanner.another(before: UInt8(ascii: "]"))
    }
    self.rules = rules
  }

  @_lifetime(scanner: copy scanner)
  private static func rule(
    _ index: Int, _ scanner: inout JSONParser
  ) throws -> FreezeMask.Rule {
    let failure = SurgeryError.malformedRule(index)
    var matched: Int?
    var request: (kind: FreezeMask.Rule.Kind, selector: String)?
    guard scanner.take(UInt8(ascii: "{")), scanner.current == UInt8(ascii: "\"") else {
      throw failure
    }
    repeat {
      let name = Key(try scanner.string())
      try scanner.expect(UInt8(ascii: ":"))
      switch name {
      case "matched" where matched == nil:
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(scanner.current) else {
          throw failure
        }
        matched = try scanner.integer()
      case "train" where request == nil, "freeze" where request == nil:
        guard scanner.current == UInt8(ascii: "\"") else { throw failure }
        request = (name == "train" ? .train : .freeze, try scanner.string())
      default: throw failure
      }
    } while try scanner.another(before: UInt8(ascii: "}"))
    guard let matched, let request else { throw failure }
    return FreezeMask.Rule(request.kind, request.selector, matched: matched)
  }

  // MARK: - Tensors

  @_lifetime(scanner: copy scanner)
  private mutating func readTensors(_ scanner: inout JSONParser) throws {
    hasTensors = true
    guard scanner.take(UInt8(ascii: "{")) else {
      throw SurgeryError.notAnObject("`tensors`")
    }
    if scanner.take(UInt8(ascii: "}")) { return }
    // A tensor takes at least seven bytes: what a file states is not believed beyond that.
    states.reserveCapacity(
      min(count ?? 0, (scanner.bytes.count - scanner.position) / 7))
    repeat {
      let key = Key(try scanner.string())
      try scanner.expect(UInt8(ascii: ":"))
      let state = try MaskFileReader.state(of: key, &scanner)
      guard states.updateValue(state, forKey: key) == nil else {
        throw SurgeryError.duplicateMember(key, of: "`tensors`")
      }
    } while try scanner.another(before: UInt8(ascii: "}"))
  }

  @_lifetime(scanner: copy scanner)
  private static func state(
    of key: Key, _ scanner: inout JSONParser
  ) throws -> FreezeMask.State {
    if scanner.take(word: "true") { return .trainable }
    if scanner.take(word: "false") { return .frozen }
    guard scanner.take(UInt8(ascii: "{")), scanner.current == UInt8(ascii: "\""),
      Key(try scanner.string()) == "train_rows"
    else { throw SurgeryError.malformedState(of: key) }
    try scanner.expect(UInt8(ascii: ":"))
    let rows = try rows(of: key, &scanner)
    guard scanner.take(UInt8(ascii: "}")) else { throw SurgeryError.malformedState(of: key) }
    return .rows(rows)
  }

  @_lifetime(scanner: copy scanner)
  private static func rows(
    of key: Key, _ scanner: inout JSONParser
  ) throws(SurgeryError) -> RowSet {
    do throws(RowListError) { return try RowSet.read(&scanner) } catch {
      switch error {
      case .notRanges: throw .malformedRange(of: key)
      case .empty: throw .noRanges(of: key)
      case .reversed(let lower, let upper): throw .malformedRange(of: key, lower, upper)
      case .unordered: throw .unorderedRanges(of: key)
      case .json(let error): throw .notAMask(error)
      }
    }
  }
}
