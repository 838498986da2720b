import CheckpointFiles
import ParameterSurgery

/// The changes of two checkpoints relative to a third: a section for each verdict, and the counts at the end.
struct ThreeWayDisplay {
  private let diff: ThreeWayDiff
  private let a: String
  private let b: String
  private let folds: Bool
  private let options: GroupOptions

  init(_ diff: ThreeWayDiff, a: String, b: String, groups: GroupOptions) {
    (self.diff, self.a, self.b) = (diff, a, b)
    options = groups
    folds = groups.folds(diff.changes.count)
  }

  func print() {
    let output = StandardOutput.shared
    var lists: [KeyGroups] = []
    for verdict in ThreeWayDiff.Verdict.allCases {
      let changes = diff.changes.filter { $0.verdict == verdict }
      guard !changes.isEmpty else { continue }
      output.line(output.style.bold(title(verdict)))
      var table = Table(columns(verdict))
      let groups = KeyGroups(changes.count, folds: folds, among: diff.changes.map(\.key)) {
        [changes[$0].key]
      } trait: {
        [changes[$0].inA, changes[$0].inB]
      }
      for group in groups.groups {
        let members = group.rows.map { changes[$0] }
        var cells = [sign(verdict), group.name]
        if folds { cells.append(group.times) }
        cells.append(fate(changes[group.first]))
        switch verdict {
        case .onlyA: cells += [worst(members.map(\.a))]
        case .onlyB: cells += [worst(members.map(\.b))]
        case .alike: cells += [worst(members.map(\.a))]
        case .differently:
          cells += [
            worst(members.map(\.a)), worst(members.map(\.b)), worst(members.map(\.between)),
          ]
        }
        table.append(cells)
      }
      table.paint = { line, _ in
        switch verdict {
        case .onlyA: output.style.cyan(line)
        case .onlyB: output.style.yellow(line)
        case .alike: output.style.green(line)
        case .differently: output.style.red(line)
        }
      }
      table.print()
      lists.append(groups)
    }
    options.note(lists)
    output.paragraph(summary)
  }

  private func title(_ verdict: ThreeWayDiff.Verdict) -> String {
    switch verdict {
    case .onlyA: "changed only in \(shown(a)):"
    case .onlyB: "changed only in \(shown(b)):"
    case .alike: "changed to the same values in both:"
    case .differently: "changed to different values:"
    }
  }

  private func columns(_ verdict: ThreeWayDiff.Verdict) -> [Table.Column] {
    let figures = verdict == .differently ? ["A REL L2", "B REL L2", "A TO B"] : ["REL L2"]
    return [.init(" "), .init("KEY", shrinks: true, breaks: folds)]
      + (folds ? [.init("COUNT", .right)] : [])
      + [.init("")] + figures.map { .init($0, .right) }
  }

  private func sign(_ verdict: ThreeWayDiff.Verdict) -> String {
    switch verdict {
    case .onlyA: "A"
    case .onlyB: "B"
    case .alike: "="
    case .differently: "!"
    }
  }

  private func fate(_ change: ThreeWayDiff.Change) -> String {
    switch change.verdict {
    case .onlyA, .alike: change.inA.rawValue
    case .onlyB: change.inB.rawValue
    case .differently:
      change.inA == change.inB
        ? change.inA.rawValue : "\(change.inA.rawValue), \(change.inB.rawValue)"
    }
  }

  private func worst(_ values: [ValueDifference?]) -> String {
    WorstDifference(values.compactMap(\.self)).map { significant($0.relativeL2) } ?? "-"
  }

  private var summary: String {
    func count(_ verdict: ThreeWayDiff.Verdict) -> Int {
      diff.changes.count { $0.verdict == verdict }
    }
    return [
      "\(grouped(count(.onlyA))) changed only in A", "\(grouped(count(.onlyB))) only in B",
      "\(grouped(count(.alike))) the same in both", "\(grouped(count(.differently))) differently",
      "\(grouped(diff.unchanged)) unchanged",
    ].joined(separator: ", ")
  }
}
