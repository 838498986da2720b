internal import CheckpointFiles

// The text forms of operations: those of the command line and of recipes. Each is read and written here alone.
//
// SELECTOR stands for one or more selectors with commas between them. A `=`, `,` or `:` that belongs to a name or a path,
// where a form has such a separator, has a backslash before it.
extension SurgeryOperation: CustomStringConvertible {
  private static let equals = SeparatedText("=")
  private static let commas = SeparatedText(",=")
  private static let colons = SeparatedText(":")
  private static let files = SeparatedText("=:")

  /// The operation that is written as a name and arguments.
  ///
  /// - Throws: ``SurgeryError`` of the kind `syntax` when there is no such operation, or an argument is not written
  ///   as it needs to be.
  public init(_ name: String, _ arguments: [String]) throws(SurgeryError) {
    guard let kind = Kind.allCases.first(where: { Key($0.rawValue) == Key(name) }) else {
      throw .noSuchOperation(name)
    }
    try self.init(kind, arguments)
  }

  /// The operation of a kind, from its arguments. Operations other than `drop` and `keep` have one.
  ///
  ///     let cast = try SurgeryOperation(.cast, ["encoder=BF16,saturate"])
  ///     print(cast)  // cast encoder=BF16,saturate
  ///
  /// - Throws: ``SurgeryError`` of the kind `syntax` when an argument is not written as the kind needs it.
  public init(_ kind: Kind, _ arguments: [String]) throws(SurgeryError) {
    guard let argument = arguments.first, arguments.allSatisfy({ !$0.isEmpty }) else {
      throw .missingArgument(kind)
    }
    guard arguments.count == 1 || kind == .drop || kind == .keep else {
      throw .oneArgument(kind, arguments.count)
    }
    let form = OperationForm(kind: kind, text: argument)
    switch kind {
    case .rename: self = .rename(try KeyRewrite(argument))
    case .copy: self = .copy(try KeyRewrite(argument))
    case .addPrefix: self = .addPrefix(argument)
    case .stripPrefix: self = .stripPrefix(argument)
    case .drop: self = .drop(try SurgeryOperation.lists(arguments))
    case .keep: self = .keep(try SurgeryOperation.lists(arguments))
    case .transpose: self = .transpose(try SelectorList(argument))
    case .untie: self = .untie(try SelectorList(argument))
    case .cast: self = try form.cast()
    case .layers: self = try form.layers()
    case .slice: self = try form.slice()
    case .split: self = try form.split()
    case .concat: self = try form.concatenate()
    case .resize: self = try form.resize()
    case .prune: self = try form.prune()
    case .add: self = try form.add()
    case .scale: self = try form.scale()
    case .tie: self = try form.tie()
    case .from: self = try form.take()
    case .metadata: self = try form.metadata()
    case .mergeLora: self = .mergeAdapter(folder: argument)
    case .preset: self = .preset(try SurgeryPreset(name: argument))
    case .to: self = .convert(to: try Destination(name: argument))
    case .addTokens: self = .addTokens(file: argument)
    case .trimTo: self = .trimVocabulary(texts: argument)
    }
  }

  private static func lists(_ arguments: [String]) throws(SurgeryError) -> SelectorList {
    var selectors: [Selector] = []
    for argument in arguments { selectors += try SelectorList(argument).selectors }
    return SelectorList(selectors)
  }

  /// The arguments, as they are typed after the name of the ``kind``.
  public var arguments: [String] {
    switch self {
    case .rename(let rule), .copy(let rule): [rule.description]
    case .addPrefix(let text), .stripPrefix(let text), .mergeAdapter(let text),
      .addTokens(let text), .trimVocabulary(let text):
      [text]
    case .drop(let list), .keep(let list): list.selectors.map(\.text)
    case .transpose(let list), .untie(let list): [list.text]
    case .cast(let list, let dtype, let saturating):
      ["\(list.text)=\(dtype.name)" + (saturating ? ",saturate" : "")]
    case .arrangeLayers(let node, let order):
      ["\(node)=" + order.map(\.description).joined(separator: ",")]
    case .slice(let list, let ranges):
      ["\(list.text)=[" + ranges.map(\.description).joined(separator: ", ") + "]"]
    case .split(let from, let names, let dimension, let sizes):
      [SurgeryOperation.splitText(from, names, dimension, sizes)]
    case .concatenate(let sources, let target, let dimension):
      [SurgeryOperation.concatenationText(sources, target, dimension)]
    case .resize(let list, let rows, let filling):
      ["\(list.text)=\(rows)" + (filling == .mean ? "" : ",\(filling.rawValue)")]
    case .prune(let list, let rows):
      [SurgeryOperation.equals.escaped(list.text, isLast: false) + "=" + rows.text]
    case .add(let key, let dtype, let shape, let initialiser):
      [
        SurgeryOperation.equals.escaped(key.string, isLast: false) + "=\(dtype.name)["
          + shape.dimensions.map { "\($0)" }.joined(separator: ",") + "]:\(initialiser)"
      ]
    case .scale(let list, let factor): ["\(list.text)=\(numberText(factor))"]
    case .tie(let key, let other):
      [
        SurgeryOperation.equals.escaped(key.string, isLast: false) + "="
          + SurgeryOperation.equals.escaped(other.text, isLast: true)
      ]
    case .take(let list, let path):
      [SurgeryOperation.colons.escaped(path, isLast: false) + ":" + list.text]
    case .setMetadata(let name, let value):
      [SurgeryOperation.equals.escaped(name, isLast: false) + "=" + value]
    case .preset(let preset): [preset.rawValue]
    case .convert(let destination): [destination.rawValue]
    }
  }

  /// The operation as it is typed.
  public var description: String {
    ([kind.rawValue]
      + arguments.map { $0.utf8.contains(UInt8(ascii: " ")) ? "'\($0)'" : $0 })
      .joined(separator: " ")
  }

  /// Throws when the operation has no text form, such as one without selectors.
  func checkText() throws(SurgeryError) {
    guard try SurgeryOperation(kind, arguments) == self else { throw .noTextForm(self) }
  }

  // MARK: - Forms with several parts

  private static func splitText(
    _ from: String, _ names: [String], _ dimension: Int, _ sizes: [Int]
  ) -> String {
    let list = names.enumerated().map { place, name in
      SeparatedText(",").escaped(name, isLast: place == names.count - 1)
    }
    let text = KeyRewrite.text(ofLeft: from) + "=" + list.joined(separator: ",")
    let widths = sizes.isEmpty ? "" : ":" + sizes.map { "\($0)" }.joined(separator: ",")
    return text + suffix(dimension, widths, after: text)
  }

  private static func concatenationText(
    _ sources: [String], _ target: String, _ dimension: Int
  ) -> String {
    let text =
      sources.map { commas.escaped($0, isLast: false) }.joined(separator: ",") + "="
      + equals.escaped(target, isLast: true)
    return text + suffix(dimension, "", after: text)
  }

  /// `@DIM:SIZES`; nothing for the first dimension, unless `text` has an `@` that would be taken for it.
  private static func suffix(_ dimension: Int, _ sizes: String, after text: String) -> String {
    let isNeeded = dimension != 0 || !sizes.isEmpty || text.utf8.contains(UInt8(ascii: "@"))
    return isNeeded ? "@\(dimension)\(sizes)" : ""
  }
}

extension RowList {
  fileprivate var text: String {
    let files = SeparatedText("=:")
    switch self {
    case .rows(let path): return files.escaped(path, isLast: true)
    case .tokens(let path, let vocabulary):
      return files.escaped(path, isLast: false) + ":" + files.escaped(vocabulary, isLast: true)
    }
  }
}

/// An argument of an operation that has several parts.
private struct OperationForm {
  let kind: SurgeryOperation.Kind
  let text: String

  /// What precedes the last `=`, and what follows it; values have no `=`, and selectors may.
  private func sides(_ form: OperationSyntax) throws(SurgeryError) -> (String, String) {
    guard let equals = text.utf8.lastIndex(of: UInt8(ascii: "=")) else { throw wrong(form) }
    return (String(text[..<equals]), String(text[text.utf8.index(after: equals)...]))
  }

  private func wrong(_ form: OperationSyntax) -> SurgeryError { .notOfForm(kind, text, form) }

  func cast() throws(SurgeryError) -> SurgeryOperation {
    let (selectors, value) = try sides(.cast)
    let parts = SeparatedText(",").parts(value.utf8).map { String(decoding: $0, as: UTF8.self) }
    guard let dtype = DType(named: parts[0]), dtype.isFloatingPoint, dtype.byteWidth != nil else {
      throw .notAFloatingPointDType(parts[0], kind, text)
    }
    guard parts.count == 1 || parts.count == 2 && Key(parts[1]) == "saturate" else {
      throw .onlySaturate(kind, text)
    }
    return .cast(try SelectorList(selectors), to: dtype, saturating: parts.count == 2)
  }

  func layers() throws(SurgeryError) -> SurgeryOperation {
    let (node, list) = try sides(.layers)
    return .arrangeLayers(of: node, try ranges(list))
  }

  private func ranges(_ list: String) throws(SurgeryError) -> [IndexRange] {
    var ranges: [IndexRange] = []
    for part in SeparatedText(",").parts(list.utf8) {
      let part = String(decoding: part, as: UTF8.self)
      guard let range = IndexRange(String(part[...].trimmingSpaces)) else {
        throw .notAnIndexRange(part, kind, text)
      }
      ranges.append(range)
    }
    return ranges
  }

  func slice() throws(SurgeryError) -> SurgeryOperation {
    let (selectors, value) = try sides(.slice)
    guard value.utf8.first == UInt8(ascii: "["), value.utf8.last == UInt8(ascii: "]"),
      value.utf8.count > 1
    else { throw .notInBrackets(value, kind, text) }
    let inner = String(decoding: value.utf8.dropFirst().dropLast(), as: UTF8.self)
    let ranges = try ranges(inner)
    for case .slice(_, _, let step) in ranges where step != 1 { throw .steppedSlice(kind, text) }
    return .slice(try SelectorList(selectors), ranges)
  }

  /// What precedes `@DIM:SIZES` at the end.
  private func dimension() throws(SurgeryError) -> (rest: String, dimension: Int, sizes: [Int]) {
    guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return (text, 0, []) }
    let parts = text[text.utf8.index(after: at)...].utf8.split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let sizes =
      parts.count == 2
      ? parts[1].split(separator: UInt8(ascii: ",")).map { Int(Substring($0)) } : []
    guard let first = parts.first, let dimension = Int(Substring(first)), dimension >= 0,
      dimension < 64, sizes.allSatisfy({ ($0 ?? 0) > 0 })
    else { throw .notADimension(kind, text) }
    return (String(text[..<at]), dimension, sizes.compactMap { $0 })
  }

  func split() throws(SurgeryError) -> SurgeryOperation {
    let (rest, dimension, sizes) = try dimension()
    guard let (from, list) = KeyRewrite.sides(of: rest) else { throw wrong(.split) }
    let parts = SeparatedText(",").parts(list.utf8)
    let names = parts.enumerated().map {
      SeparatedText(",").unescaped($1, isLast: $0 == parts.count - 1)
    }
    guard names.count > 1, sizes.isEmpty || sizes.count == names.count else {
      throw .needsNames(kind, text)
    }
    for name in names { _ = try KeyRewrite(from: from, to: name) }
    return .split(from, into: names, dimension: dimension, sizes: sizes)
  }

  func concatenate() throws(SurgeryError) -> SurgeryOperation {
    let (rest, dimension, _) = try dimension()
    guard let (list, target) = SeparatedText("=").halves(atLast: rest) else { throw wrong(.concat) }
    let sources = SeparatedText(",").parts(list.utf8).map {
      SeparatedText(",=").unescaped($0, isLast: false)
    }
    guard sources.count > 1 else { throw .needsSources(kind, text) }
    let name = SeparatedText("=").unescaped(target, isLast: true)
    for other in sources.dropFirst() + [name] { _ = try KeyRewrite(from: sources[0], to: other) }
    return .concatenate(sources, into: name, dimension: dimension)
  }

  func resize() throws(SurgeryError) -> SurgeryOperation {
    let (selectors, value) = try sides(.resize)
    let parts = SeparatedText(",").parts(value.utf8).map { String(decoding: $0, as: UTF8.self) }
    let filling =
      parts.count == 1
      ? RowFilling.mean : RowFilling.allCases.first { Key($0.rawValue) == Key(parts[1]) }
    guard let rows = Int(parts[0]), rows > 0, parts.count < 3, let filling else {
      throw .notARowCount(value, kind, text)
    }
    return .resize(try SelectorList(selectors), rows: rows, filling: filling)
  }

  func prune() throws(SurgeryError) -> SurgeryOperation {
    guard let (selectors, list) = SeparatedText("=").halves(atLast: text) else {
      throw wrong(.prune)
    }
    let parts = SeparatedText(":").parts(list)
    let paths = parts.enumerated().map {
      SeparatedText("=:").unescaped($1, isLast: $0 == parts.count - 1)
    }
    guard paths.count < 3, paths.allSatisfy({ !$0.isEmpty }) else { throw .notARowList(kind, text) }
    return .prune(
      try SelectorList(SeparatedText("=").unescaped(selectors.utf8, isLast: false)),
      to: paths.count == 1 ? .rows(paths[0]) : .tokens(paths[0], vocabulary: paths[1]))
  }

  func add() throws(SurgeryError) -> SurgeryOperation {
    guard let (key, value) = SeparatedText("=").halves(atFirst: text) else { throw wrong(.add) }
    let bytes = value.utf8
    guard let open = bytes.firstIndex(of: UInt8(ascii: "[")),
      let close = bytes.firstIndex(of: UInt8(ascii: "]")), open < close,
      let dtype = DType(named: String(value[..<open])), dtype.isFloatingPoint,
      dtype.byteWidth != nil
    else { throw wrong(.add) }
    let extents = bytes[bytes.index(after: open)..<close].split(separator: UInt8(ascii: ","))
      .map { Int(Substring($0).trimmingSpaces) }
    guard extents.allSatisfy({ $0 != nil }), let shape = Shape(extents.compactMap { $0 }) else {
      throw .notAShape(String(value[open...close]), kind, text)
    }
    let rest = String(value[bytes.index(after: close)...])
    guard rest.isEmpty || rest.utf8.first == UInt8(ascii: ":") else { throw wrong(.add) }
    let initialiser =
      rest.isEmpty
      ? Initialiser.zeros
      : try Initialiser(String(decoding: rest.utf8.dropFirst(), as: UTF8.self))
    return .add(Key(key), dtype, shape, initialiser)
  }

  func scale() throws(SurgeryError) -> SurgeryOperation {
    let (selectors, value) = try sides(.scale)
    guard let factor = Double(value), factor.isFinite else { throw .notANumber(value, kind, text) }
    return .scale(try SelectorList(selectors), by: factor)
  }

  func tie() throws(SurgeryError) -> SurgeryOperation {
    guard let (key, other) = SeparatedText("=").halves(atLast: text) else { throw wrong(.tie) }
    return .tie(
      Key(SeparatedText("=").unescaped(key.utf8, isLast: false)),
      to: try SelectorList(SeparatedText("=").unescaped(other, isLast: true)))
  }

  func take() throws(SurgeryError) -> SurgeryOperation {
    guard let (path, selectors) = SeparatedText(":").halves(atFirst: text) else {
      throw wrong(.from)
    }
    return .take(try SelectorList(selectors), from: path)
  }

  func metadata() throws(SurgeryError) -> SurgeryOperation {
    guard let (name, value) = SeparatedText("=").halves(atFirst: text), !name.isEmpty else {
      throw wrong(.metadata)
    }
    return .setMetadata(name, to: value)
  }
}

extension SelectorList {
  /// The selectors with commas between them.
  var text: String { selectors.map(\.text).joined(separator: ",") }
}
