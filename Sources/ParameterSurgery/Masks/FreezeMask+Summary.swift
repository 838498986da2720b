public import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  /// How much trains and how much is frozen.
  public struct Summary: Sendable, Hashable, CustomStringConvertible {
    /// Tensors of which all or some rows train.
    public var trainableTensors = 0
    /// Tensors frozen as a whole.
    public var frozenTensors = 0
    /// Tensors of which some rows train; ``trainableTensors`` counts them too.
    public var partialTensors = 0
    /// Elements that train.
    public var trainableParameters = 0
    /// Elements that do not.
    public var frozenParameters = 0

    /// `4 tensors train (98,946 parameters), 199 are frozen (109,482,240 parameters)`.
    public var description: String {
      var text = trainableTensors == 1 ? "1 tensor trains" : "\(trainableTensors) tensors train"
      text += " (\(grouped(trainableParameters)) parameters"
      if partialTensors > 0 { text += "; \(partialTensors) in some rows only" }
      text += frozenTensors == 1 ? "), 1 is frozen" : "), \(frozenTensors) are frozen"
      return text + " (\(grouped(frozenParameters)) parameters)"
    }
  }

  /// Counts what trains and what is frozen. Tied tensors count once for each of their names.
  public func summary(in tree: ParameterTree) -> Summary {
    var summary = Summary()
    for info in tree.entries {
      let count = info.shape.count
      switch states[info.key] {
      case .trainable:
        summary.trainableTensors += 1
        summary.trainableParameters = summary.trainableParameters.addingSaturated(count)
      case .rows(let rows):
        summary.trainableTensors += 1
        summary.partialTensors += 1
        let trained = min(rows.count * (count / max(info.rowCount ?? 1, 1)), count)
        summary.trainableParameters = summary.trainableParameters.addingSaturated(trained)
        summary.frozenParameters = summary.frozenParameters.addingSaturated(count - trained)
      case .frozen, nil:
        summary.frozenTensors += 1
        summary.frozenParameters = summary.frozenParameters.addingSaturated(count)
      }
    }
    return summary
  }

  /// Something about a mask that is allowed and probably a mistake.
  public enum Warning: Sendable, Hashable, CustomStringConvertible {
    /// A weight trains and the bias of the same module does not (or `gamma` and `beta`).
    case frozenSibling(trainable: Key, frozen: Key)
    /// Two names of the same bytes, of which one trains and the other does not, or in other rows.
    case splitTie(trainable: Key, frozen: Key)
    /// Selected, but integers and Booleans have no gradient: it stays frozen.
    case cannotTrain(Key, DType)

    /// The warning as a sentence.
    public var description: String {
      switch self {
      case .frozenSibling(let trainable, let frozen):
        "\(quoted(trainable.string)) trains, \(quoted(frozen.string)) of the same module is frozen"
      case .splitTie(let trainable, let frozen):
        "\(quoted(trainable.string)) trains, \(quoted(frozen.string)) is frozen, and both are the "
          + "same bytes: training changes both"
      case .cannotTrain(let key, let dtype):
        "\(quoted(key.string)) holds \(dtype), which has no gradient: it stays frozen"
      }
    }
  }

  /// What is probably a mistake, in key order.
  ///
  /// - Parameters:
  ///   - tree: the keys of the checkpoint.
  ///   - siblings: whether to look for a `weight` that trains without its `bias`.
  public func warnings(in tree: ParameterTree, siblings: Bool = true) -> [Warning] {
    var warnings: [Warning] = []
    for (key, state) in states where siblings && state != .frozen {
      guard let name = key.siblingOfWeight, states[name] == .frozen,
        tree[name]?.canTrain == true
      else { continue }
      warnings.append(.frozenSibling(trainable: key, frozen: name))
    }
    for group in tree.ties {
      let known = group.filter { states[$0] != nil }
      guard let first = known.first(where: { states[$0] != .frozen }) else { continue }
      for key in known where states[key] != states[first] {
        warnings.append(.splitTie(trainable: first, frozen: key))
      }
    }
    for info in selectedIntegers(in: tree) { warnings.append(.cannotTrain(info.key, info.dtype)) }
    return warnings
  }

  /// Tensors that the rules select to train and that have no gradient.
  private func selectedIntegers(in tree: ParameterTree) -> [TensorInfo] {
    guard tree.entries.contains(where: { !$0.canTrain }) else { return [] }
    var state: RuleState?
    for rule in rules {
      guard let selector = try? Selector(rule.selector), let match = try? selector.match(in: tree)
      else { continue }
      let trains = (rule.kind == .train) != selector.isNegated
      var next = state ?? RuleState(tree: tree, startsFull: !trains)
      _ = next.apply(match, adding: trains)
      state = next
    }
    guard let state else { return [] }
    return state.items.map(\.tensor).filter { !$0.canTrain }
  }
}

extension Key {
  /// The key that the bias of this weight has, whether or not it exists.
  var siblingOfWeight: Key? {
    let bytes = string.utf8
    let start = bytes.lastIndex(of: UInt8(ascii: ".")).map(bytes.index(after:)) ?? bytes.startIndex
    let last = bytes[start...]
    if last.elementsEqual("gamma".utf8) { return Key(string[..<start] + "beta") }
    if last.elementsEqual("weight".utf8) || last.suffix(7).elementsEqual("_weight".utf8) {
      return Key(string[..<bytes.index(bytes.endIndex, offsetBy: -6)] + "bias")
    }
    guard last.starts(with: "weight_".utf8) else { return nil }
    return Key(string[..<start] + "bias" + string[bytes.index(start, offsetBy: 6)...])
  }
}
