internal import CEspalierKernels

extension Kernels {
  /// out = GELU(x), the exact one (by erf), within 1e-6. Both are [T, C]; `out` may be `x`.
  package func geluForward(_ out: Matrix, _ x: Matrix) {
    unsafe elementwise(out, x) { out, x, _, count in unsafe espalier_gelu(out, x, count) }
  }

  /// dx = dout · GELU'(x), `x` being what went into the forward. All [T, C]; `dx` may be `dout`.
  package func geluBackward(_ dx: Matrix, _ dout: Matrix, _ x: Matrix) {
    unsafe elementwise(dx, dout, x) { unsafe espalier_gelu_backward($0, $1, $2, $3) }
  }

  /// out = max(x, 0). Both are [T, C]; `out` may be `x`.
  package func reluForward(_ out: Matrix, _ x: Matrix) {
    unsafe elementwise(out, x) { out, x, _, count in unsafe espalier_relu(out, x, count) }
  }

  /// dx = dout where y > 0, `y` being what the forward gave. All [T, C]; `dx` may be `dout`.
  package func reluBackward(_ dx: Matrix, _ dout: Matrix, _ y: Matrix) {
    unsafe elementwise(dx, dout, y) { unsafe espalier_relu_backward($0, $1, $2, $3) }
  }

  /// out = tanh(x). Both are [T, C]; `out` may be `x`.
  package func tanhForward(_ out: Matrix, _ x: Matrix) {
    unsafe elementwise(out, x) { out, x, _, count in unsafe espalier_tanh(out, x, count) }
  }

  /// dx = dout · (1 - y²), `y` being what the forward gave. All [T, C]; `dx` may be `dout`.
  package func tanhBackward(_ dx: Matrix, _ dout: Matrix, _ y: Matrix) {
    unsafe elementwise(dx, dout, y) { unsafe espalier_tanh_backward($0, $1, $2, $3) }
  }
}
