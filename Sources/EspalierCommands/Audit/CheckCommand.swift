import ArgumentParser
import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// `espalier check`: lints checkpoints.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check checkpoints for damage and for likely mistakes.",
    usage: "espalier check <file> ... [<options>]",
    discussion: """
      Checks for truncation, holes, wrong checksums, outdated indices, missing, incomplete and identical \
      layers, unusual dtypes, NaN and infinite elements, and contradictions with config.json. \
      \(Documentation.page("check.md")) lists the rules. Exit status: 1 when there is an error, otherwise 2 when a file does \
      not exist, otherwise 0, also with warnings and notes.

        espalier check model
        espalier check downloads/*.safetensors --fast
        espalier check model --sarif > check.sarif
      """)

  @Argument(
    help: "Checkpoints: files, indices of shards, or directories.", completion: .file(),
    transform: HuggingFaceCache.path(of:))
  var files: [String]

  @Flag(help: "Read only headers: check no checksums, NaN or identical layers.")
  var fast = false

  @Flag(help: "Print SARIF 2.1.0, which code hosts show next to the files.")
  var sarif = false

  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    if sarif, output.json {
      throw ValidationError("--sarif and --json exclude each other; leave out one")
    }
  }

  func run() throws {
    var findings: [LintFinding] = []
    var isMissing = false
    for file in files {
      let total =
        fast
        ? 0 : (try? Checkpoint.open(file))?.tensors.values.reduce(0) { $0 &+ $1.byteCount } ?? 0
      let bar = Progress("checking", total: total, unit: .bytes, mode: progress.progress)
      defer { bar.finish() }
      let lint: CheckpointLint
      do throws(CheckpointError) {
        lint = try CheckpointLint(path: file, readingElements: !fast) { bar.advance(by: $0) }
      } catch {
        isMissing = true
        ExitStatus.report(error, of: CheckCommand.self)
        continue
      }
      bar.finish()
      findings += lint.findings
      if !sarif, !output.json { show(lint.findings, of: file) }
    }
    if sarif {
      StandardOutput.shared.line(Sarif.log(findings).text(indent: 2))
    } else if output.json {
      printJSON(findings)
    }
    if findings.contains(where: { $0.severity == .error }) { throw ExitStatus.no }
    if isMissing { throw ExitStatus.unusable }
  }

  private func show(_ findings: [LintFinding], of file: String) {
    let out = StandardOutput.shared
    // On a terminal, one finding about many layers takes one line.
    let folded = KeyGroups(findings.count, folds: out.isTooTall(findings.count)) { index in
      findings[index].key.map { [$0] } ?? []
    } trait: {
      [findings[$0].rule.rawValue, findings[$0].message]
    }
    let groups = folded.groups
    let limit = out.isTooTall(groups.count) ? max(10, (out.height ?? 0) - 6) : .max
    for group in groups.prefix(limit) {
      let finding = findings[group.first]
      let word =
        switch finding.severity {
        case .error: out.style.red("error")
        case .warning: out.style.yellow("warning")
        case .note: "note"
        }
      let times = group.times.isEmpty ? "" : " (\(group.times))"
      let key = finding.key == nil ? "" : "\(group.name)\(times): "
      out.paragraph(
        "\(shown(file)): \(word): \(key)\(shown(finding.message)) [\(finding.rule.rawValue)]")
    }
    let left = groups.dropFirst(limit).reduce(0) { $0 + $1.rows.count }
    if left > 0 {
      out.line("\(shown(file)): … and \(grouped(left)) more; --json lists all")
    } else {
      out.noteFolding([folded], noun: "finding", advice: "--json lists each")
    }
    if findings.isEmpty { out.line("\(shown(file)): \(out.style.green("nothing found"))") }
  }

  private func printJSON(_ findings: [LintFinding]) {
    var json = JSONStream()
    json.array("files", files) { file, text in JSONValue.writeString(file, to: &text) }
    json.array("findings", findings) { finding, text in
      let value = JSONValue.members([
        "path": .string(finding.path), "rule": .string(finding.rule.rawValue),
        "severity": .string(finding.severity.rawValue),
        "key": finding.key.map { .string($0.string) } ?? .null,
        "message": .string(finding.message),
      ])
      text += value.text()
    }
    for severity in LintFinding.Severity.allCases.reversed() {
      json.member(severity.rawValue + "s", .integer(findings.count { $0.severity == severity }))
    }
    json.finish()
  }
}
