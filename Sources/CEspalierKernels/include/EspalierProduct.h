// The portable matrix product. Row-major, f32; strides in elements.
#pragma once
#include <stddef.h>

/// The instruction set that the kernels chose for this processor: "avx512", "avx2", "baseline", "neon".
const char *_Nonnull espalier_instruction_set(void);

/// Columns in a packed panel.
size_t espalier_panel_width(void);

/// Rows that the inner kernel works on at once: shares of rows should be a multiple of it.
size_t espalier_panel_height(void);

/// Floats that the packed form of a right-hand side of `n` columns and depth `k` takes.
size_t espalier_packed_count(size_t n, size_t k);

/// Packs panels `first`..<`last` of a right-hand side b of `n` columns and depth `k` into `out`
/// (the start of the whole packed form). b(p, j) = b[p * row_stride + j * column_stride]; one of
/// the strides is 1.
void espalier_pack(
    float *_Nonnull out, const float *_Nonnull b, size_t n, size_t k, size_t row_stride,
    size_t column_stride, size_t first, size_t last);

/// What happens to a share of the output once its sums are complete.
typedef struct {
  /// Added to every row, or NULL. Starts at the output's column 0.
  const float *_Nullable bias;
  /// Gets GELU of the result, or NULL; the output then holds what went into it. May be the output.
  float *_Nullable gelu;
  size_t gelu_stride;
} espalier_epilogue;

/// A product c = a·b (+ c with `accumulate`): c is [m, n], a is [m, k], b is [k, n] and packed.
typedef struct {
  float *_Nonnull c;
  size_t c_stride;
  /// a(i, p) = a[i * row_stride + p * column_stride].
  const float *_Nonnull a;
  size_t row_stride;
  size_t column_stride;
  /// What `espalier_pack`, or for bfloat16 `espalier_bf16_pack`, wrote.
  const void *_Nonnull packed;
  size_t m;
  size_t n;
  size_t k;
  int accumulate;
  espalier_epilogue epilogue;
} espalier_product_operands;

/// Computes the columns of panels `first`..<`last` of a product in f32.
void espalier_product(espalier_product_operands operands, size_t first, size_t last);
