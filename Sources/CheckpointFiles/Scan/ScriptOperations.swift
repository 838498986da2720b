/// The operations of TorchScript that compute and do nothing else.
struct ScriptOperations {
  /// The functions and methods of the program itself.
  let functions: Set<Key>
  /// Those of them that the code that was checked may call.
  var called: Set<Key> = []

  init(functions: Set<Key>) { self.functions = functions }

  /// What in `tokens` is not on the list; `nil` when all is.
  mutating func check(_ tokens: [CodeTokens.Token]) -> String? {
    let aliases = ScriptOperations.aliases(in: tokens)
    var index = 0
    while index < tokens.count {
      defer { index += 1 }
      switch tokens[index].kind {
      case .name(let name):
        let isMember = index > 0 && tokens[index - 1].isSymbol(".")
        if isMember {
          let isCalled = index + 1 < tokens.count && tokens[index + 1].isSymbol("(")
          if functions.contains(Key(name)) {
            called.insert(Key(name))
          } else if isCalled, !ScriptOperations.tensors.contains(name) {
            return quoted(".\(name)(…)")
          }
        } else {
          let path = ScriptOperations.path(tokens, from: index)
          let end = index + 2 * path.count - 1
          let isCalled = end < tokens.count && tokens[end].isSymbol("(")
          if let complaint = check(path, isCalled: isCalled, aliases) { return complaint }
          if ["torch", "ops", "__torch__", "CONSTANTS"].contains(path[0]) { index = end - 1 }
        }
      case .symbol(let symbol) where symbol == UInt8(ascii: "("):
        // A value that is computed and called.
        if index > 0, tokens[index - 1].isSymbol(")") || tokens[index - 1].isSymbol("]") {
          return "a value that is called"
        }
      case .symbol(let symbol) where symbol == UInt8(ascii: "@"): return "a decorator"
      default: break
      }
    }
    return nil
  }

  private mutating func check(
    _ path: [String], isCalled: Bool, _ aliases: Set<Key>
  ) -> String? {
    let dotted = quoted(path.joined(separator: "."))
    switch path[0] {
    case "torch":
      return path.count == 2 && ScriptOperations.tensors.contains(path[1]) ? nil : dotted
    case "ops":
      guard path.count == 3, ScriptOperations.others[path[1]]?.contains(path[2]) == true else {
        return dotted
      }
    case "__torch__":
      if let last = path.last { called.insert(Key(last)) }
      if isCalled { called.insert(Key("__init__")) }
    default:
      if ScriptOperations.refused.contains(path[0]) { return dotted }
      guard isCalled, path.count == 1 else { return nil }
      if ScriptOperations.builtins.contains(path[0]) || aliases.contains(Key(path[0])) {
        return nil
      }
      return dotted
    }
    return nil
  }

  /// Names that are assigned functions of the program, and nothing else.
  private static func aliases(in tokens: [CodeTokens.Token]) -> Set<Key> {
    var found: Set<Key> = []
    var others: Set<Key> = []
    for index in tokens.indices.dropLast(2) {
      guard let name = tokens[index].name, tokens[index + 1].isSymbol("="),
        !tokens[index + 2].isSymbol("=")
      else { continue }
      if tokens[index + 2].name == "__torch__" {
        found.insert(Key(name))
      } else {
        others.insert(Key(name))
      }
    }
    return found.subtracting(others)
  }

  /// The names between dots that begin at `index`.
  private static func path(_ tokens: [CodeTokens.Token], from index: Int) -> [String] {
    var path: [String] = []
    var index = index
    while index < tokens.count, let name = tokens[index].name {
      path.append(name)
      guard index + 1 < tokens.count, tokens[index + 1].isSymbol(".") else { break }
      index += 2
    }
    return path
  }

  // MARK: The list

  private static func words(_ text: String) -> Set<String> {
    Set(text.split { $0 == " " || $0 == "\n" }.map(String.init))
  }

  /// Statements that the list does not have: a loop may not end.
  private static let refused: Set<String> = [
    "while", "with", "lambda", "import", "from", "global", "del", "try", "yield", "exec", "async",
    "await", "nonlocal",
  ]

  private static let builtins = words(
    """
    annotate unchecked_cast uninitialized isinstance len range int float bool str list dict tuple \
    complex abs min max sum sorted reversed enumerate zip ord chr hasattr getattr print \
    AssertionError Exception RuntimeError ValueError RaiseException Device device \
    if elif return in is and or not assert raise else
    """
  ).subtracting(["getattr", "hasattr"])

  private static let others: [String: Set<String>] = [
    "prim": words(
      """
      RaiseException unchecked_cast unchecked_unwrap_optional NumToTensor data device dtype \
      is_cpu is_cuda is_quantized is_sparse layout max min abs rangelist requires_grad type \
      Uninitialized EnumName EnumValue TupleIndex TupleUnpack itemsize nbytes tolist
      """),
    "quantized": words(
      """
      linear_prepack linear_prepack_fp16 linear_unpack linear_unpack_fp16 conv_prepack \
      conv1d_prepack conv2d_prepack conv3d_prepack conv1d_unpack conv2d_unpack conv3d_unpack \
      conv_unpack conv_transpose1d_prepack conv_transpose2d_prepack conv_transpose3d_prepack \
      conv_transpose1d_unpack conv_transpose2d_unpack conv_transpose3d_unpack \
      embedding_bag_prepack embedding_bag_unpack embedding_bag_byte_prepack \
      embedding_bag_4bit_prepack embedding_bag_byte_unpack embedding_bag_4bit_unpack \
      make_quantized_cell_params make_quantized_cell_params_dynamic \
      make_quantized_cell_params_fp16
      """),
    "sparse": words("qlinear_prepack qlinear_unpack"),
    "rnn": [],
  ]

  /// Operations under `torch.` and methods of tensors, lists, dictionaries and strings.
  private static let tensors = words(
    """
    Bool Complex Float Int Size FloatImplicit IntImplicit ScalarImplicit abs add add_ addmm all \
    allclose amax amin any append arange argmax argmin argsort as_strided as_tensor bitwise_and \
    bitwise_not bitwise_or bitwise_xor bmm broadcast_tensors capitalize cat ceil chunk clamp \
    clamp_ clear clone complex concat contiguous copy copy_ count cpu cumsum data dequantize \
    detach detach_ device dict diag diagonal dim div div_ dot empty empty_like endswith eq equal \
    erf exp exp2 expand expand_as extend eye fill_ find flatten flip float_power floor \
    floor_divide floordiv fmod format full full_like gather ge get gt index index_put_ \
    index_select insert int_repr is_complex is_contiguous is_floating_point isalpha isdigit isinf \
    isnan item items join keys le len lerp linspace list log log1p log2 logical_and logical_not \
    logical_or lower lstrip lt masked_fill masked_fill_ masked_select matmul max maximum mean min \
    minimum mm mul mul_ narrow ne neg new_empty new_full new_ones new_zeros nonzero norm numel \
    ones ones_like pad percentFormat permute pop popitem pow prod q_per_channel_axis \
    q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme \
    quantize_per_channel quantize_per_tensor range reciprocal remainder remove repeat \
    repeat_interleave replace requires_grad_ reshape resize_ reverse roll round rsqrt rstrip \
    scalar_tensor scatter select setdefault sigmoid sign sin size slice sort sorted split \
    split_with_sizes sqrt square squeeze stack startswith std str stride strip sub sub_ sum t \
    tanh tensor tile to tolist topk transpose tril triu trunc type type_as unbind unsqueeze \
    update upper values var view view_as where zero_ zeros zeros_like zip warn __and__ \
    __contains__ __derive_index __getitem__ __is__ __isnot__ __not__ __or__ __range_length \
    __xor__ __lshift__ __rshift__ __setitem__ _set_item _unwrap_optional
    """)
}
