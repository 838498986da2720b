import CheckpointFiles
import ParameterSurgery

/// Completes keys, nodes and selectors of checkpoints, component by component. Only headers are read.
struct KeyCompletion {
  private let tensors: [TensorInfo]

  /// The checkpoints that the line names.
  init(_ context: CompletionContext) {
    let arguments = context.command.arguments.filter {
      CompletionSource.isCheckpoint($0, in: context.command)
    }
    self.init(paths: arguments.flatMap { context.values(of: $0) })
  }

  /// - Parameter paths: files, folders, or names of models; what cannot be opened has no keys.
  init(paths: [String]) {
    var seen: Set<Key> = []
    tensors = paths.prefix(2).flatMap { path -> [TensorInfo] in
      let name = CompletionRequest.expanded(path)
      guard !RemoteCheckpoint.isAddress(name),
        let checkpoint = try? Checkpoint.open(HuggingFaceCache.path(of: name))
      else { return [] }
      return ParameterTree(checkpoint).entries.filter { seen.insert($0.key).inserted }
    }
  }

  /// A component of keys below what is typed.
  private struct Branch {
    var count = 0
    var leaf: TensorInfo?
    var isInner = false
  }

  /// The selectors that begin with `typed`.
  func selectors(_ typed: String) -> [CompletionAnswer.Candidate] {
    if typed.hasPrefix("!") {
      return selectors(String(typed.dropFirst())).map {
        .init("!" + $0.word, $0.note, isWhole: $0.isWhole)
      }
    }
    var path = TypedPath(typed)
    if path.isInFilter { return filters(path.stem) }
    if path.isInBrackets { return indices(path) }
    if path.components.first?.pattern == "**", path.components.count == 1 { return anywhere(path) }
    let branches = branches(below: path)
    if branches.count == 1, let (name, branch) = branches.first, branch.isInner,
      name.isSame(as: path.last)
    {
      // The component is complete: what is below it.
      path = TypedPath(typed + ".")
      return (branch.leaf == nil ? [] : candidates([(name, branch)], after: TypedPath(typed).stem))
        + candidates(self.branches(below: path), after: path.stem)
    }
    return candidates(branches, after: path.stem)
  }

  /// The first components of keys, each with its dot.
  var prefixes: [CompletionAnswer.Candidate] {
    branches(below: TypedPath("")).filter(\.1.isInner).map { name, branch in
      .init(KeyCompletion.literal(name) + ".", Text.counted(branch.count, "tensor"))
    }
  }

  private func branches(below path: TypedPath) -> [(String, Branch)] {
    var order: [Key] = []
    var found: [Key: Branch] = [:]
    for tensor in tensors {
      let parts = tensor.key.parts
      guard parts.count > path.components.count,
        zip(path.components, parts).allSatisfy({ $0.matches($1) })
      else { continue }
      let part = parts[path.components.count]
      guard part.string.begins(with: path.last) else { continue }
      if found[part] == nil { order.append(part) }
      found[part, default: Branch()].count += 1
      if parts.count == path.components.count + 1 {
        found[part]?.leaf = tensor
      } else {
        found[part]?.isInner = true
      }
    }
    return order.map { ($0.string, found[$0] ?? Branch()) }
  }

  private func candidates(
    _ branches: [(String, Branch)], after stem: String
  ) -> [CompletionAnswer.Candidate] {
    branches.map { name, branch in
      let note =
        branch.leaf.map { "\($0.dtype.name) \(shapeText($0.shape.dimensions))" }
        ?? Text.counted(branch.count, "tensor")
      return .init(stem + KeyCompletion.literal(name), note, isWhole: !branch.isInner)
    }
  }

  /// `layer[` with each index, the last one, and all.
  private func indices(_ path: TypedPath) -> [CompletionAnswer.Candidate] {
    var counts: [Int: Int] = [:]
    for (name, branch) in branches(below: path.beforeBrackets) {
      if let index = Int(name) { counts[index, default: 0] += branch.count }
    }
    guard let last = counts.keys.max() else { return [] }
    let all = counts.keys.sorted().map { ("\($0)]", Text.counted(counts[$0] ?? 0, "tensor")) }
    return (all + [("-1]", "the last one: \(last)"), ("*]", "all \(grouped(counts.count))")]).map {
      .init(path.stem + $0.0, $0.1, isWhole: false)
    }
  }

  /// `**.` with each component that keys have somewhere.
  private func anywhere(_ path: TypedPath) -> [CompletionAnswer.Candidate] {
    var counts: [Key: Int] = [:]
    var order: [Key] = []
    for tensor in tensors {
      for part in Set(tensor.key.parts) where Int(part.string) == nil {
        if counts.updateValue((counts[part] ?? 0) + 1, forKey: part) == nil { order.append(part) }
      }
    }
    return order.sorted().map {
      .init(
        path.stem + KeyCompletion.literal($0.string), Text.counted(counts[$0] ?? 0, "tensor"),
        isWhole: false)
    }
  }

  /// `**:` with each filter.
  private func filters(_ stem: String) -> [CompletionAnswer.Candidate] {
    var dtypes: [String] = []
    var ranks: Set<Int> = []
    for tensor in tensors {
      if !dtypes.contains(tensor.dtype.name) { dtypes.append(tensor.dtype.name) }
      ranks.insert(tensor.shape.dimensions.count)
    }
    return dtypes.map { .init("\(stem)dtype(\($0))", "tensors of this dtype") }
      + ranks.sorted().map { .init("\(stem)rank(\($0))", "tensors of this rank") }
      + TensorRole.allCases.map { .init("\(stem)role(\($0.rawValue))", "by name and rank") }
      + [
        .init("\(stem)numel(>", "by the number of elements", isWhole: false),
        .init("\(stem)shape(", "by the shape", isWhole: false),
      ]
  }

  /// A component as a selector: in quotes when a part of it has a meaning, and with `?` for each character
  /// that a terminal would not show.
  static func literal(_ component: String) -> String {
    let isPlain = component.unicodeScalars.allSatisfy { scalar in
      scalar == "\\" || shown(String(scalar)).unicodeScalars.elementsEqual([scalar])
    }
    guard !isPlain else { return selectorLiteral(component[...]) }
    return String(
      String.UnicodeScalarView(
        component.unicodeScalars.map { scalar in
          scalar.properties.isAlphabetic && scalar.isASCII || scalar.properties.numericType != nil
            || scalar == "_" || scalar == "-" ? scalar : "?"
        }))
  }
}
