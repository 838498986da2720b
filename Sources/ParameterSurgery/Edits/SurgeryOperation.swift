internal import CheckpointFiles

/// One step of a ``SurgeryPlan``: a name and its arguments, as the command line and recipes spell them.
public struct SurgeryOperation: Sendable, Hashable, CustomStringConvertible {
  /// The kinds of operation, under their names.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// `FROM=TO`; see ``KeyRewrite``.
    case rename
    /// Put a text before every key.
    case addPrefix = "add-prefix"
    /// Cut a text off the keys that begin with it.
    case stripPrefix = "strip-prefix"
    /// Leave out what selectors select; of rows, the rows.
    case drop
    /// Leave out everything else.
    case keep
    /// `SELECTOR=DTYPE`, or `SELECTOR=DTYPE,saturate`.
    case cast
    /// `FROM=TO`: a node or tensor under another name, too.
    case copy
    /// `NODE=0:8,4:12`: these layers in this order, numbered anew.
    case layers
    /// `SELECTOR=[0:10, :]`: a range of each dimension.
    case slice
    /// `FROM=A,B,C@DIM`, or `@DIM:SIZES`: cut a tensor into several.
    case split
    /// `A,B,C=TO@DIM`: put several tensors together.
    case concat
    /// Exchange the last two dimensions.
    case transpose
    /// `SELECTOR=ROWS`, or `ROWS,zeros`: the first rows, or more rows, which are the mean of the existing ones.
    case resize
    /// `SELECTOR=FILE`, or `TOKENS:VOCAB`: only the listed rows, in the order of the list.
    case prune
    /// `KEY=DTYPE[SHAPE]:INIT`, INIT being zeros, ones, normal(STD), uniform(BOUND) or kaiming.
    case add
    /// `SELECTOR=FACTOR`.
    case scale
    /// `KEY=OTHER`: both names for the tensor that is under OTHER.
    case tie
    /// Give tensors bytes of their own.
    case untie
    /// `FILE:SELECTOR`: tensors of another checkpoint, in place of those of the same name.
    case from
    /// `NAME=VALUE`, or `NAME=` to take it away.
    case metadata
    /// A conversion that everybody repeats; see ``SurgeryPreset``.
    case preset
    /// The folder of an adapter, merged as PEFT does.
    case mergeLora = "merge-lora"
  }

  /// What is done.
  public let kind: Kind
  /// To what; several for `drop` and `keep`.
  public let arguments: [String]

  /// An operation of the given kind.
  public init(_ kind: Kind, _ arguments: [String]) {
    self.kind = kind
    self.arguments = arguments
  }

  /// An operation by its name.
  ///
  /// - Throws: ``SurgeryError`` when there is no such operation.
  public init(_ name: String, _ arguments: [String]) throws(SurgeryError) {
    guard let kind = Kind(rawValue: name) else {
      let near = closest(to: name, among: Kind.allCases.map(\.rawValue))
      throw SurgeryError(
        "there is no operation \(quoted(name))"
          + (near.map { "; did you mean `\($0)`?" }
            ?? "; operations are " + listed(Kind.allCases.map(\.rawValue))))
    }
    self.init(kind, arguments)
  }

  /// The operation as one types it.
  public var description: String {
    ([kind.rawValue] + arguments.map { $0.contains(" ") ? "'\($0)'" : $0 }).joined(separator: " ")
  }

  /// The one argument.
  var argument: String { arguments.first ?? "" }

  /// The two sides of the last `=`, for selectors may hold others.
  func sides(_ form: String) throws(SurgeryError) -> (String, String) {
    guard let equals = argument.lastIndex(of: "=") else {
      throw SurgeryError.form("\(self): is not \(form)")
    }
    return (
      String(argument[..<equals]), String(argument[argument.index(after: equals)...])
    )
  }
}

extension SurgeryPlan {
  /// Adds a step.
  ///
  /// - Throws: ``SurgeryError`` when the step cannot be done, `CheckpointError` when a file that it names
  ///   cannot be read. The plan is as before then.
  public mutating func append(_ operation: SurgeryOperation) throws {
    guard operation.arguments.contains(where: { !$0.isEmpty }) else {
      throw SurgeryError.form("\(operation.kind.rawValue): nothing is said")
    }
    if operation.arguments.count > 1, ![.drop, .keep].contains(operation.kind) {
      for argument in operation.arguments {
        try append(SurgeryOperation(operation.kind, [argument]))
      }
      return
    }
    if operation.kind == .preset {
      var copy = self
      for step in try SurgeryPreset.steps(named: operation.argument, for: self) {
        try copy.append(step)
      }
      self = copy
      return
    }
    var copy = self
    let count: Int
    do {
      count = try copy.carryOut(operation)
    } catch let error as CheckpointError where error.path.isEmpty {
      throw SurgeryError("\(operation): \(error)")
    }
    try copy.checkQuantized(after: operation, from: self)
    if copy.stepNotes == stepNotes, copy.isSame(as: self) {
      copy.stepNotes.append("\(operation): leaves everything as it was")
    }
    copy.steps.append(Step(operation: operation.description, count: count))
    self = copy
  }

  /// Does the step and returns the number of tensors that it concerned.
  private mutating func carryOut(_ operation: SurgeryOperation) throws -> Int {
    switch operation.kind {
    case .rename: try rename(operation)
    case .addPrefix, .stripPrefix: try changePrefix(operation)
    case .drop: try drop(operation)
    case .keep: try keep(operation)
    case .cast: try cast(operation)
    case .copy: try copy(operation)
    case .layers: try arrangeLayers(operation)
    case .slice: try slice(operation)
    case .split: try split(operation)
    case .concat: try concatenate(operation)
    case .transpose: try transpose(operation)
    case .resize: try resize(operation)
    case .prune: try prune(operation)
    case .add: try addInitialised(operation)
    case .scale: try scale(operation)
    case .tie: try tie(operation)
    case .untie: try untie(operation)
    case .from: try take(operation)
    case .metadata: try changeMetadata(operation)
    case .mergeLora: try mergeLora(operation)
    case .preset: 0
    }
  }
}
