import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct PickleAuditTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  private func scan(_ bytes: [UInt8], _ name: String = "file") throws -> ScanReport {
    try #require(try ScanReport.scan(try folder.write(bytes, name)).first)
  }

  private static func instance(_ module: String, _ name: String, _ state: [UInt8]) -> [UInt8] {
    P.global(module, name) + [0x29, 0x81] + state + [0x62]
  }

  /// What real files hold beside tensors, as picklers write it.
  static let plain: [(String, [UInt8])] = [
    ("builtins.frozenset", P.call(P.global("__builtin__", "frozenset"), [[0x5D]])),
    ("slice", P.call(P.global("__builtin__", "slice"), [[0x4E], P.integer(1), [0x4E]])),
    ("xrange", P.call(P.global("__builtin__", "xrange"), [P.integer(0), P.integer(3)])),
    (
      "defaultdict",
      P.call(P.global("collections", "defaultdict"), [P.global("__builtin__", "list")])
        + P.string("loss") + [0x5D, 0x73]
    ),
    ("path", P.call(P.global("pathlib._local", "PosixPath"), [P.string("a")])),
    (
      "array",
      P.call(
        P.global("numpy._core.numeric", "_frombuffer"),
        [
          [0x43, 4, 0, 0, 0, 0], P.call(P.global("numpy", "dtype"), [P.string("f4")]),
          P.integers([1]), P.string("C"),
        ])
    ),
    (
      "generator",
      P.call(
        P.global("numpy.random._pickle", "__generator_ctor"),
        [
          P.call(
            P.global("numpy.random._pickle", "__bit_generator_ctor"),
            [P.global("numpy.random._pcg64", "PCG64")])
        ])
    ),
    (
      "version", P.global("torch.torch_version", "TorchVersion") + P.tuple([P.string("2")]) + [0x81]
    ),
    ("bytes", instance("_io", "BytesIO", P.tuple([[0x43, 1, 9], P.integer(0), [0x4E]]))),
    ("script", instance("__torch__", "Net", [0x7D])),
    (
      "settings",
      instance(
        "transformers.training_args", "TrainingArguments",
        P.dictionary([
          (
            "optim",
            P.call(P.global("transformers.training_args", "OptimizerNames"), [P.string("adamw")])
          ),
          (
            "strategy",
            P.call(
              P.global("__builtin__", "getattr"),
              [P.global("transformers.trainer_utils", "IntervalStrategy"), P.string("NO")])
          ),
          ("state", instance("accelerate.state", "PartialState", [0x7D])),
        ]))
    ),
    ("type of None", P.call(P.global("__builtin__", "type"), [[0x4E]])),
    ("array of Python", P.call(P.global("array", "array"), [P.string("f"), [0x5D]])),
    ("error", P.call(P.global("exceptions", "ZeroDivisionError"), [P.string("x")])),
    (
      "activation",
      P.call(
        P.global("__builtin__", "getattr"),
        [P.global("torch._C", "_VariableFunctionsClass"), P.string("tanh")])
    ),
    (
      "curve of a scheduler",
      P.call(
        P.global("__builtin__", "getattr"),
        [P.global("torch.optim.lr_scheduler", "OneCycleLR"), P.string("_annealing_cos")])
    ),
    ("optimizer", instance("torch.optim", "Adafactor", [0x7D])),
    ("observer", instance("torch.ao.quantization.observer", "MinMaxObserver", [0x7D])),
  ]

  @Test(arguments: plain.indices)
  func `plain data of Python, numpy and transformers is a warning at most`(_ index: Int) throws {
    let (name, value) = Self.plain[index]
    let report = try scan(ZipBytes(pickle: P.file([("x", value)])).bytes)
    #expect(report.severity == .warning, "\(name): \(report.globals) \(report.findings)")
  }

  /// Names of modules that hold classes, and what else such modules hold.
  static let names: [(String, [UInt8])] = [
    ("islice", P.global("torch.nn.modules.container", "islice")),
    ("__builtins__", P.global("torch.nn.modules.container", "__builtins__")),
    ("torch.jit._pickle.x", P.global("torch.jit._pickle", "x")),
    ("dotted", P.string("torch.nn.modules.linear") + P.string("Linear.forward") + [0x93]),
    // Swift calls the Kelvin sign equal to K; Python does not.
    ("Kelvin", P.global("torch.nn.modules.loss", "\u{212A}LDivLoss")),
    ("getattr alone", P.global("builtins", "getattr")),
    ("type alone", P.global("builtins", "type")),
    ("_reconstructor alone", P.global("copyreg", "_reconstructor")),
  ]

  @Test(arguments: names.indices)
  func `a module with classes has other names that are dangerous`(_ index: Int) throws {
    let report = try scan(ZipBytes(pickle: P.file([("x", Self.names[index].1)])).bytes)
    #expect(report.severity == .danger)
  }

  static let uses: [(String, [UInt8])] = [
    ("calls a value that is not a class or function", P.call([0x7D], [])),
    (
      "calls a value that is not a class or function",
      P.call(instance("torch.nn.modules.container", "Sequential", [0x7D]), [P.string("x")])
    ),
    (
      "builtins.getattr(argparse.Namespace, \"__init__\"), which reaches into a value",
      P.call(
        P.global("builtins", "getattr"), [P.global("argparse", "Namespace"), P.string("__init__")])
    ),
    (
      "changes argparse.Namespace for the whole program",
      P.global("argparse", "Namespace") + P.tuple([[0x4E], [0x7D]]) + [0x62]
    ),
    (
      "sets the special attribute \"__setstate__\" of an object",
      instance("argparse", "Namespace", P.dictionary([("__setstate__", [0x4E])]))
    ),
    (
      "calls a method of argparse.Namespace()",
      P.global("argparse", "Namespace") + [0x29, 0x81, 0x4E, 0x61]
    ),
    (
      "runs the initialiser of transformers.training_args.TrainingArguments",
      P.call(P.global("transformers.training_args", "TrainingArguments"), [P.string("x")])
    ),
    (
      "runs the initialiser of transformers.training_args.TrainingArguments",
      P.call(
        P.global("torch._tensor", "_rebuild_from_type_v2"),
        [
          P.global("transformers.training_args", "TrainingArguments"),
          P.global("torch", "Tensor"), P.tuple([P.string("x")]), [0x7D],
        ])
    ),
    (
      "runs the initialiser of transformers.training_args.TrainingArguments",
      P.call(
        P.global("numpy.random._pickle", "__generator_ctor"),
        [P.string("x"), P.global("transformers.training_args", "TrainingArguments")])
    ),
    (
      "builtins.getattr(torch._C._VariableFunctionsClass, \"from_file\"), which reaches",
      P.call(
        P.global("builtins", "getattr"),
        [P.global("torch._C", "_VariableFunctionsClass"), P.string("from_file")])
    ),
    (
      "a tensor made by a value that is not a function",
      P.call(
        P.global("torch._tensor", "_rebuild_from_type_v2"),
        [[0x7D], P.global("torch", "Tensor"), [0x29], [0x7D]])
    ),
    (
      "makes an instance of a value that is not a class",
      [0x7D, 0x29, 0x81]
    ),
  ]

  @Test(arguments: uses.indices)
  func `what is done with harmless names may be dangerous`(_ index: Int) throws {
    let (sentence, value) = Self.uses[index]
    let report = try scan(ZipBytes(pickle: P.whole(value)).bytes)
    #expect(report.severity == .danger)
    #expect(
      report.findings.contains { $0.severity == .danger && $0.text.contains(sentence) },
      "\(report.findings)")
  }

  @Test func `each call is reported with its arguments`() throws {
    let report = try scan(
      P.whole(
        P.call(P.global("os", "system"), [P.string("true")]) + [0x30]
          + P.call(P.global("os", "system"), [P.string("false"), P.integer(1)])))
    #expect(report.globals.first?.calls == [#"os.system("true")"#, #"os.system("false", 1)"#])
    #expect(report.globals.first?.count == 2)
  }

  @Test func `a file inside of a string that is loaded is judged by what it holds`() throws {
    func loading(_ inner: [UInt8]) -> [UInt8] {
      P.whole(
        P.call(
          P.global("torch.storage", "_load_from_bytes"), [[0x42] + little(inner.count, 4) + inner]))
    }
    #expect(try scan(loading(TorchLegacyTests.file(TorchLegacyTests.value))).severity == .warning)
    for inner in [
      P.whole(ScanReportTests.payloads[0].1),
      ZipBytes(pickle: P.whole(ScanReportTests.payloads[0].1)).bytes,
    ] {
      let report = try scan(loading(inner))
      #expect(report.severity == .danger)
      #expect(
        report.globals.contains { $0.name == "os.system" && $0.record?.contains("!") == true })
    }
  }

  @Test func `files inside of files are not followed without end`() throws {
    var inner = P.whole([0x4E])
    for _ in 0..<200 {
      inner = P.whole(
        P.call(
          P.global("torch.storage", "_load_from_bytes"), [[0x42] + little(inner.count, 4) + inner]))
    }
    #expect(
      try scan(inner).findings.contains { $0.text.contains("nested too deeply to be examined") })
  }

  @Test func `oddities do not take the room of dangers`() throws {
    let odd = [UInt8](repeating: 0, count: 0) + (0..<3000).flatMap { _ in [0x95] + little(1, 8) }
    let report = try scan(P.start + odd + P.call([0x7D], []) + P.stop)
    #expect(report.severity == .danger)
  }

  @Test func `a frame that lies about its length is odd`() throws {
    let body: [UInt8] = [0x4B, 1, 0x30, 0x4E, 0x2E]
    for (length, severity) in [(5, ScanReport.Severity.note), (1, .warning), (9, .warning)] {
      let report = try scan(
        ZipBytes(pickle: [0x80, 4, 0x95] + little(length, 8) + body).bytes)
      #expect(report.severity == severity, "\(length)")
    }
  }

  @Test func `a pickle of a few bytes that ends early is broken`() throws {
    for pickle: [UInt8] in [[0x80], [0x80, 2], [0x4E], []] {
      let report = try scan(ZipBytes(pickle: pickle).bytes)
      #expect(report.severity > .note, "\(pickle)")
    }
  }

  @Test func `names of many combining marks take no longer than others`() throws {
    let name = String(repeating: "\u{301}", count: 200_000)
    let start = ContinuousClock.now
    let report = try scan(P.whole(P.global("a" + name, "b" + name)))
    #expect(report.severity == .danger)
    // Comparing them as Unicode text would take minutes.
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test func `a string of many bytes before a payload is skipped, and the payload is found`() throws
  {
    let count = 70 << 20
    let report = try scan(
      P.start + [0x42] + little(count, 4) + [UInt8](repeating: 0, count: count) + [0x30]
        + ScanReportTests.payloads[0].1 + P.stop)
    #expect(report.globals.first?.name == "os.system")
    #expect(report.globals.first?.offset == 2 + 5 + count + 1)
  }

  @Test func `names that the memo gives in another order than it seems are found`() throws {
    // Python's MEMOIZE overwrites entry 1 of a memo with one entry.
    func remembered(_ seen: String, _ called: String, _ entry: UInt8) -> [UInt8] {
      P.string(seen) + [0x71, entry, 0x30] + P.string(called) + [0x94, 0x30]
    }
    let pickle: [UInt8] =
      [0x80, 4] + remembered("collections", "os", 1) + [0x68, 1] + P.string("system")
      + [0x93] + P.tuple([P.string("id")]) + [0x52] + P.stop
    let report = try scan(pickle)
    #expect(report.globals.map(\.name) == ["os.system"])
    #expect(report.severity == .danger)
  }
}
