import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier mask create`.
struct MaskCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Write a freeze mask for a checkpoint.",
    usage: "espalier mask create <file> --train <selector> ... -o <mask> [<options>]",
    discussion: """
      The tensors that --train selects train, and all others are frozen; --freeze freezes some of them \
      again. Rules apply in the order of the command line: the last rule that matches a tensor or a row \
      wins. With only --freeze, all other tensors train. Both options take several selectors, and a \
      selector may select rows of a tensor.

        espalier mask create model --train linear -o freeze.json
        espalier mask create model --train linear --freeze linear.0 -o m.json
        espalier mask create m --train 'h[-2:]' --freeze '**:role(norm)' -o m.json
        espalier mask create m --train 'embeddings.weight[30522:]' -o m.json
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @OptionGroup var rules: MaskRules

  @OptionGroup var written: MaskOutput

  @Flag(
    name: .customLong("no-siblings"),
    help: "Do not warn when a weight trains and its bias is frozen.")
  var noSiblings = false

  @OptionGroup var groups: GroupOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var format: OutputOptions

  func validate() throws {
    try groups.check(against: [("--json", format.json)])
    if rules.ordered.isEmpty {
      throw ValidationError(
        "a rule is missing; pass --train SELECTOR or --freeze SELECTOR")
    }
  }

  func run() throws {
    let read = try Checkpoint.open(checkpoint.file)
    try WholeFile.checkWriting(to: written.output, read)
    let tree = ParameterTree(read)
    let mask = try InputError.naming(checkpoint.file) {
      let requests = try rules.ordered.map { rule throws(SurgeryError) in
        let selector = try Selector(rule.text)
        return rule.kind == .train ? FreezeMask.Request.train(selector) : .freeze(selector)
      }
      let mask = try FreezeMask.resolving(requests, in: tree)
      noteIdle(requests, mask, tree)
      if selection.explain {
        for request in requests {
          selection.report(try SelectorList([request.selector]).resolve(in: tree).explanations)
        }
      }
      if let expect = selection.expect, mask.trainableKeys.count != expect {
        throw InputError(
          "\(checkpoint.file): expected \(Text.counted(expect, "tensor")) to train (found "
            + "\(grouped(mask.trainableKeys.count)))")
      }
      return mask
    }
    let warnings = mask.warnings(in: tree, siblings: !noSiblings)
    try mask.write(to: written.output)
    warn(warnings)
    let report = MaskReport(mask, in: tree)
    if format.json {
      report.printJSON(path: written.output, warnings: warnings.map(\.description))
    } else {
      report.print(path: written.output, groups: groups)
    }
  }

  /// Notes a `!` that removes nothing, which is probably a mistake.
  private func noteIdle(
    _ requests: [FreezeMask.Request], _ mask: FreezeMask, _ tree: ParameterTree
  ) {
    for (place, request) in requests.enumerated() where request.selector.isNegated {
      var others = requests
      others.remove(at: place)
      guard let other = try? FreezeMask.resolving(others, in: tree), other.states == mask.states
      else {
        continue
      }
      StandardError.note("\(quoted(request.selector.text)) has no effect")
    }
  }

  /// Warns about at most four siblings: one selector such as `**.weight` freezes the bias of every layer.
  private func warn(_ warnings: [FreezeMask.Warning]) {
    var siblings: [FreezeMask.Warning] = []
    var others: [FreezeMask.Warning] = []
    for warning in warnings {
      if case .frozenSibling = warning { siblings.append(warning) } else { others.append(warning) }
    }
    let shown = siblings.count > 4 ? Array(siblings.prefix(3)) : siblings
    for warning in shown + others {
      StandardError.warning("\(checkpoint.file): \(warning)")
    }
    if shown.count < siblings.count {
      StandardError.warning(
        "\(checkpoint.file): \(grouped(siblings.count - shown.count)) more tensors train while their bias is "
          + "frozen; --json lists them, --no-siblings hides these warnings")
    }
  }
}
