extension HarmlessGlobals {
  /// The module classes of PyTorch 2.13 and before, and of torchvision's oldest models.
  static let modules = """
    torch.nn.modules.activation: CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold LogSoftmax
    torch.nn.modules.adaptive: AdaptiveLogSoftmaxWithLoss
    torch.nn.modules.batchnorm: BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm _BatchNorm _LazyNormBase _NormBase
    torch.nn.modules.channelshuffle: ChannelShuffle
    torch.nn.modules.container: Container ModuleDict ModuleList ParameterDict ParameterList Sequential
    torch.nn.modules.conv: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d _ConvNd _ConvTransposeMixin _ConvTransposeNd
    torch.nn.modules.distance: CosineSimilarity PairwiseDistance
    torch.nn.modules.dropout: AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout _DropoutNd
    torch.nn.modules.flatten: Flatten Unflatten
    torch.nn.modules.fold: Fold Unfold
    torch.nn.modules.instancenorm: InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d _InstanceNorm
    torch.nn.modules.linear: Bilinear Identity LazyLinear Linear NonDynamicallyQuantizableLinear
    torch.nn.modules.loss: BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss LinearCrossEntropyLoss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss _Loss _WeightedLoss
    torch.nn.modules.module: Module _WrappedHook
    torch.nn.modules.normalization: CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm
    torch.nn.modules.padding: CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d _CircularPadNd _ConstantPadNd _ReflectionPadNd _ReplicationPadNd
    torch.nn.modules.pixelshuffle: PixelShuffle PixelUnshuffle
    torch.nn.modules.pooling: AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d _AdaptiveAvgPoolNd _AdaptiveMaxPoolNd _AvgPoolNd _LPPoolNd _MaxPoolNd _MaxUnpoolNd
    torch.nn.modules.rnn: GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase
    torch.nn.modules.sparse: Embedding EmbeddingBag
    torch.nn.modules.transformer: Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
    torch.nn.modules.upsampling: Upsample UpsamplingBilinear2d UpsamplingNearest2d
    torch.optim.swa_utils: AveragedModel SWALR
    torch.nn.utils.parametrizations: _OrthMaps _Orthogonal _SpectralNorm _WeightNorm
    torch.nn.utils.parametrize: ParametrizationList
    torch.nn.utils.prune: BasePruningMethod CustomFromMask Identity L1Unstructured LnStructured PruningContainer RandomStructured RandomUnstructured
    torch.nn.utils.spectral_norm: SpectralNorm SpectralNormLoadStateDictPreHook SpectralNormStateDictHook
    torch.nn.utils.weight_norm: WeightNorm
    torch.ao.nn.intrinsic.modules.fused: BNReLU2d BNReLU3d ConvAdd2d ConvAddReLU2d ConvBn1d ConvBn2d ConvBn3d ConvBnReLU1d ConvBnReLU2d ConvBnReLU3d ConvReLU1d ConvReLU2d ConvReLU3d LinearBn1d LinearLeakyReLU LinearReLU LinearTanh _FusedModule
    torch.ao.nn.intrinsic.qat.modules.conv_fused: ConvBn1d ConvBn2d ConvBn3d ConvBnReLU1d ConvBnReLU2d ConvBnReLU3d ConvReLU1d ConvReLU2d ConvReLU3d _ConvBnNd
    torch.ao.nn.intrinsic.qat.modules.linear_fused: LinearBn1d
    torch.ao.nn.intrinsic.qat.modules.linear_relu: LinearReLU
    torch.ao.nn.intrinsic.quantized.dynamic.modules.linear_relu: LinearReLU
    torch.ao.nn.intrinsic.quantized.modules.bn_relu: BNReLU2d BNReLU3d
    torch.ao.nn.intrinsic.quantized.modules.conv_add: ConvAdd2d ConvAddReLU2d
    torch.ao.nn.intrinsic.quantized.modules.conv_relu: ConvReLU1d ConvReLU2d ConvReLU3d
    torch.ao.nn.intrinsic.quantized.modules.linear_relu: LinearLeakyReLU LinearReLU LinearTanh
    torch.ao.nn.qat.dynamic.modules.linear: Linear
    torch.ao.nn.qat.modules.conv: Conv1d Conv2d Conv3d _ConvNd
    torch.ao.nn.qat.modules.embedding_ops: Embedding EmbeddingBag
    torch.ao.nn.qat.modules.linear: Linear
    torch.ao.nn.quantizable.modules.activation: MultiheadAttention
    torch.ao.nn.quantizable.modules.rnn: LSTM LSTMCell _LSTMLayer _LSTMSingleLayer
    torch.ao.nn.quantized.dynamic.modules.conv: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
    torch.ao.nn.quantized.dynamic.modules.linear: Linear
    torch.ao.nn.quantized.dynamic.modules.rnn: GRU GRUCell LSTM LSTMCell PackedParameter RNNBase RNNCell RNNCellBase
    torch.ao.nn.quantized.modules: DeQuantize Quantize
    torch.ao.nn.quantized.modules.activation: ELU Hardswish LeakyReLU MultiheadAttention PReLU ReLU6 Sigmoid Softmax
    torch.ao.nn.quantized.modules.batchnorm: BatchNorm2d BatchNorm3d _BatchNorm
    torch.ao.nn.quantized.modules.conv: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d _ConvNd _ConvTransposeNd
    torch.ao.nn.quantized.modules.dropout: Dropout
    torch.ao.nn.quantized.modules.embedding_ops: Embedding EmbeddingBag EmbeddingPackedParams
    torch.ao.nn.quantized.modules.functional_modules: FXFloatFunctional FloatFunctional QFunctional
    torch.ao.nn.quantized.modules.linear: Linear LinearPackedParams
    torch.ao.nn.quantized.modules.normalization: GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LayerNorm
    torch.ao.nn.quantized.modules.rnn: LSTM
    torch.ao.nn.quantized.modules.utils: WeightedQuantizedModule
    torch.ao.nn.quantized.reference.modules.conv: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d _ConvNd _ConvTransposeNd
    torch.ao.nn.quantized.reference.modules.linear: Linear
    torch.ao.nn.quantized.reference.modules.rnn: GRU GRUCell LSTM LSTMCell RNNBase RNNCell RNNCellBase
    torch.ao.nn.quantized.reference.modules.sparse: Embedding EmbeddingBag
    torch.ao.nn.quantized.reference.modules.utils: ReferenceQuantizedModule
    torch.ao.nn.sparse.quantized.dynamic.linear: Linear
    torch.ao.nn.sparse.quantized.linear: Linear LinearPackedParams
    torch.ao.nn.sparse.quantized.utils: LinearBlockSparsePattern
    torch.ao.quantization.observer: FixedQParamsObserver HistogramObserver MinMaxObserver MovingAverageMinMaxObserver MovingAveragePerChannelMinMaxObserver NoopObserver PerChannelMinMaxObserver PlaceholderObserver RecordingObserver
    torch.ao.quantization.fake_quantize: FakeQuantize FixedQParamsFakeQuantize FusedMovingAvgObsFakeQuantize
    torch.ao.quantization.stubs: DeQuantStub QuantStub QuantWrapper
    torch.nn.parallel.data_parallel: DataParallel
    torch.nn.intrinsic.modules.fused: ConvReLU2d LinearReLU ConvBn2d ConvBnReLU2d
    torch.nn.parallel.distributed: DistributedDataParallel
    torch.utils.hooks: RemovableHandle
    torchvision.models.resnet: ResNet BasicBlock Bottleneck
    torchvision.models.vgg: VGG
    torchvision.models.alexnet: AlexNet
    """

  /// What modules keep as attributes: activations and losses.
  static let functions = """
    torch.nn.functional: relu relu6 gelu silu mish tanh sigmoid softmax log_softmax leaky_relu elu selu celu hardtanh hardswish hardsigmoid softplus glu dropout cross_entropy nll_loss mse_loss l1_loss binary_cross_entropy binary_cross_entropy_with_logits
    torch._C._nn: gelu silu mish leaky_relu hardtanh softplus
    torch._C._VariableFunctions: relu tanh sigmoid
    """

  /// Functions that are members of a class, by the path of the class: activations and the curves of learning
  /// rates. Protocol 2 names them with `getattr`.
  static let members: [Key: Set<Key>] = [
    "torch._C._VariableFunctionsClass": [
      "celu", "dropout", "hardshrink", "log_softmax", "prelu", "relu", "rrelu", "selu", "sigmoid",
      "softmax", "tanh", "tanh_",
    ],
    "torch.optim.lr_scheduler.OneCycleLR": ["_annealing_cos", "_annealing_linear"],
    "torch.optim.swa_utils.SWALR": ["_cosine_anneal", "_linear_anneal"],
  ]
}
