import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier verify`: proves that frozen tensors did not change.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove that everything a mask freezes is byte-identical in two checkpoints.",
    usage: "espalier verify <base> <tuned> --mask <mask> [<options>]",
    discussion: """
      Frozen rows of a tensor whose other rows train are compared, too. Exit status: 0 the proof holds, \
      1 it fails and the lines list the tensors that changed, 2 an error.

        espalier verify base tuned --mask freeze.json
      """)

  @Argument(
    help: "The checkpoint before training.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var base: String

  @Argument(
    help: "The checkpoint after training.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var tuned: String

  @Option(
    help: ArgumentHelp("The freeze mask that was used in training.", valueName: "mask"),
    completion: .file())
  var mask: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func run() throws {
    let before = try Checkpoint.open(base)
    let freeze = try FreezeMask(path: mask, for: ParameterTree(before))
    // A folder may hold a delta, which is applied to the base.
    let reading = Progress(
      "reading the base", total: before.tensors.values.reduce(0) { $0 &+ $1.byteCount },
      unit: .bytes, mode: progress.progress)
    let after = try Checkpoint.open(tuned, over: before) { reading.advance(by: $0) }
    reading.finish()
    let proof = try InputError.naming(mask) {
      let bar = Progress("comparing", unit: .bytes, mode: progress.progress)
      defer { bar.finish() }
      return try FrozenProof(base: before, tuned: after, mask: freeze) { done, total in
        bar.reach(done, of: total)
      }
    }
    if output.json { printJSON(proof) } else { print(proof, among: Array(before.keys)) }
    if !proof.holds { throw ExitStatus.no }
  }

  /// - Parameter keys: those of the base.
  private func print(_ proof: FrozenProof, among keys: [Key]) {
    let output = StandardOutput.shared
    if !proof.alignedKeys.isEmpty {
      StandardError.note(
        "\(base): \(Text.counted(proof.alignedKeys.count, "key")) compared under the mask's names, such as "
          + "\(quoted(proof.alignedKeys[0].string))")
    }
    if !proof.addedKeys.isEmpty {
      StandardError.note(
        "\(base): \(Text.counted(proof.addedKeys.count, "tensor")) that trained \(proof.addedKeys.count == 1 ? "is" : "are") "
          + "not in it, such as \(quoted(proof.addedKeys[0].string))")
    }
    note(proof.ignoredKeys, of: base, "is not in the mask and is not compared")
    note(proof.unexpectedKeys, of: tuned, "is new: the mask does not list it")
    guard proof.holds else {
      printViolations(proof.violations, among: keys)
      output.line(
        output.style.red("FAILED")
          + ": \(Text.counted(proof.violations.count, "tensor")) of \(oneLine(tuned)) "
          + "\(proof.violations.count == 1 ? "is" : "are") not identical, although the mask freezes "
          + (proof.violations.count == 1 ? "it" : "them"))
      return
    }
    var frozen = Text.counted(proof.provenTensors, "frozen tensor")
    if proof.provenRows > 0 { frozen += " and \(Text.counted(proof.provenRows, "frozen row"))" }
    var parts = ["\(frozen) byte-identical (\(byteText(proof.provenBytes)))"]
    let trainable = proof.changedKeys.count + proof.unchangedKeys.count
    if trainable > 0 {
      parts.append(
        "\(grouped(proof.changedKeys.count)) of \(Text.counted(trainable, "trainable tensor")) changed"
      )
    }
    if !proof.addedKeys.isEmpty { parts.append("\(grouped(proof.addedKeys.count)) added") }
    output.line(output.style.green("OK") + ": " + parts.joined(separator: ", "))
    let unchanged = proof.unchangedKeys
    let groups = KeyGroups(
      unchanged.count, folds: output.isTooTall(unchanged.count), among: keys
    ) {
      [unchanged[$0]]
    } trait: { _ in
      true
    }
    output.list(groups) { group in
      group.rows.count == 1
        ? "\(group.name) may train and did not change"
        : "\(group.name) (\(group.times)) may train and did not change"
    }
  }

  /// The tensors that changed: one line for each, or for each group of many.
  private func printViolations(_ violations: [FrozenProof.Violation], among keys: [Key]) {
    let output = StandardOutput.shared
    let groups = KeyGroups(
      violations.count, folds: output.isTooTall(violations.count), among: keys
    ) {
      [violations[$0].key]
    } trait: {
      violations[$0].kind.sentence
    }
    output.list(groups) { group in
      guard group.rows.count > 1 else { return "\(violations[group.first])" }
      return "\(group.name) (\(group.times)) \(violations[group.first].kind.sentence)"
    }
  }

  /// Notes about at most three keys, and the number of the others.
  private func note(_ keys: [Key], of path: String, _ sentence: String) {
    for key in keys.prefix(3) { StandardError.note("\(path): \(quoted(key.string)) \(sentence)") }
    if keys.count > 3 {
      StandardError.note("\(path): \(grouped(keys.count - 3)) more of this kind; --json lists all")
    }
  }

  private func printJSON(_ proof: FrozenProof) {
    func keys(_ name: String, _ keys: [Key], _ json: inout JSONStream) {
      json.array(name, keys) { key, text in JSONValue.writeString(key.string, to: &text) }
    }
    var json = JSONStream()
    json.member("holds", .bool(proof.holds))
    json.member(
      "proven",
      .members([
        "tensors": .integer(proof.provenTensors), "rows": .integer(proof.provenRows),
        "bytes": .integer(proof.provenBytes),
      ]))
    json.array("violations", proof.violations) { violation, text in
      text += "{\"key\":"
      JSONValue.writeString(violation.key.string, to: &text)
      text += ",\"reason\":"
      JSONValue.writeString(violation.kind.reason, to: &text)
      if case .bytes(let rows) = violation.kind, !rows.isEmpty {
        text += ",\"rows\":\(rows.jsonValue.text())"
      }
      text += "}"
    }
    keys("changed", proof.changedKeys, &json)
    keys("unchanged", proof.unchangedKeys, &json)
    keys("unexpected", proof.unexpectedKeys, &json)
    keys("aligned", proof.alignedKeys, &json)
    keys("added", proof.addedKeys, &json)
    keys("ignored", proof.ignoredKeys, &json)
    json.finish()
  }
}

extension FrozenProof.Violation.Kind {
  /// What happened to several tensors.
  fileprivate var sentence: String {
    switch self {
    case .missing: "are missing"
    case .dtype(let from, let to): "were \(from), are \(to)"
    case .shape(let from, let to): "were \(from), are \(to)"
    case .bytes: "are frozen and have changed"
    }
  }

  /// The word for it in JSON.
  fileprivate var reason: String {
    switch self {
    case .missing: "missing"
    case .dtype: "dtype"
    case .shape: "shape"
    case .bytes: "bytes"
    }
  }
}
