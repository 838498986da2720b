/// The closed list of classes and functions beside those of a checkpoint that are harmless: what real
/// files hold, by module and exact name.
enum HarmlessGlobals {
  /// What the list says about a name; `nil` when it is not on it.
  static func use(module: String, name: String) -> GlobalRisk? {
    for table in tables {
      if table.names[module]?.contains(name) == true { return .harmless(table.use, table.reason) }
    }
    return nil
  }

  private struct Table: Sendable {
    let use: GlobalRisk.Use
    let reason: String
    /// Names by module.
    let names: [String: Set<String>]

    /// - Parameter text: a line for each module, `module: name name …`.
    init(_ use: GlobalRisk.Use, _ reason: String, _ text: String) {
      self.use = use
      self.reason = reason
      var names: [String: Set<String>] = [:]
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard let module = parts.first, let list = parts.last, parts.count == 2 else { continue }
        names[String(module), default: []].formUnion(list.split(separator: " ").map(String.init))
      }
      self.names = names
    }
  }

  private static let plain = "plain data; torch.load(weights_only=True) refuses it"

  private static let tables = [
    Table(.data, plain, data),
    Table(.container, plain, containers),
    Table(.enumeration, "an enumeration; torch.load(weights_only=True) refuses it", enumerations),
    Table(
      .instance, "a settings or state object; torch.load(weights_only=True) refuses it", objects),
    Table(
      .instance, "a module class of PyTorch: the file is a whole model, not a state dict", modules),
    Table(.data, "a function of PyTorch's modules", functions),
    Table(
      .enumeration, "the class of PyTorch's functions", "torch._C: _VariableFunctionsClass"),
    Table(.attribute, "a member of an enumeration", "builtins: getattr\n__builtin__: getattr"),
    Table(.script, "part of a TorchScript program", "torch.jit._pickle: \(scriptFunctions)"),
    Table(
      .reconstructor, "makes an object of a class that is named",
      "copyreg: _reconstructor\ncopy_reg: _reconstructor"),
    Table(.typeOf, "the type of None", "builtins: type\n__builtin__: type"),
    Table(
      .loader, "a tensor as a file of its own, which torch.load reads",
      "torch.storage: _load_from_bytes"),
  ]

  private static let scriptFunctions = """
    build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id \
    restore_type_tag
    """

  private static let builtinData = """
    object int float str dict tuple bool bytes long frozenset slice range xrange unicode Ellipsis \
    NotImplemented Exception ValueError TypeError KeyError IndexError RuntimeError AttributeError \
    AssertionError NotImplementedError StopIteration OSError IOError ImportError EOFError \
    BaseException ArithmeticError LookupError OverflowError ZeroDivisionError FloatingPointError \
    MemoryError NameError BufferError RecursionError ModuleNotFoundError StopAsyncIteration \
    FileNotFoundError FileExistsError PermissionError TimeoutError ConnectionError \
    InterruptedError IsADirectoryError NotADirectoryError KeyboardInterrupt SystemExit \
    UnicodeError UnicodeDecodeError UnicodeEncodeError Warning UserWarning RuntimeWarning \
    FutureWarning DeprecationWarning
    """

  private static let data = """
    builtins: \(builtinData)
    __builtin__: \(builtinData)
    exceptions: \(builtinData)
    argparse: Namespace
    types: SimpleNamespace
    typing: Any
    re: _compile RegexFlag
    array: array _array_reconstructor
    ipaddress: IPv4Address IPv4Network IPv6Address IPv6Network
    random: Random
    time: struct_time
    torch: OutOfMemoryError
    torch._C: OutOfMemoryError
    torch.nn.parameter: UninitializedBuffer UninitializedParameter
    torch.utils.data._utils.collate: default_collate default_convert
    collections: defaultdict
    copyreg: __newobj__ __newobj_ex__
    copy_reg: __newobj__ __newobj_ex__
    _io: BytesIO StringIO
    io: BytesIO StringIO
    datetime: datetime timedelta date time timezone
    decimal: Context Decimal DivisionByZero FloatOperation InvalidOperation Overflow
    fractions: Fraction
    uuid: UUID SafeUUID
    pathlib: Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath
    pathlib._local: Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath
    numpy: dtype ndarray matrix record recarray \(numpyScalars)
    numpy: poly1d
    numpy.char: chararray
    numpy.core.defchararray: chararray
    numpy._core.defchararray: chararray
    numpy._core._internal: _convert_to_stringdtype_kwargs
    numpy.rec: recarray record
    numpy.ma: MaskedArray
    numpy.ma.core: MaskedArray _mareconstruct
    numpy.matrixlib.defmatrix: matrix
    numpy.core.multiarray: _reconstruct scalar
    numpy._core.multiarray: _reconstruct scalar
    numpy.core.numeric: _frombuffer
    numpy._core.numeric: _frombuffer
    numpy.dtypes: \(numpyDTypes)
    numpy.random: __RandomState_ctor
    numpy.random._pickle: __randomstate_ctor __bit_generator_ctor __generator_ctor
    numpy.random._mt19937: MT19937
    numpy.random._pcg64: PCG64 PCG64DXSM
    numpy.random._philox: Philox
    numpy.random._sfc64: SFC64
    numpy.random.bit_generator: SeedSequence __pyx_unpickle_SeedSequence
    numpy.random._bit_generator: SeedSequence __pyx_unpickle_SeedSequence
    torch.torch_version: TorchVersion
    torch._C: Generator
    torch._utils: torch.contiguous_format torch.preserve_format torch.channels_last torch.channels_last_3d
    torch.nn.utils.rnn: PackedSequence PackedSequence_
    torch.nn.backends.thnn: _get_thnn_function_backend
    torch.amp.grad_scaler: _refresh_per_optimizer_state
    torch.cuda.amp.grad_scaler: _refresh_per_optimizer_state
    """

  private static let numpyScalars = """
    bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 \
    longdouble complex64 complex128 str_ bytes_ object_ datetime64 timedelta64 intc uintc void
    """

  private static let numpyDTypes = """
    BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType \
    UInt64DType Float16DType Float32DType Float64DType LongDoubleDType Complex64DType \
    Complex128DType ObjectDType StrDType BytesDType VoidDType DateTime64DType TimeDelta64DType
    """

  private static let containers = """
    builtins: list
    __builtin__: list
    collections: deque
    omegaconf.listconfig: ListConfig
    """

  private static let enumerations = """
    transformers.trainer_utils: IntervalStrategy SchedulerType HubStrategy SaveStrategy EvaluationStrategy FSDPOption
    transformers.training_args: OptimizerNames ParallelMode
    transformers.debug_utils: DebugOption
    transformers.utils.generic: ExplicitEnum PaddingStrategy TensorType
    transformers.utils.quantization_config: QuantizationMethod
    accelerate.utils.dataclasses: DistributedType PrecisionType DynamoBackend SageMakerDistributedType ComputeEnvironment LoggerType RNGType SaveMode
    peft.utils.peft_types: PeftType TaskType
    sentence_transformers.training_args: BatchSamplers MultiDatasetBatchSamplers
    torch.nn.attention: SDPBackend
    torch.distributed.fsdp.api: ShardingStrategy BackwardPrefetch StateDictType
    torch.distributed.checkpoint.metadata: _MEM_FORMAT_ENCODING
    lightning_fabric.utilities.enums: LightningEnum
    """

  private static let objects = """
    collections: UserDict UserList UserString ChainMap
    UserDict: UserDict IterableUserDict
    UserList: UserList
    UserString: UserString
    transformers.training_args: TrainingArguments
    transformers.training_args_seq2seq: Seq2SeqTrainingArguments
    transformers.trainer_pt_utils: AcceleratorConfig
    transformers.integrations.deepspeed: HfTrainerDeepSpeedConfig HfDeepSpeedConfig
    transformers.deepspeed: HfTrainerDeepSpeedConfig HfDeepSpeedConfig
    transformers.generation.configuration_utils: GenerationConfig
    transformers.configuration_utils: PretrainedConfig PreTrainedConfig
    accelerate.state: PartialState AcceleratorState
    accelerate.utils.dataclasses: DeepSpeedPlugin FullyShardedDataParallelPlugin GradientAccumulationPlugin ParallelismConfig
    sentence_transformers.training_args: SentenceTransformerTrainingArguments
    sentence_transformers.sentence_transformer.training_args: SentenceTransformerTrainingArguments
    sentence_transformers.cross_encoder.training_args: CrossEncoderTrainingArguments
    trl.trainer.sft_config: SFTConfig
    trl.trainer.dpo_config: DPOConfig
    trl.trainer.grpo_config: GRPOConfig
    trl.trainer.reward_config: RewardConfig
    peft.tuners.lora.config: LoraConfig LoftQConfig LoraRuntimeConfig
    peft.tuners.lora: LoraConfig
    omegaconf.dictconfig: DictConfig
    omegaconf.base: ContainerMetadata Metadata
    omegaconf.nodes: AnyNode IntegerNode FloatNode StringNode BooleanNode
    pytorch_lightning.callbacks.model_checkpoint: ModelCheckpoint
    pytorch_lightning.callbacks.early_stopping: EarlyStopping
    lightning.pytorch.callbacks.model_checkpoint: ModelCheckpoint
    lightning.pytorch.callbacks.early_stopping: EarlyStopping
    pytorch_lightning.utilities.parsing: AttributeDict
    lightning.pytorch.utilities.parsing: AttributeDict
    lightning_fabric.utilities.data: AttributeDict
    lightning.fabric.utilities.data: AttributeDict
    torch.distributed.checkpoint.metadata: Metadata TensorStorageMetadata BytesStorageMetadata MetadataIndex ChunkStorageMetadata TensorProperties StorageMeta
    torch.distributed.checkpoint.filesystem: _StorageInfo _StoragePrefix
    torch.utils.data.dataset: TensorDataset Subset ConcatDataset
    torch.utils.data.dataloader: DataLoader _InfiniteConstantSampler
    torch.utils.data.sampler: BatchSampler RandomSampler Sampler SequentialSampler SubsetRandomSampler WeightedRandomSampler
    torch.amp.grad_scaler: GradScaler
    torch: ScriptObject
    torch._C: ScriptObject
    torch.cuda.amp.grad_scaler: GradScaler
    torch.optim.optimizer: Optimizer _RequiredParameter
    torch.optim: Adafactor Muon
    torch.optim._adafactor: Adafactor
    torch.optim._muon: Muon
    torch.optim.adadelta: Adadelta
    torch.optim.adagrad: Adagrad
    torch.optim.adam: Adam
    torch.optim.adamax: Adamax
    torch.optim.adamw: AdamW
    torch.optim.asgd: ASGD
    torch.optim.lbfgs: LBFGS
    torch.optim.nadam: NAdam
    torch.optim.radam: RAdam
    torch.optim.rmsprop: RMSprop
    torch.optim.rprop: Rprop
    torch.optim.sgd: SGD
    torch.optim.sparse_adam: SparseAdam
    torch.optim.lr_scheduler: ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR LRScheduler LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR PolynomialLR ReduceLROnPlateau SequentialLR StepLR _LRScheduler
    """
}
