import CheckpointFiles
import Testing

/// Programs of TorchScript and torch.export: what runs on loading.
@Suite struct ProgramScanTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  private func scan(code: String) throws -> ScanReport {
    try scan([
      .init(name: "net/data.pkl", bytes: P.whole([0x4E])),
      .init(name: "net/code/__torch__.py", bytes: Array(code.utf8)),
      .init(name: "net/constants.pkl", bytes: P.whole([0x29])),
    ])
  }

  private func scan(_ records: [ZipBytes.Record]) throws -> ScanReport {
    try #require(try ScanReport.scan(try folder.write(ZipBytes(records).bytes)).first)
  }

  /// As `torch.jit.save` writes it.
  static func program(
    state: String = "    self.w = (st)[0]\n", forward: String = "    return torch.add(x, 1)\n",
    parameters: String = "x: Tensor", members: String = "", more: String = ""
  ) -> String {
    """
    class Net(Module):
      __parameters__ = ["weight", ]
      __buffers__ = []
      training : bool
      w : Tensor
      linear : __torch__.torch.nn.modules.linear.___torch_mangle_0.Linear
    \(members)  def forward(self: __torch__.Net,
        \(parameters)) -> Tensor:
    \(forward)  def __setstate__(self: __torch__.Net,
        st: Tuple[Tensor, bool]) -> NoneType:
    \(state)    self.training = (st)[1]
        return None
    \(more)
    """
  }

  @Test func `code on loading that only computes is a warning`() throws {
    for code in [
      Self.program(),
      // As PyTorch's quantised layers have it.
      Self.program(
        state: """
              _1 = (self).set_weight_bias((st)[0], annotate(Optional[Tensor], None), )
              if torch.eq(self.dtype, 12):
                _2 = ops.quantized.linear_prepack((st)[0], None)
                self._packed_params = _2
              else:
                ops.prim.RaiseException("Unsupported dtype")

          """,
        more: """
            def set_weight_bias(self: __torch__.Net,
              w: Tensor,
              b: Optional[Tensor]) -> NoneType:
              _0 = __torch__.helper
              _3 = _0(w, )
              return None
          def helper(x: Tensor) -> Tensor:
            return torch.mul(x, 2)
          """),
      // What runs when the program is called is for its caller.
      Self.program(forward: "    torch.save(x, \"f\")\n    return x\n"),
    ] {
      let report = try scan(code: code)
      #expect(report.format == "torchscript")
      #expect(report.severity == .warning, "\(report.findings)")
      #expect(report.findings.contains { $0.text == "code that runs on loading: __setstate__" })
    }
  }

  static let dangerous: [(String, String)] = [
    ("torch.save", program(state: "    torch.save((st)[0], \"f\")\n")),
    ("torch.save", program(state: "    f = torch.save\n    f((st)[0], \"f\")\n")),
    ("torch.from_file", program(state: "    self.w = torch.from_file(\"f\", True, 4)\n")),
    (".save(…)", program(state: "    ((st)[0]).save(\"f\")\n")),
    ("ops.image.write_file", program(state: "    ops.image.write_file(\"f\", (st)[0])\n")),
    ("while", program(state: "    while True:\n      pass\n")),
    ("a value that is called", program(state: "    (self.w)(1)\n")),
    ("\"g\"", program(state: "    g = self.w\n    g(1)\n")),
    // In a method that it calls, in an operator, in a function behind another name.
    (
      "torch.save",
      program(
        state: "    _0 = (self).other((st)[0], )\n",
        more: "  def other(self: __torch__.Net, x: Tensor) -> NoneType:\n    torch.save(x, \"f\")\n"
      )
    ),
    (
      "torch.save",
      program(
        state: "    a = torch.add(self.a, self.b)\n",
        more: "  def __add__(self: __torch__.Net, x: Tensor) -> Tensor:\n    torch.save(x, \"f\")\n"
      )
    ),
    (
      "torch.save",
      program(
        state: "    _0 = __torch__.helper\n    _1 = _0((st)[0], )\n",
        more: "def helper(x: Tensor) -> NoneType:\n  torch.save(x, \"f\")\n")
    ),
    // Values in the body of a class and defaults are computed on loading.
    (
      "torch.from_file", program(members: "  q : Final[Tensor] = torch.from_file(\"f\", True, 4)\n")
    ),
    ("torch.from_file", program(parameters: "x: Tensor=torch.from_file(\"f\", True, 4)")),
    ("code that is not TorchScript", "class Net(Module):\n  x = `ls`\n"),
  ]

  @Test(arguments: dangerous.indices)
  func `code on loading that does anything else is dangerous`(_ index: Int) throws {
    let (sentence, code) = Self.dangerous[index]
    let report = try scan(code: code)
    #expect(
      report.findings.contains { $0.severity == .danger && $0.text.contains(sentence) },
      "\(report.findings)")
  }

  // MARK: torch.export

  private func program(_ json: String) -> [ZipBytes.Record] {
    [
      .init(name: "net/data/weights/weight_0", bytes: [0, 0, 0, 0]),
      .init(name: "net/models/model.json", bytes: Array(json.utf8)),
      .init(name: "net/archive_format", bytes: Array("pt2".utf8)),
    ]
  }

  @Test(arguments: [
    "s77", "2*s0 + 1", "Symbol('s77', positive=True, integer=True)", "Mod(s0, 8)", "Max(1, s1)//2",
    "s0**2 - 1.5e-3",
  ])
  func `an expression that is arithmetic is no danger`(_ expression: String) throws {
    let report = try scan(program(#"{"a":[{"as_expr":{"expr_str":"\#(expression)"}}]}"#))
    #expect(report.format == "torch-export")
    #expect(report.severity == .warning, "\(report.findings)")
  }

  @Test(arguments: [
    "__import__('os').system('true')", "exec('x')", "s0.func", "(s0)(1)", "[s0][0](1)",
    "Max('__import__(1)', 1)", "sympify('s0')", "Symbol('a b')", "(lambda: 1)()", "`x`",
  ])
  func `an expression that is anything else is dangerous`(_ expression: String) throws {
    let report = try scan(program(#"{"a":[{"as_expr":{"expr_str":"\#(expression)"}}]}"#))
    #expect(report.severity == .danger)
    #expect(report.findings.contains { $0.text.contains("executed as Python on loading") })
  }

  @Test func `modules that are imported by the structure of arguments are dangerous`() throws {
    for inner in [
      #"{\"default_factory_module\":\"os\",\"default_factory_name\":\"getcwd\"}"#,
      #"[{\"__enum__\":true,\"fqn\":\"os:x\",\"name\":\"y\"}]"#,
    ] {
      let report = try scan(program(#"{"in_spec":"\#(inner)"}"#))
      #expect(report.severity == .danger, "\(inner)")
    }
  }

  @Test func `records of a program are looked at, and compiled code is dangerous`() throws {
    let evil = P.whole(ScanReportTests.payloads[0].1)
    for (name, bytes) in [
      ("net/data/sample_inputs/model.pt", ZipBytes(pickle: evil).bytes),
      ("net/data/constants/opaque_obj_0", evil),
      ("net/data/aotinductor/model/a.cpp", Array("int x;".utf8)),
      ("net/data/weights/weight_1", [0x7F, 0x45, 0x4C, 0x46] + [UInt8](repeating: 0, count: 60)),
    ] {
      let report = try scan(program("{}") + [.init(name: name, bytes: bytes)])
      #expect(report.severity == .danger, "\(name)")
    }
    let honest = try scan(
      program("{}") + [
        .init(
          name: "net/data/sample_inputs/model.pt",
          bytes: ZipBytes(pickle: TorchZipTests.pickle, storages: [TorchZipTests.elements]).bytes)
      ])
    #expect(honest.severity == .warning)
  }

  @Test func `code is looked at although a pickle calls it a storage`() throws {
    let code = Self.program(parameters: "x: Tensor=torch.from_file(\"f\", True, 4)")
    let pickle = P.file([
      ("x", P.tensor(P.storage("__torch__.py", count: 1), size: [1], strides: [1]))
    ])
    let report = try scan([
      .init(name: "net/data.pkl", bytes: P.whole([0x4E])),
      .init(name: "net/code.pkl", bytes: pickle),
      .init(name: "net/code/__torch__.py", bytes: Array(code.utf8)),
      .init(name: "net/constants.pkl", bytes: P.whole([0x29])),
    ])
    #expect(report.severity == .danger)
  }

  @Test func `code that is too long to be looked at is dangerous`() throws {
    let comment = [UInt8](repeating: UInt8(ascii: "#"), count: 1 << 26)
    let report = try scan([
      .init(name: "net/data.pkl", bytes: P.whole([0x4E])),
      .init(name: "net/code/__torch__.py", bytes: comment + Array("\n\(Self.program())".utf8)),
      .init(name: "net/constants.pkl", bytes: P.whole([0x29])),
    ])
    #expect(report.findings.map(\.text).contains("a program that is too long to be examined"))
    #expect(report.severity == .danger)
  }
}
