import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// `espalier scan`: shows what a file would do when it is loaded.
struct ScanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Audit files for code and hidden contents, without executing anything.",
    discussion: """
      Lists the classes and functions that every pickle refers to, and everything that the usual writers \
      do not write. A file that cannot be read is reported, and the others are still audited. Exit \
      status: 1 when something is dangerous, otherwise 2 when a file cannot be read. \
      \(Documentation.page("scan.md")) describes what is dangerous.

        espalier scan pytorch_model.bin
        espalier scan downloads/* --json
      """)

  @Argument(
    help: "Files, indices of shards, or directories.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var files: [String]

  @Flag(help: "Also list the classes and functions that every checkpoint has.")
  var all = false

  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func run() throws {
    var reports: [ScanReport] = []
    var failures: [CheckpointError] = []
    for file in files {
      do throws(CheckpointError) {
        reports += try scan(file) { failures.append($0) }
      } catch {
        failures.append(error)
      }
    }
    for failure in failures { ExitStatus.report(failure, of: ScanCommand.self) }
    if output.json {
      var json = JSONStream()
      json.array("files", reports) { report, text in text += report.jsonValue.text() }
      json.member("severity", reports.map(\.severity).max().map { .string($0.rawValue) } ?? .null)
      json.array("errors", failures) { failure, text in
        text += JSONValue.members([
          "path": .string(failure.path), "reason": .string(failure.description),
        ]).text()
      }
      json.finish()
    } else {
      for report in reports { show(report) }
    }
    if reports.contains(where: { $0.severity == .danger }) { throw ExitStatus.no }
    if !failures.isEmpty { throw ExitStatus.unusable }
  }

  /// Audits a file or the files of a folder, with a progress bar for each large file.
  private func scan(
    _ file: String, unreadable: (CheckpointError) -> Void
  ) throws(CheckpointError) -> [ScanReport] {
    var bar: (path: String, progress: Progress)?
    defer { bar?.progress.finish() }
    return try ScanReport.scan(file, unreadable: unreadable) { path, read, total in
      if bar?.path != path {
        bar?.progress.finish()
        bar = (path, Progress("reading", total: total, unit: .bytes, mode: progress.progress))
      }
      bar?.progress.reach(read)
    }
  }

  private func show(_ report: ScanReport) {
    let out = StandardOutput.shared
    let verdict =
      switch report.severity {
      case .note: out.style.green("no danger found")
      case .warning: out.style.yellow("odd, no danger found")
      case .danger: out.style.red("danger")
      }
    out.line("\(shown(report.path)): \(verdict) (\(shown(report.format)))")
    for global in report.globals where all || global.severity > .note {
      let times = global.count > 1 ? ", \(grouped(global.count)) times" : ""
      out.paragraph(
        "\(word(global.severity))  \(shown(global.name))  \(shown(global.reason))"
          + place(global.record, global.offset) + times, indent: 2)
      for call in global.calls {
        out.paragraph("calls    \(shown(call))", indent: 4)
      }
    }
    for finding in report.findings {
      out.paragraph(
        "\(word(finding.severity))  \(shown(finding.text))"
          + place(finding.record, finding.offset), indent: 2)
    }
  }

  private func word(_ severity: ScanReport.Severity) -> String {
    let style = StandardOutput.shared.style
    return switch severity {
    case .note: "note   "
    case .warning: style.yellow("warning")
    case .danger: style.red("danger ")
    }
  }

  private func place(_ record: String?, _ offset: Int?) -> String {
    let parts = [record.map { "record \(quoted($0))" }, offset.map { "byte \($0)" }]
    let text = parts.compactMap { $0 }.joined(separator: ", ")
    return text.isEmpty ? "" : "  (\(text))"
  }
}

extension ScanReport {
  /// As docs/scan.md describes it.
  var jsonValue: JSONValue {
    func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return .members([
      "path": .string(path), "format": .string(format), "severity": .string(severity.rawValue),
      "globals": .array(
        globals.map { global in
          .members([
            "name": .string(global.name), "severity": .string(global.severity.rawValue),
            "reason": .string(global.reason), "count": .integer(global.count),
            "calls": .array(global.calls.map { .string($0) }),
            "record": optional(global.record), "offset": .integer(global.offset),
          ])
        }),
      "findings": .array(
        findings.map { finding in
          .members([
            "severity": .string(finding.severity.rawValue), "text": .string(finding.text),
            "record": optional(finding.record),
            "offset": finding.offset.map { .integer($0) } ?? .null,
          ])
        }),
    ])
  }
}
