import CheckpointFiles
import OrderedCollections
import ParameterSurgery

/// SARIF 2.1.0, the format of static analysis results.
enum Sarif {
  static func log(_ findings: [LintFinding]) -> JSONValue {
    let rules = LintFinding.Rule.allCases.map { rule in
      JSONValue.members([
        "id": .string(rule.rawValue),
        "shortDescription": .members(["text": .string(rule.summary)]),
        "defaultConfiguration": .members(["level": .string(rule.severity.rawValue)]),
      ])
    }
    let driver = JSONValue.members([
      "name": "espalier", "version": .string(espalierVersion),
      "rules": .array(rules),
    ])
    return .members([
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": .array([
        .members([
          "tool": .members(["driver": driver]), "results": .array(findings.map(result)),
        ])
      ]),
    ])
  }

  private static func result(_ finding: LintFinding) -> JSONValue {
    var location: [(String, JSONValue)] = [
      (
        "physicalLocation",
        .members(["artifactLocation": .members(["uri": .string(uri(finding.path))])])
      )
    ]
    if let key = finding.key {
      location.append(
        ("logicalLocations", .array([.members(["fullyQualifiedName": .string(key.string)])])))
    }
    let text = finding.key.map { "\($0.string): \(finding.message)" } ?? finding.message
    return .members([
      "ruleId": .string(finding.rule.rawValue), "level": .string(finding.severity.rawValue),
      "message": .members(["text": .string(text)]),
      "locations": .array([.object(pairs: location)]),
    ])
  }

  /// A path as a URI reference.
  private static func uri(_ path: String) -> String {
    var result = ""
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
      }
    }
    return result
  }
}
