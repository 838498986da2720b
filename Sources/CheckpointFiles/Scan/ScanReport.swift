/// What an audit of a file found: every class and function that it names, and everything that an honest
/// writer does not do.
///
/// The audit and the readers are one parser: what a loader would see is what was examined.
///
///     for report in try ScanReport.scan("pytorch_model.bin") where report.severity == .danger {
///       print(report.globals.map(\.name), report.findings.map(\.text))
///     }
public struct ScanReport: Sendable, Hashable {
  /// How much a finding matters.
  public enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Worth knowing.
    case note
    /// Odd, and by itself harmless.
    case warning
    /// Loading the file with a loader that executes pickles may run code, or hides something.
    case danger

    private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }

    /// Notes come before warnings, warnings before dangers.
    public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
  }

  /// A class or function that a pickle names.
  public struct Global: Sendable, Hashable {
    /// `module.name`.
    public let name: String
    /// What it may do.
    public let severity: Severity
    /// Why.
    public let reason: String
    /// How often it is named.
    public var count: Int
    /// The first calls of it with their arguments, as Python writes them, shortened.
    public let calls: [String]
    /// The record of an archive, if the pickle is one; that of an archive inside of another follows the
    /// outer one's and `!`.
    public let record: String?
    /// Where it is named first.
    public let offset: Int
  }

  /// Anything else.
  public struct Finding: Sendable, Hashable {
    /// How much it matters.
    public let severity: Severity
    /// What it is, in a sentence.
    public let text: String
    /// The record of a zip archive concerned.
    public var record: String?
    /// The byte offset in the record or file.
    public var offset: Int?
  }

  /// The file, as the caller spelled it.
  public let path: String
  /// What the file is: `safetensors`, `torch-zip`, `torch-legacy`, `torchscript`, `torch-export`,
  /// `pickle`, `npy`, `npz`, `tar` or `zip`.
  public internal(set) var format: String
  /// Classes and functions, in the order of the file, each once for a record.
  public internal(set) var globals: [Global] = []
  /// Everything else.
  public internal(set) var findings: [Finding] = []

  /// The worst of everything found.
  public var severity: Severity {
    max(globals.map(\.severity).max() ?? .note, findings.map(\.severity).max() ?? .note)
  }

  /// The limit keeps the report of a hostile file readable.
  static let maximumFindings = 1000

  mutating func add(
    _ severity: Severity, _ text: String, record: String? = nil, offset: Int? = nil
  ) {
    guard findings.count < ScanReport.maximumFindings else {
      // What matters more is never left out.
      if severity == .danger, let place = findings.lastIndex(where: { $0.severity < .danger }) {
        findings[place] = Finding(severity: severity, text: text, record: record, offset: offset)
      }
      return
    }
    findings.append(Finding(severity: severity, text: text, record: record, offset: offset))
  }

  mutating func add(_ error: CheckpointError, record: String? = nil) {
    let key = error.key.map { "\(quoted($0.string)): " } ?? ""
    add(
      .danger, "broken, so a loader may see something else: \(key)\(error.reason)",
      record: error.record ?? record, offset: error.offset)
  }
}
