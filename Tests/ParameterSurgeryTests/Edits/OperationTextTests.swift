import CheckpointFiles
import EspalierTestSupport
import ParameterSurgery
import Testing

/// Texts with everything that separates something in the form of an operation.
private let hostileTexts = [
  "a=b", "=", "a,b", "a\\", "a\\\\", "\\=", "a\\=b", "/a", "/a/", "/a=b/", "\\/a", "x@1", "a:b",
  ":", "a b",
  "\u{301}=", "\"quoted\"", "'", "é", "e\u{301}", "a\nb", "@", "a\\,b", "/(.*)\\=x/", "//", "a/=b",
]

@Suite struct `The text of an operation` {
  private func roundTrip(_ operation: SurgeryOperation) throws {
    let again = try SurgeryOperation(operation.kind, operation.arguments)
    #expect(again == operation, "\(operation.arguments)")
    #expect(again.arguments == operation.arguments)
  }

  private static let list = "a,!b[0:2],/x,y=(z)/,\"k, l\":rank(1)"

  private static func selectors() throws -> SelectorList {
    try SelectorList(["a", "!b[0:2]", "/x,y=(z)/", "\"k, l\":rank(1)", "c:numel(>=5)"])
  }

  private static func examples() throws -> [SurgeryOperation] {
    let selectors = try selectors()
    return [
      .rename(try KeyRewrite("layer[{i}].**=block.{i+3}.**")),
      .addPrefix("x."), .stripPrefix("x y"), .drop(selectors), .keep(selectors),
      .cast(selectors, to: .bfloat16, saturating: false),
      .cast(selectors, to: .float8E4M3, saturating: true),
      .copy(try KeyRewrite("/a(.)/=$1$$")),
      .arrangeLayers(
        of: "encoder.layer",
        [.range(0..<8), .index(-1), .slice(start: nil, stop: nil, step: -1), .all]),
      .slice(selectors, [.range(0..<10), .index(-1), .all, .slice(start: -3, stop: nil, step: 1)]),
      .split("a.{i}", into: ["b.{i}", "c"], dimension: 1, sizes: [3, 4]),
      .split("a", into: ["b", "c", "d"], dimension: 0, sizes: []),
      .concatenate(["a.{i}", "b.{i}"], into: "c.{i}", dimension: 2),
      .transpose(selectors), .resize(selectors, rows: 7, filling: .mean),
      .resize(selectors, rows: 7, filling: .zeros), .prune(selectors, to: .rows("rows.txt")),
      .prune(selectors, to: .tokens("t.txt", vocabulary: "v.txt")),
      .add("k", .float32, [2, 3], .kaiming), .add("k", .float16, [], .zeros),
      .add("k", .float32, [2], .normal(0.02)), .add("k", .float32, [2], .constant(-0.0)),
      .add("k", .float32, [2], .uniform(1e-300)), .add("k", .float32, [2], .ones),
      .scale(selectors, by: 0.1), .scale(selectors, by: 1e300), .scale(selectors, by: -3),
      .tie("k", to: selectors), .untie(selectors), .take(selectors, from: "other.safetensors"),
      .setMetadata("n", to: "v"), .setMetadata("n", to: ""), .mergeAdapter(folder: "a folder"),
      .preset(.gammaBeta), .convert(to: .transformers), .addTokens(file: "new tokens.txt"),
      .trimVocabulary(texts: "texts.txt"),
    ]
  }

  @Test func `is read as the operation that it was written from, for every kind`() throws {
    let examples = try Self.examples()
    #expect(Set(examples.map(\.kind)) == Set(SurgeryOperation.Kind.allCases))
    for operation in examples { try roundTrip(operation) }
  }

  @Test(arguments: hostileTexts)
  func `keeps names and paths that hold separators`(_ text: String) throws {
    let selectors = try Self.selectors()
    try roundTrip(.addPrefix(text))
    try roundTrip(.stripPrefix(text))
    try roundTrip(.mergeAdapter(folder: text))
    try roundTrip(.take(selectors, from: text))
    try roundTrip(.prune(selectors, to: .rows(text)))
    try roundTrip(.prune(selectors, to: .tokens(text, vocabulary: text)))
    try roundTrip(.setMetadata(text, to: text))
    try roundTrip(.add(Key(text), .float32, [1], .ones))
    try roundTrip(.tie(Key(text), to: selectors))
    try roundTrip(.arrangeLayers(of: text, [.index(0)]))
    guard let plain = try? KeyRewrite(from: text, to: "x") else { return }
    try roundTrip(.rename(plain))
    for other in hostileTexts {
      guard let rule = try? KeyRewrite(from: text, to: other) else { continue }
      try roundTrip(.rename(rule))
      try roundTrip(.copy(rule))
      try roundTrip(.split(text, into: [other, "x", other], dimension: 0, sizes: []))
      if !text.isEmpty, !other.isEmpty {
        try roundTrip(.concatenate([text, "x", text], into: other, dimension: 0))
      }
    }
  }

  @Test(arguments: hostileTexts)
  func `keeps selectors that hold separators`(_ text: String) throws {
    guard let list = try? SelectorList([text, "!z"]) else { return }
    try roundTrip(.drop(list))
    try roundTrip(.cast(list, to: .float16, saturating: true))
    try roundTrip(.scale(list, by: 2))
    try roundTrip(.resize(list, rows: 3, filling: .zeros))
    try roundTrip(.slice(list, [.all]))
    try roundTrip(.prune(list, to: .rows("a=b:c")))
    try roundTrip(.tie("k=l", to: list))
    try roundTrip(.take(list, from: "a:b"))
    try roundTrip(.untie(list))
  }

  @Test(arguments: [
    SurgeryOperation.addPrefix(""), .drop(SelectorList([Selector]())),
    .untie(SelectorList([Selector]())),
    .scale(SelectorList([Selector]()), by: 1), .setMetadata("", to: "x"), .mergeAdapter(folder: ""),
    .split("a", into: ["b"], dimension: 0, sizes: []),
    .split("a", into: ["b", "c"], dimension: -1, sizes: []),
    .concatenate(["a"], into: "b", dimension: 0), .add("k", .int64, [1], .zeros),
    .add("k", .float32, [1], .constant(.nan)), .arrangeLayers(of: "layer", []),
  ])
  func `is missing for what cannot be typed, and a plan refuses that`(
    _ operation: SurgeryOperation
  ) {
    var plan = SurgeryPlan(for: smallCheckpoint())
    let error = #expect(throws: SurgeryError.self) { try plan.append(operation) }
    #expect(error?.kind == .syntax)
    #expect(plan.steps.isEmpty && plan.changes.isEmpty)
  }

  @Test func `accepts the names of dtypes that torch has`() throws {
    #expect(try SurgeryOperation(.cast, ["a=bfloat16"]).description == "cast a=BF16")
    #expect(try SurgeryOperation(.cast, ["a=torch.float16"]).description == "cast a=F16")
  }

  @Test func `may have several selectors with commas between them`() throws {
    let result = try edited("scale layer,!layer[1:]=2")
    #expect(try result["layer.0.weight"]?.floats()[1] == 2)
    #expect(try result["layer.1.weight"]?.floats()[1] == 11)
  }
}
