internal import CheckpointFiles

/// How an argument with several parts is written.
enum OperationSyntax: String {
  case cast = "SELECTOR=DTYPE, such as **=BF16"
  case layers = "NODE=LAYERS, such as encoder.layer=0:8,4:12"
  case slice = "SELECTOR=[RANGE, RANGE…], such as x=[0:10, :]"
  case split = "FROM=A,B,C or FROM=A,B,C@DIM"
  case concat = "A,B,C=TO or A,B,C=TO@DIM"
  case resize = "SELECTOR=ROWS, such as word_embeddings.weight=30530"
  case prune = "SELECTOR=ROWS.txt or SELECTOR=TOKENS.txt:VOCAB.txt"
  case add = "KEY=DTYPE[SHAPE]:INIT, such as linear.weight=F32[2,768]:kaiming"
  case scale = "SELECTOR=FACTOR, such as linear=0.5"
  case tie = "KEY=OTHER"
  case from = "FILE:SELECTOR"
  case metadata = "NAME=VALUE"
}

// The sentences about how operations and recipes are written.
extension SurgeryError {
  private static func form(
    _ kind: SurgeryOperation.Kind, _ text: String, _ sentence: String, advice: Advice? = nil
  ) -> SurgeryError {
    let argument = text.utf8.contains(UInt8(ascii: " ")) ? "'\(text)'" : text
    return SurgeryError(.syntax, advice: advice, "\(kind.rawValue) \(argument): \(sentence)")
  }

  static func noSuchOperation(_ name: String) -> SurgeryError {
    let names = SurgeryOperation.Kind.allCases.map(\.rawValue)
    let near = closest(to: name, among: names)
    return SurgeryError(
      .syntax, advice: near.map { .didYouMean([$0]) },
      "there is no operation \(quoted(name))"
        + (near.map { "; did you mean `\($0)`?" } ?? "; operations are " + listed(names)))
  }

  static func missingArgument(_ kind: SurgeryOperation.Kind) -> SurgeryError {
    SurgeryError(.syntax, "\(kind.rawValue): needs an argument")
  }

  static func oneArgument(_ kind: SurgeryOperation.Kind, _ count: Int) -> SurgeryError {
    SurgeryError(.syntax, "\(kind.rawValue): needs one argument, found \(count)")
  }

  static func noTextForm(_ operation: SurgeryOperation) -> SurgeryError {
    SurgeryError(.syntax, "\(operation): the operation has no text form")
  }

  static func notOfForm(
    _ kind: SurgeryOperation.Kind, _ text: String, _ syntax: OperationSyntax
  ) -> SurgeryError {
    form(kind, text, "is not of the form \(syntax.rawValue)")
  }

  static func notAFloatingPointDType(
    _ name: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    let names = DType.allCases.filter { $0.isFloatingPoint && $0.byteWidth != nil }.map(\.name)
    let near = closest(to: name.uppercased(), among: names)
    return form(
      kind, text,
      "\(quoted(name)) is not a floating-point dtype"
        + (near.map { "; did you mean \($0)?" } ?? "; these are \(listed(names))"),
      advice: near.map { .didYouMean([$0]) })
  }

  static func onlySaturate(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "only `,saturate` may follow the dtype")
  }

  static func notAnIndexRange(
    _ part: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    form(kind, text, "\(quoted(part)) is not an index or a slice, such as 3, 0:8 or ::-1")
  }

  static func notInBrackets(
    _ value: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    form(kind, text, "\(quoted(value)) is not in brackets, such as [0:10, :]")
  }

  static func steppedSlice(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "ranges of dimensions have no steps")
  }

  static func notADimension(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "`@` needs a dimension after it, or a dimension and sizes, such as @1:768,64")
  }

  static func needsNames(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "needs two or more new names, and a size for each or none")
  }

  static func needsSources(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "needs two or more tensors to put together")
  }

  static func notARowCount(
    _ value: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    form(
      kind, text,
      "\(quoted(value)) is not ROWS, ROWS,mean or ROWS,zeros; resize keeps the first rows or adds some, use prune "
        + "to keep the rows that a file lists")
  }

  static func notARowList(_ kind: SurgeryOperation.Kind, _ text: String) -> SurgeryError {
    form(kind, text, "needs a file of row numbers, or TOKENS:VOCAB")
  }

  static func notAShape(
    _ shape: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    form(kind, text, "\(quoted(shape)) is not a shape")
  }

  static func notANumber(
    _ value: String, _ kind: SurgeryOperation.Kind, _ text: String
  ) -> SurgeryError {
    form(kind, text, "\(quoted(value)) is not a number")
  }

  static func initialiserWithoutNumber(_ text: String) -> SurgeryError {
    SurgeryError(.syntax, "initialiser \(quoted(text)): there is no number in the parentheses")
  }

  static func noSuchInitialiser(_ text: String) -> SurgeryError {
    SurgeryError(
      .syntax,
      "there is no initialiser \(quoted(text)); initialisers are zeros, ones, constant(C), normal(STD), "
        + "uniform(BOUND) and kaiming")
  }

  static func noSuchPreset(_ name: String) -> SurgeryError {
    let names = SurgeryPreset.allCases.map(\.rawValue)
    let near = closest(to: name, among: names)
    return SurgeryError(
      .syntax, advice: near.map { .didYouMean([$0]) },
      "there is no preset \(quoted(name)); presets are \(listed(names))")
  }

  static func noSuchDestination(_ name: String) -> SurgeryError {
    let names = Destination.allCases.map(\.rawValue)
    let near = closest(to: name, among: names)
    return SurgeryError(
      .syntax, advice: near.map { .didYouMean([$0]) },
      "there is no destination \(quoted(name)); use \(listed(names))")
  }

  // MARK: - Renames

  static func notARename(_ text: String) -> SurgeryError {
    SurgeryError(.syntax, "rename \(quoted(text)): is not of the form FROM=TO")
  }

  static func emptyRename(_ rule: String) -> SurgeryError {
    SurgeryError(.syntax, "\(rule): FROM is empty")
  }

  static func invalidRename(_ rule: String, _ reason: String) -> SurgeryError {
    SurgeryError(.syntax, "\(rule): \(reason)")
  }

  static func braceNotClosed(_ rule: String) -> SurgeryError {
    invalidRename(rule, "`{` is not closed")
  }

  static func invalidReplacement(_ rule: String) -> SurgeryError {
    invalidRename(rule, "`$` needs the number of a group after it, or another `$`")
  }

  static func invalidCapture(_ rule: String, _ text: String) -> SurgeryError {
    invalidRename(
      rule, "{\(text)} is not a capture; write {i}, or {i+6} on the right-hand side")
  }

  static func differentWildcards(_ rule: String) -> SurgeryError {
    invalidRename(rule, "both sides need the same wildcards in the same order")
  }

  static func offsetOnTheLeft(_ rule: String) -> SurgeryError {
    invalidRename(rule, "numbers are added on the right-hand side")
  }

  static func duplicateCapture(_ rule: String, _ name: Key) -> SurgeryError {
    invalidRename(rule, "{\(name)} occurs twice on the left-hand side")
  }

  static func unknownCapture(_ rule: String, _ name: Key) -> SurgeryError {
    invalidRename(rule, "{\(name)} does not occur on the left-hand side")
  }

  // MARK: - Recipes

  private static func recipe(_ sentence: String) -> SurgeryError {
    SurgeryError(.malformed, sentence)
  }

  static var notARecipe: SurgeryError { recipe("a recipe is a map with `steps`") }

  static func noRecipeMember(_ name: Key) -> SurgeryError {
    recipe(
      "a recipe has no member \(quoted(name.string)); members are description, seed and steps")
  }

  static var notASeed: SurgeryError { recipe("`seed` is not a whole number of 0 or more") }

  static var notSteps: SurgeryError { recipe("`steps` is not a list") }

  static func notOneOperation(step: Int) -> SurgeryError {
    recipe("step \(step) is not one operation, such as `- drop: pooler`")
  }

  static func missingTexts(_ name: Key, step: Int) -> SurgeryError {
    recipe("step \(step), \(name.string): needs a text or a list of texts")
  }

  /// The same error in a step of a recipe: the recipe is malformed, whatever is wrong with the step.
  func inStep(_ step: Int) -> SurgeryError {
    SurgeryError(
      .malformed, path: path, key: key, selector: selector, offset: offset, advice: advice,
      underlying: underlying, "step \(step): \(description)")
  }
}
