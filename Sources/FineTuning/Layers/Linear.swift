/// A dense layer `y = x·Wᵀ + b`, with weight `[output, input]` as PyTorch stores it.
///
/// While frozen, the weight is packed once for the product; while it trains, the product reads it as
/// it lies, for it changes with every step.
package struct Linear {
  package let weight: Parameter
  package let bias: Parameter
  private let packed: PackedWeight?

  /// A layer over two parameters. `packing: false` keeps a frozen weight as it lies, for weights
  /// that others pack together.
  package init(weight: Parameter, bias: Parameter, packing: Bool = true, math: Kernels) {
    self.weight = weight
    self.bias = bias
    packed = packing && !weight.trains ? PackedWeight(weight.values, kernels: math) : nil
    // The layout that products read is in memory now; the file's own need not stay there too.
    if packed != nil { weight.values.buffer.releasePages() }
  }

  /// Width of the output.
  package var outputSize: Int { weight.values.rows }

  /// out `[T, output]` = activation(x `[T, input]`·Wᵀ + b).
  ///
  /// - Parameters:
  ///   - addingBias: `false` leaves the bias to the code that uses the product.
  ///   - preactivation: gets what the activation saw, for the backward pass.
  package func forward(
    _ out: Matrix, _ x: Matrix, addingBias: Bool = true, activation: Activation = .none,
    preactivation: Matrix? = nil, math: Kernels
  ) {
    let bias = addingBias ? self.bias.vector : nil
    if let packed {
      packed.forward(out, x, bias: bias, activation: activation, preactivation: preactivation)
    } else {
      math.linear(
        out, x, weight: weight.values, bias: bias, activation: activation,
        preactivation: preactivation)
    }
  }

  /// Adds to the gradients of the rows that train: dW += dyᵀ·x and db += Σ dy, for them alone.
  ///
  /// - Parameter x: is computed only if the weight trains.
  package func accumulateGradients(dy: Matrix, x: @autoclosure () -> Matrix, math: Kernels) {
    if let training = weight.training {
      let x = x()
      for (rows, stacked) in weight.ranges {
        math.multiply(
          training.gradient.rows(stacked), dy.columns(rows), x, transpose: .first,
          accumulate: true)
      }
    }
    if let training = bias.training {
      for (rows, stacked) in bias.ranges {
        math.accumulateColumnSums(
          training.gradient.elements.elements(stacked), dy.columns(rows))
      }
    }
  }

  /// dx `[T, input]` (+)= dy `[T, output]`·W.
  package func backward(_ dx: Matrix, dy: Matrix, accumulate: Bool = false, math: Kernels) {
    math.multiply(dx, dy, weight.values, transpose: .none, accumulate: accumulate)
  }
}
