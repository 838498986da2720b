internal import CEspalierKernels

/// A linear layer's weight, laid out once for many products.
///
/// Worth it when the same weight meets several small batches; against thousands of rows, packing
/// again (``Kernels/linear(_:_:weight:bias:activation:preactivation:)``) costs a few percent and no
/// memory.
package struct PackedWeight: Sendable {
  /// Which product it is for.
  package enum Direction: Sendable, Hashable {
    /// x[T, K] · weight[N, K]ᵀ.
    case forward
    /// dy[T, N] · weight[N, K].
    case backward
  }

  /// The weight as it was given, [N, K].
  package let weight: Matrix
  /// Which product it is for.
  package let direction: Direction
  private let packed: FloatBuffer
  private let kernels: Kernels
  #if OneDNN
    /// What decided the layout, when it is oneDNN's.
    private let product: CompiledProduct?
  #endif

  /// Packs `weight` [N, K].
  package init(_ weight: Matrix, for direction: Direction = .forward, kernels: Kernels) {
    self.weight = weight
    self.direction = direction
    self.kernels = kernels
    let (n, k) =
      direction == .forward ? (weight.rows, weight.columns) : (weight.columns, weight.rows)
    var count = kernels.functions.packedCount(n, k)
    #if OneDNN
      product = n > 0 && k > 0 ? kernels.oneDNN?.packing(columns: n, depth: k) : nil
      // oneDNN's other kernels read weights as they lie.
      if kernels.oneDNN != nil { count = product?.packedFloats ?? 0 }
    #endif
    packed = FloatBuffer(count: count, content: .uninitialized)
    update()
  }

  /// Packs the weight again, after its elements have changed.
  package func update() {
    #if OneDNN
      if let oneDNN = kernels.oneDNN {
        if let product {
          oneDNN.pack(packed, weight, transposed: direction == .forward, for: product)
        }
        return
      }
    #endif
    kernels.pack(packed, weight, transposed: direction == .forward)
  }

  /// out = activation(x·weightᵀ + bias): `out` is [T, N], `x` is [T, K], `bias` is [N];
  /// `preactivation` [T, N] gets what the activation saw.
  package func forward(
    _ out: Matrix, _ x: Matrix, bias: Vector? = nil, activation: Activation = .none,
    preactivation: Matrix? = nil
  ) {
    precondition(direction == .forward, "the weight is packed for the backward")
    precondition(out.rows == x.rows && out.columns == weight.rows, "the product's shape")
    precondition(x.columns == weight.columns, "the factors' depth")
    let epilogue = Epilogue(bias: bias, activation: activation, preactivation: preactivation)
    epilogue.check(out)
    multiply(out, x, accumulate: false, epilogue)
  }

  /// dx = dy·weight (dx += with `accumulate`): `dx` is [T, K], `dy` is [T, N].
  package func backward(_ dx: Matrix, _ dy: Matrix, accumulate: Bool = false) {
    precondition(direction == .backward, "the weight is packed for the forward")
    precondition(dx.rows == dy.rows && dx.columns == weight.columns, "the product's shape")
    precondition(dy.columns == weight.rows, "the factors' depth")
    multiply(dx, dy, accumulate: accumulate, Epilogue())
  }

  private func multiply(_ out: Matrix, _ a: Matrix, accumulate: Bool, _ epilogue: Epilogue) {
    guard out.count > 0 else { return }
    #if OneDNN
      if let oneDNN = kernels.oneDNN {
        if let product {
          oneDNN.multiply(
            out, a, packed: packed, for: product, accumulate: accumulate, epilogue, kernels: kernels
          )
        } else {
          kernels.multiply(
            out, a, weight, transpose: direction == .forward ? .second : .none,
            accumulate: accumulate, epilogue)
        }
        return
      }
    #endif
    kernels.product(
      out, a, transposed: false, packed: packed, depth: a.columns, accumulate: accumulate, epilogue)
  }
}
