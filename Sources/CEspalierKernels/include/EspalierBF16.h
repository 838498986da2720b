// The matrix product with both factors rounded to bfloat16 and sums in f32, as PyTorch's autocast
// multiplies. Arguments as in EspalierProduct.h; the packed form is opaque.
#pragma once
#include "EspalierProduct.h"

#include <stddef.h>

/// Whether the processor multiplies bfloat16 natively (AVX512-BF16).
int espalier_has_native_bf16(void);

/// Whether the functions below work without that: slowly, and with sums that are rounded in another order.
int espalier_can_emulate_bf16(void);

/// Columns in a packed panel.
size_t espalier_bf16_panel_width(void);

/// Rows that the inner kernel works on at once.
size_t espalier_bf16_panel_height(void);

/// Four-byte words that the packed form of a right-hand side of `n` columns and depth `k` takes.
size_t espalier_bf16_packed_count(size_t n, size_t k);

/// Packs panels `first`..<`last` of a right-hand side, as `espalier_pack`.
void espalier_bf16_pack(
    void *_Nonnull out, const float *_Nonnull b, size_t n, size_t k, size_t row_stride,
    size_t column_stride, size_t first, size_t last);

/// Computes the columns of panels `first`..<`last` of a product, as `espalier_product`.
void espalier_bf16_product(espalier_product_operands operands, size_t first, size_t last);
