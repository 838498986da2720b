/// What naming a class or function may lead to, when a loader executes the pickle.
///
/// The judgement is an allow-list: everything that is not known to be harmless is dangerous. The list of
/// execution primitives only chooses the words.
enum GlobalRisk {
  static func judge(_ global: PickleGlobal) -> (ScanReport.Severity, String) {
    if let constructor = global.constructor {
      if case .unreadableTensor(let what) = constructor { return (.note, what) }
      return (.note, "part of a checkpoint")
    }
    if global.module.hasPrefix("__torch__.") || global.module == "torch.jit._pickle" {
      return (.warning, "part of a TorchScript program")
    }
    let root = global.module.prefix { $0 != "." }
    if primitives.contains(String(root)) || dangerousBuiltins.contains(global.path) {
      return (.danger, "runs code or reaches outside")
    }
    if harmless.contains(global.path) {
      return (.warning, "plain data; torch.load(weights_only=True) refuses it")
    }
    if global.module.hasPrefix("torch.nn.modules."), !global.name.contains(".") {
      return (.warning, "a module class of PyTorch: the file is a whole model, not a state dict")
    }
    return (.danger, "unknown: loading would import and call it")
  }

  private static let primitives: Set<String> = [
    "os", "posix", "nt", "sys", "subprocess", "pty", "socket", "shutil", "runpy", "importlib",
    "ctypes", "commands", "popen2", "multiprocessing", "threading", "asyncio", "webbrowser",
    "code", "codeop", "pickle", "_pickle", "marshal", "types", "functools", "operator",
    "urllib", "requests", "http", "ftplib", "smtplib", "tempfile", "pathlib2", "platform", "pdb",
    "bdb", "timeit", "cProfile", "profile", "trace", "doctest", "pip", "ensurepip", "venv", "ssl",
    "signal", "gc", "inspect", "builtins", "__builtin__", "__main__", "copyreg", "copy_reg",
  ]

  private static let dangerousBuiltins: Set<String> = [
    "torch.load", "torch.hub.load", "torch.storage._load_from_bytes", "numpy.load",
    "torch.jit.load", "torch.serialization.load",
  ]

  /// What real checkpoints hold beside tensors.
  private static let harmless: Set<String> = [
    "argparse.Namespace", "collections.defaultdict", "collections.deque",
    "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar", "numpy.dtype",
    "numpy.ndarray", "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor", "numpy.random._mt19937.MT19937",
    "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
    "datetime.datetime", "datetime.timedelta", "datetime.date", "decimal.Decimal",
    "fractions.Fraction", "uuid.UUID", "enum.Enum", "__builtin__.frozenset", "builtins.frozenset",
    "__builtin__.slice", "builtins.slice", "__builtin__.range", "builtins.range",
    "__builtin__.object", "builtins.object", "__builtin__.int", "builtins.int",
    "__builtin__.float", "builtins.float", "__builtin__.str", "builtins.str", "__builtin__.list",
    "builtins.list", "__builtin__.dict", "builtins.dict", "__builtin__.tuple", "builtins.tuple",
    "__builtin__.bool", "builtins.bool", "__builtin__.bytes", "builtins.bytes",
    "__builtin__.long", "copy_reg._reconstructor", "copyreg._reconstructor",
    "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.nodes.AnyNode",
    "typing.Any", "transformers.training_args.TrainingArguments",
    "transformers.trainer_utils.IntervalStrategy", "transformers.trainer_utils.SchedulerType",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
  ]
}
