internal import CEspalierKernels

/// How wide the factors of a matrix product are while they are multiplied. What is stored, and the sums,
/// are `Float` either way.
package enum ProductPrecision: Sendable, Hashable, CaseIterable {
  /// As they are.
  case float32
  /// Rounded to bfloat16, as PyTorch's autocast does for linear layers. Attention stays in `Float`.
  case bfloat16
}

/// The C functions of a precision. Packed forms are opaque floats.
struct ProductKernels: Sendable {
  let precision: ProductPrecision

  /// Columns in a packed panel.
  var panelWidth: Int {
    precision == .float32 ? espalier_panel_width() : espalier_bf16_panel_width()
  }

  /// Rows that the inner kernel works on at once.
  var panelHeight: Int {
    precision == .float32 ? espalier_panel_height() : espalier_bf16_panel_height()
  }

  /// Floats that the packed form of a right-hand side of `n` columns and depth `k` takes.
  func packedCount(_ n: Int, _ k: Int) -> Int {
    precision == .float32 ? espalier_packed_count(n, k) : espalier_bf16_packed_count(n, k)
  }

  /// Packs panels `range` of a right-hand side of `n` columns and depth `k`.
  @unsafe func pack(
    _ out: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int, _ k: Int,
    rowStride: Int, columnStride: Int, _ range: Range<Int>
  ) {
    switch precision {
    case .float32:
      unsafe espalier_pack(
        out, b, n, k, rowStride, columnStride, range.lowerBound, range.upperBound)
    case .bfloat16:
      unsafe espalier_bf16_pack(
        out, b, n, k, rowStride, columnStride, range.lowerBound, range.upperBound)
    }
  }

  /// The columns of panels `range` of a product.
  @unsafe func product(_ operands: espalier_product_operands, _ range: Range<Int>) {
    switch precision {
    case .float32: unsafe espalier_product(operands, range.lowerBound, range.upperBound)
    case .bfloat16: unsafe espalier_bf16_product(operands, range.lowerBound, range.upperBound)
    }
  }
}
