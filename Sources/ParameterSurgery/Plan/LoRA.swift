internal import CheckpointFiles
internal import OrderedCollections

extension SurgeryPlan {
  /// Merges an adapter (`adapter_model.safetensors`, `adapter_config.json`) as PEFT's
  /// `merge_and_unload` does: W + (α/r)·B·A, computed in F32.
  mutating func mergeLora(_ operation: SurgeryOperation) throws -> Int {
    let adapter = try LoRAAdapter(folder: operation.argument)
    try demandKnown(adapter.checkpoint)
    var count = 0
    for layer in adapter.layers {
      let matches = entries.keys.filter {
        $0.string == layer.target || $0.string.hasSuffix("." + layer.target)
      }
      guard matches.count == 1, let key = matches.first, let tensor = entries[key]?.tensor else {
        throw SurgeryError(
          "\(operation): the adapter is for \(quoted(layer.target)), and "
            + (matches.isEmpty
              ? "there is no such tensor" : "\(matches.count) tensors have that name"))
      }
      replace(
        key, with: try adapter.merged(layer, into: tensor, operation),
        deed: "LoRA of rank \(layer.rank)")
      count += 1
    }
    for (name, tensor) in adapter.saved {
      let matches = entries.keys.filter { $0.string == name || $0.string.hasSuffix("." + name) }
      guard matches.count <= 1 else {
        throw SurgeryError("\(operation): \(quoted(name)) is the name of \(matches.count) tensors")
      }
      let key = matches.first ?? Key(name)
      if let old = entries[key]?.tensor, old.shape != tensor.shape {
        throw SurgeryError(
          "\(operation): \(quoted(key.string)) has the shape \(old.shape), the adapter's \(tensor.shape)"
        )
      }
      var entry = entries[key] ?? Entry(tensor: tensor, origin: nil)
      entry.tensor = tensor
      entry.deeds.append("from the adapter")
      entries[key] = entry
      count += 1
    }
    inputs += adapter.checkpoint.inputs
    return count
  }
}

/// A LoRA adapter as PEFT saves it.
struct LoRAAdapter {
  /// The two factors for one weight.
  struct Layer {
    /// The key of the weight without the wrapper's prefix.
    let target: String
    let a: Tensor
    let b: Tensor
    let rank: Int
    let scale: Float
    /// An embedding's factors are stored the other way round.
    let isEmbedding: Bool
  }

  private(set) var layers: [Layer] = []
  /// Tensors that the adapter replaces as a whole (`modules_to_save`, biases).
  private(set) var saved: [(String, Tensor)] = []
  /// The file of the factors.
  let checkpoint: Checkpoint
  private let fanInFanOut: Bool

  init(folder: String) throws {
    let configPath = Path.join(folder, "adapter_config.json")
    let config = try LoRAAdapter.configuration(configPath)
    let weights = ["adapter_model.safetensors", "adapter_model.bin"].map {
      Path.join(folder, $0)
    }
    .first { WholeFile.exists($0) }
    guard let weights else {
      throw SurgeryError("\(folder): there is no adapter_model.safetensors")
    }
    checkpoint = try Checkpoint.open(weights)
    fanInFanOut = config["fan_in_fan_out"]?.bool ?? false
    var halves: OrderedDictionary<String, (a: Tensor?, b: Tensor?, isEmbedding: Bool)> = [:]
    for (key, tensor) in checkpoint.tensors {
      var name = key.string
      for prefix in ["base_model.model.", "base_model."] where name.hasPrefix(prefix) {
        name.removeFirst(prefix.count)
        break
      }
      var isFactor = false
      for (mark, isA, isEmbedding) in [
        (".lora_A.weight", true, false), (".lora_B.weight", false, false),
        (".lora_embedding_A", true, true), (".lora_embedding_B", false, true),
      ] where name.hasSuffix(mark) {
        let target = String(name.dropLast(mark.count)) + ".weight"
        var half = halves[target] ?? (nil, nil, isEmbedding)
        if isA { half.a = tensor } else { half.b = tensor }
        halves[target] = half
        isFactor = true
      }
      if isFactor { continue }
      guard !name.contains(".lora_") else {
        throw SurgeryError(
          "\(weights): \(quoted(key.string)) is of a kind that is not merged (DoRA, biases)")
      }
      saved.append((name.replacing(".modules_to_save", with: ""), tensor))
    }
    var scaling = try LoRAScaling(config, configPath)
    for (target, half) in halves {
      guard let a = half.a, let b = half.b, a.shape.rank == 2, b.shape.rank == 2,
        let rank = a.shape.dimensions.first, rank > 0, b.shape[1] == rank
      else { throw SurgeryError("\(weights): the two factors for \(quoted(target)) do not fit") }
      let module = String(target.dropLast(".weight".count))
      let scale = try scaling.scale(of: module, rank: rank)
      layers.append(
        Layer(target: target, a: a, b: b, rank: rank, scale: scale, isEmbedding: half.isEmbedding))
    }
    guard !layers.isEmpty else { throw SurgeryError("\(weights): holds no LoRA factors") }
  }

  private static func configuration(_ path: String) throws -> JSONValue {
    do {
      let config = try JSONParser.parse(try WholeFile.read(path))
      if let type = config["peft_type"]?.string, type != "LORA" {
        throw SurgeryError("\(path): a \(type) adapter; only LORA is merged")
      }
      if config["use_dora"]?.bool == true {
        throw SurgeryError("\(path): a DoRA adapter; only plain LoRA is merged")
      }
      return config
    } catch var error as CheckpointError {
      if error.path.isEmpty { error.path = path }
      throw error
    }
  }

  /// The weight with the product of the factors added.
  func merged(_ layer: Layer, into tensor: Tensor, _ operation: SurgeryOperation) throws -> Tensor {
    // delta[o, i] = Σ B[o, r] A[r, i]; transposed for embeddings and Conv1D.
    let (outputs, inputs) = (layer.b.shape[0], layer.a.shape[1])
    let isTransposed = layer.isEmbedding || fanInFanOut
    let expected = isTransposed ? [inputs, outputs] : [outputs, inputs]
    guard tensor.shape.dimensions == expected, tensor.dtype.isFloatingPoint else {
      throw SurgeryError(
        "\(operation): \(quoted(layer.target)) has the shape \(tensor.shape), the adapter makes "
          + "\(expected)")
    }
    let rank = layer.rank
    let (columns, scale) = (expected[1], layer.scale)
    return try Tensor.computed(dtype: tensor.dtype, shape: tensor.shape, grain: columns) {
      let old = try tensor.readable()
      let (a, b) = (try layer.a.floats(), try layer.b.floats())
      // A row of the result is a sum of the rows of one factor.
      let vectors = isTransposed ? transposed(b, outputs, rank) : a
      return { range, sink in
        var row = [Float](repeating: 0, count: columns)
        var factors = [Float](repeating: 0, count: rank)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: columns) {
          let index = start / columns
          for r in 0..<rank {
            factors[r] = isTransposed ? a[r * inputs + index] : b[index * rank + r]
          }
          var values = try old.doubles(in: start..<start + columns)
          Elementwise.addRow(factors, of: vectors, times: scale, to: &values, &row)
          try sink.append(values.span)
        }
      }
    }
  }
}

/// A matrix of `rows` × `columns` with its dimensions exchanged.
private func transposed(_ matrix: [Float], _ rows: Int, _ columns: Int) -> [Float] {
  var result = [Float](repeating: 0, count: matrix.count)
  for row in 0..<rows {
    for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
  }
  return result
}

/// What the product of a module's factors is multiplied with.
private struct LoRAScaling {
  private let path: String
  private let alpha: Double?
  private let isRankStabilized: Bool
  private let rank: Double?
  private var alphas: Patterns
  private var ranks: Patterns

  /// What matches a module's name, or its end from a dot on, and its number.
  private typealias Patterns = [(matcher: KeyExpression.Matcher, number: Double)]

  /// - Throws: ``SurgeryError`` for a pattern that is not taken from a file, or has no number.
  init(_ config: JSONValue, _ path: String) throws(SurgeryError) {
    self.path = path
    alpha = config["lora_alpha"]?.double
    isRankStabilized = config["use_rslora"]?.bool == true
    rank = config["r"]?.double
    alphas = try LoRAScaling.patterns("alpha_pattern", config, path)
    ranks = try LoRAScaling.patterns("rank_pattern", config, path)
  }

  private static func patterns(
    _ name: String, _ config: JSONValue, _ path: String
  ) throws(SurgeryError) -> Patterns {
    var patterns: Patterns = []
    for (pattern, value) in config[name]?.object ?? [:] {
      let place = "\(path): `\(name)` \(quoted(pattern.string))"
      guard let number = value.double else { throw SurgeryError("\(place): expected a number") }
      do {
        let expression = try KeyExpression("(?:.*\\.)?(?:\(pattern.string))", .read)
        patterns.append((expression.matcher(), number))
      } catch {
        throw SurgeryError("\(place): \(error.reason)")
      }
    }
    return patterns
  }

  /// The number of the first pattern that matches, as PEFT has it.
  private static func number(for module: String, in patterns: inout Patterns) -> Double? {
    for index in patterns.indices where patterns[index].matcher.matches(module, .whole) {
      return patterns[index].number
    }
    return nil
  }

  /// α/r, or α/√r with rsLoRA.
  ///
  /// - Throws: ``SurgeryError`` when the configuration has no α, or another r than the factors.
  mutating func scale(of module: String, rank: Int) throws(SurgeryError) -> Float {
    let stated = LoRAScaling.number(for: module, in: &ranks) ?? self.rank
    if let stated, stated != Double(rank) {
      let text = Int(exactly: stated).map(String.init) ?? "\(stated)"
      throw SurgeryError(
        "\(path): `r` is \(text), the factors of \(quoted(module)) have the rank \(rank)")
    }
    guard let alpha = LoRAScaling.number(for: module, in: &alphas) ?? alpha, alpha.isFinite else {
      throw SurgeryError("\(path): `lora_alpha` is missing")
    }
    return Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)))
  }
}
