/// Looks at the code of a TorchScript program that runs when it is loaded: `__setstate__`, the values in
/// the bodies of classes, and the defaults of parameters.
///
/// It is dangerous unless it consists of operations of a closed list (``ScriptOperations``), as does
/// whatever it calls.
struct ScriptScan {
  /// A function: its parameters, and its body.
  private struct Function {
    let name: String
    let record: String
    var header: [CodeTokens.Token] = []
    var body: [CodeTokens.Token] = []
  }

  private var functions: [Function] = []
  /// The code in the bodies of classes and outside of them, by record.
  private var outside: [(record: String, tokens: [CodeTokens.Token])] = []
  private var unreadable: [String] = []

  /// Adds the code in a record, if it is code.
  mutating func add(_ code: [UInt8], name: String) {
    let isCode =
      name.utf8.hasEnding(".py") || code.contains("def ") || code.contains("class ")
    guard isCode else { return }
    guard let tokens = CodeTokens(code)?.tokens else {
      // Data that looks like code by chance is not a reason for concern.
      let isText = String(validating: code, as: UTF8.self) != nil
      if name.utf8.hasEnding(".py") || isText && !name.utf8.hasEnding(".json") {
        unreadable.append(name)
      }
      return
    }
    split(tokens, name)
  }

  /// Divides code into functions and the rest, by indentation.
  private mutating func split(_ tokens: [CodeTokens.Token], _ record: String) {
    var lines: [[CodeTokens.Token]] = []
    for token in tokens {
      if token.indentation != nil || lines.isEmpty { lines.append([]) }
      lines[lines.count - 1].append(token)
    }
    // The function whose body the lines are in, and its own column.
    var open: (place: Int, indentation: Int)?
    var rest: [CodeTokens.Token] = []
    for line in lines {
      let indentation = line.first?.indentation ?? 0
      if let (_, limit) = open, indentation <= limit { open = nil }
      if let (place, _) = open {
        functions[place].body += line
      } else if line.first?.name == "def", line.count > 1, let name = line[1].name {
        var function = Function(name: name, record: record)
        // The header ends with the colon outside of brackets.
        var depth = 0
        let colon = line.firstIndex { token in
          if token.isSymbol("(") || token.isSymbol("[") { depth += 1 }
          if token.isSymbol(")") || token.isSymbol("]") { depth -= 1 }
          return depth == 0 && token.isSymbol(":")
        }
        let end = colon ?? line.endIndex - 1
        // The name and its bracket are not a call.
        function.header = Array(line[...end].dropFirst(3))
        function.body = Array(line[(end + 1)...])
        functions.append(function)
        open = (functions.count - 1, indentation)
      } else if line.first?.name == "class" {
        // A class without code on its own line: name, base, colon.
        if line.count > 6 { rest += line.dropFirst(5) }
      } else if line.count < 2 || line[0].name != "import" || line[1].name != "__torch__" {
        rest += line
      }
    }
    outside.append((record, rest))
  }

  /// Reports the code that runs on loading.
  func check(_ report: inout ScanReport) {
    for record in unreadable {
      report.add(.danger, "code that is not TorchScript", record: record)
    }
    guard !functions.isEmpty || !outside.isEmpty else { return }
    var names: [Key: [Int]] = [:]
    for (index, function) in functions.enumerated() {
      names[Key(function.name), default: []].append(index)
    }
    var reached: [Int] = []
    var isReached = [Bool](repeating: false, count: functions.count)
    func reach(_ name: String) {
      for index in names[Key(name)] ?? [] where !isReached[index] {
        isReached[index] = true
        reached.append(index)
      }
    }
    var known = ScriptOperations(functions: Set(names.keys))
    for (record, tokens) in outside {
      complain(known.check(tokens), "a value that is computed on loading", record, &report)
    }
    for function in functions {
      complain(
        known.check(function.header), "a default of \(function.name)", function.record, &report)
    }
    let roots = functions.filter { $0.name == "__setstate__" }
    reach("__setstate__")
    if !roots.isEmpty || !known.called.isEmpty {
      // Operators may call methods.
      for function in functions
      where function.name.utf8.starts(with: "__".utf8) && function.name.utf8.hasEnding("__")
        && !["__init__", "__getstate__"].contains(function.name)
      {
        reach(function.name)
      }
    }
    for name in known.called { reach(name.string) }
    while let index = reached.popLast() {
      let function = functions[index]
      known.called = []
      let complaint = known.check(function.body)
      complain(complaint, function.name, function.record, &report)
      for name in known.called { reach(name.string) }
    }
    if let root = roots.first {
      report.add(.warning, "code that runs on loading: __setstate__", record: root.record)
    }
  }

  private func complain(
    _ complaint: String?, _ what: String, _ record: String, _ report: inout ScanReport
  ) {
    guard let complaint else { return }
    report.add(
      .danger, "code that runs on loading, \(what), and is not known to be harmless: \(complaint)",
      record: record)
  }
}
