import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// `espalier log`: the epochs of a run.
struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show the epochs of a training run: figures, and how far each tensor moved.",
    usage: "espalier log <run> [<options>]",
    discussion: """
      The run may be finished or interrupted. A tensor's movement in an epoch is the Euclidean norm of its change, \
      divided by its norm before the epoch; "new" when it was zero before. On a terminal, the newest epochs that \
      fit are shown, and tensors of repeated layers are one line with the largest movement.

        espalier log tuned
        espalier log tuned --no-group
        espalier log tuned --json
      """)

  @Argument(
    help: ArgumentHelp("The folder that espalier train wrote.", valueName: "run"),
    completion: .directory)
  var folder: String

  @Flag(
    inversion: .prefixedNo,
    help: """
      Print one line for all tensors whose keys differ only in numbers. On a terminal, this is the \
      default for more than 20 tensors.
      """)
  var group: Bool?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let history = try RunHistory(folder: folder)
    if output.json { return printJSON(history) }
    LogRendering(history, groups: group).print()
  }

  private func printJSON(_ history: RunHistory) {
    var json = JSONStream()
    json.member("run", .string(history.folder))
    json.member("finished", .bool(history.isFinished))
    json.member("epochs", .array(history.records.map(\.json)))
    json.member(
      "kept",
      .array(
        history.kept.map { .members(["epoch": .integer($0.epoch), "path": .string($0.path)]) }))
    json.finish()
  }
}

/// The epochs of a run, as a person reads them.
struct LogRendering {
  private let history: RunHistory
  private let groups: Bool?

  init(_ history: RunHistory, groups: Bool?) { (self.history, self.groups) = (history, groups) }

  func print(to output: StandardOutput = .shared) {
    let records = history.records
    let best = records.last(where: \.isBest)
    var state = ["\(Text.counted(records.count, "epoch"))"]
    if let best { state.append("best epoch \(best.epoch)") }
    state.append(
      history.isFinished ? "finished" : "interrupted: \(RunInterruption.resuming(history.folder))")
    output.paragraph(oneLine("\(history.folder): \(state.joined(separator: ", "))"))
    guard !records.isEmpty else { return }
    let table = EpochTable(records[0].task, width: output.width)
    output.line()
    output.line(output.style.dim(table.heading))
    for record in records {
      output.line(
        table.row(record)
          + (record.epoch == best?.epoch ? output.style.green(table.bestMark) : ""))
    }
    printMovements(to: output)
    guard let kept = history.kept.last else { return }
    output.line()
    output.paragraph(
      "kept \(Text.counted(history.kept.count, "epoch")); to restore one, run:")
    output.line("  espalier delta apply BASE \(oneLine(Advice.shellWord(kept.path))) -o OUTPUT")
  }

  private func printMovements(to output: StandardOutput) {
    let records = history.records.filter { $0.moved != nil }
    guard !records.isEmpty else {
      StandardError.note(
        "\(history.folder): the history does not say which tensors moved, because an earlier version wrote it"
      )
      return
    }
    var names: [String] = []
    var seen: Set<Key> = []
    var moved: [[Key: Double?]] = []
    for record in records {
      var values: [Key: Double?] = [:]
      for movement in record.moved ?? [] {
        values[Key(movement.name)] = .some(movement.relativeL2)
        if seen.insert(Key(movement.name)).inserted { names.append(movement.name) }
      }
      moved.append(values)
    }
    output.line()
    guard !names.isEmpty else { return output.line("no tensor moved") }
    // A figure takes 10 columns, and the names need room.
    let room = output.width.map { max(1, ($0 - 24) / 10) } ?? .max
    let first = max(0, records.count - room)
    let folds = groups ?? (output.isTerminal && names.count > 20)
    let sets = KeyGroups(names.count, folds: folds) {
      [Key(names[$0])]
    } trait: { _ in
      true
    }
    var table = Table(
      [.init("moved, relative L2", shrinks: true)]
        + records[first...].map { .init("epoch \($0.epoch)", .right) })
    for set in sets.groups {
      let keys = set.rows.map { Key(names[$0]) }
      table.append(
        [set.rows.count == 1 ? shown(names[set.first]) : "\(set.name) (\(set.times))"]
          + moved[first...].map { epoch in LogRendering.text(keys.compactMap { epoch[$0] }) })
    }
    table.print(to: output)
    if first > 0 {
      StandardError.note(
        "the movements of \(Text.counted(first, "earlier epoch")) do not fit; --json has all")
    }
  }

  /// The largest movement of some tensors; `new` when all that moved were zero before, nothing when none moved.
  private static func text(_ values: [Double?]) -> String {
    guard !values.isEmpty else { return "" }
    guard let largest = values.compactMap(\.self).max() else { return "new" }
    return significant(largest, digits: 3)
  }
}
