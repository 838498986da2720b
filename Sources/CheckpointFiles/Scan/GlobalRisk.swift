/// What naming a class or function may lead to when a loader executes the pickle.
///
/// The judgement is a closed list of exact names (``HarmlessGlobals``), and of what may be done with each.
/// Everything else is dangerous. The list of execution primitives only chooses the words.
enum GlobalRisk: Sendable {
  /// `torch.load(weights_only=True)` accepts it.
  case part(String)
  /// On the closed list.
  case harmless(Use, String)
  case danger(String)

  /// What may be done with a name of the closed list.
  enum Use: Sendable {
    /// It is a class or function that makes data: it may be called with anything.
    case data
    /// The same, and the values have `append`, `extend` or `add`.
    case container
    /// A class of which an instance may be made without its initialiser.
    case instance
    /// An enumeration: called with a value, or asked for a member by `getattr`.
    case enumeration
    /// `getattr`: of an enumeration of the list alone.
    case attribute
    /// `copyreg._reconstructor`: with a built-in class as the base alone.
    case reconstructor
    /// `type`: of `None` alone.
    case typeOf
    /// `torch.storage._load_from_bytes`: of bytes that are a harmless file alone.
    case loader
    /// A class of the file's own TorchScript program.
    case script

    /// Whether the name is dangerous anywhere but as the function of a call that was examined.
    var needsApproval: Bool {
      switch self {
      case .attribute, .reconstructor, .typeOf, .loader: true
      default: false
      }
    }
  }

  var severity: ScanReport.Severity {
    switch self {
    case .part: .note
    case .harmless: .warning
    case .danger: .danger
    }
  }

  var reason: String {
    switch self {
    case .part(let reason), .harmless(_, let reason), .danger(let reason): reason
    }
  }

  static func judge(_ global: PickleGlobal) -> GlobalRisk {
    guard global.isPlain else { return .danger("unknown: loading would import it") }
    if let constructor = global.constructor {
      if case .unreadableTensor(let what) = constructor { return .part(what) }
      return .part("part of a checkpoint")
    }
    if let found = HarmlessGlobals.use(module: global.module, name: global.name) { return found }
    if isScriptClass(global) { return .harmless(.script, "part of a TorchScript program") }
    return isPrimitive(global)
      ? .danger("runs code or reaches outside")
      : .danger("unknown: loading would import and call it")
  }

  /// Whether the names could be those of a module and something in it: no loader finds others.
  static func isImportable(_ global: PickleGlobal) -> Bool {
    func isName(_ text: String) -> Bool {
      !text.isEmpty
        && text.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "-"), UInt8(ascii: "<"), UInt8(ascii: ">"), 0x80...:
            true
          default: false
          }
        }
    }
    return isName(global.module) && isName(global.name)
  }

  /// Whether the name is known to run code.
  static func isPrimitive(_ global: PickleGlobal) -> Bool {
    guard global.isPlain else { return false }
    let root = global.module.parts(separatedBy: ".")[0]
    return primitives.contains(String(root)) || dangerousFunctions.contains(global.path)
  }

  /// `__torch__` is not a module that Python can import: the names lead into the archive.
  private static func isScriptClass(_ global: PickleGlobal) -> Bool {
    global.module.utf8.equals("__torch__") || global.module.utf8.hasPrefix("__torch__.")
  }

  private static let primitives: Set<String> = [
    "os", "posix", "nt", "sys", "subprocess", "pty", "socket", "shutil", "runpy", "importlib",
    "ctypes", "commands", "popen2", "multiprocessing", "threading", "asyncio", "webbrowser",
    "code", "codeop", "pickle", "_pickle", "marshal", "types", "functools", "operator",
    "_operator", "urllib", "requests", "http", "ftplib", "smtplib", "tempfile", "pathlib2",
    "platform", "pdb", "bdb", "timeit", "cProfile", "profile", "trace", "doctest", "pip",
    "ensurepip", "venv", "ssl", "signal", "gc", "inspect", "builtins", "__builtin__", "__main__",
    "copyreg", "copy_reg", "antigravity",
  ]

  private static let dangerousFunctions: Set<String> = [
    "torch.load", "torch.hub.load", "torch.storage._load_from_bytes", "numpy.load",
    "torch.jit.load", "torch.serialization.load",
  ]
}
