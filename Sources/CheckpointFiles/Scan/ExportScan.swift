internal import OrderedCollections

/// Looks at the JSON of a program of `torch.export`: the expressions in it are executed as Python when it
/// is loaded.
enum ExportScan {
  static func scan(_ text: [UInt8], record: String, _ report: inout ScanReport) {
    let start = text.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
    guard start == UInt8(ascii: "{") || start == UInt8(ascii: "[") else { return }
    let document: JSONValue
    do throws(CheckpointError) { document = try JSONParser.parse(text) } catch {
      return report.add(error, record: record)
    }
    var left: [(name: String, value: JSONValue, depth: Int)] = [("", document, 0)]
    while let (name, value, depth) = left.popLast() {
      switch value {
      case .object(let members):
        if members[Key("__enum__")] != nil {
          report.add(.danger, "an enumeration whose module is imported on loading", record: record)
        }
        for (key, member) in members { left.append((key.string, member, depth)) }
      case .array(let elements):
        for element in elements { left.append((name, element, depth)) }
      case .string(let text):
        check(text, name, record, &report)
        // The structure of arguments is JSON inside of a string.
        if depth < 4, let first = text.utf8.first, "[{".utf8.contains(first),
          let inner = try? JSONParser.parse(Array(text.utf8))
        {
          left.append((name, inner, depth + 1))
        }
      default: break
      }
    }
  }

  private static func check(
    _ text: String, _ name: String, _ record: String, _ report: inout ScanReport
  ) {
    guard name.utf8.count <= 32, name.utf8.allSatisfy({ $0 < 0x80 }) else { return }
    switch name {
    case "expr_str" where !isArithmetic(text, isGuard: false):
      report.add(
        .danger, "executed as Python on loading, and not plain arithmetic: \(quoted(text))",
        record: record)
    case "guards_code" where !isArithmetic(text, isGuard: true):
      report.add(
        .danger, "executed as Python on use, and not plain arithmetic: \(quoted(text))",
        record: record)
    case "default_factory_module"
    where !text.utf8.equals("builtins") && !text.utf8.equals("collections"):
      report.add(.danger, "imports the module \(quoted(text)) on loading", record: record)
    default: break
    }
  }

  /// Whether an expression consists of numbers, symbols, operators and known functions.
  static func isArithmetic(_ text: String, isGuard: Bool) -> Bool {
    guard let tokens = CodeTokens(Array(text.utf8))?.tokens else { return false }
    for (index, token) in tokens.enumerated() {
      let last = index > 0 ? tokens[index - 1] : nil
      let next = index + 1 < tokens.count ? tokens[index + 1] : nil
      switch token.kind {
      case .number: break
      case .name(let name):
        guard !name.utf8.starts(with: "__".utf8), !keywords.contains(name) else { return false }
        if last?.isSymbol(".") == true {
          guard isGuard, attributes.contains(name) else { return false }
        } else if next?.isSymbol("(") == true, !functions.contains(name), name != "and",
          name != "or", name != "not"
        {
          return false
        }
      case .string(let content):
        guard
          content.utf8.allSatisfy({
            ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 == 0x5F || (0x30...0x39).contains($0)
          })
        else { return false }
        let isName = index > 1 && last?.isSymbol("(") == true && tokens[index - 2].name == "Symbol"
        guard isName || isGuard && last?.isSymbol("[") == true else { return false }
      case .symbol(let symbol):
        if symbol == UInt8(ascii: "(") {
          // Something computed that is called.
          if last?.isSymbol(")") == true || last?.isSymbol("]") == true { return false }
          if last?.kind == .number { return false }
        } else if symbol == UInt8(ascii: "["), !isGuard {
          return false
        } else if symbol == UInt8(ascii: "."), !isGuard {
          return false
        } else if [":", ";", "@", "{", "}"].contains(where: { symbol == UInt8(ascii: $0) }) {
          return false
        }
      }
    }
    return true
  }

  private static let keywords: Set<String> = ["lambda", "for", "yield", "await", "import"]

  private static let attributes: Set<String> = [
    "size", "stride", "storage_offset", "shape", "ndim",
  ]

  private static let functions: Set<String> = [
    "Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Max", "Min", "Abs",
    "floor", "ceiling", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality",
    "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "And", "Or", "Not",
    "Piecewise", "ExprCondPair", "FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv",
    "CeilToInt", "FloorToInt", "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow",
    "FloatTrueDiv", "IntTrueDiv", "IsNonOverlappingAndDenseIndicator", "TruncToFloat",
    "TruncToInt", "RoundToInt", "RoundDecimal", "ToFloat", "Identity", "size", "stride",
    "storage_offset", "max", "min", "abs", "len",
  ]
}
