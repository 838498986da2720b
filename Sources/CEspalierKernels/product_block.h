// What the matrix product and attention share: the inner kernels that fit this processor.
#pragma once
#include "EspalierProduct.h"

#include <stddef.h>

/// c[m × n] = a·b (+ c with `accumulate`), `depth` deep.
///
/// b lies in packed panels, `panel_stride` floats apart. a's element (i, p) is at
/// i * a_stride + p with `by_rows`, at i + p * a_stride without; tiles of `height` rows are
/// `a_tile_stride` apart.
typedef void (*espalier_block)(
    size_t m, size_t n, size_t depth, const float *a, size_t a_stride, size_t a_tile_stride,
    int by_rows, const float *b, size_t panel_stride, float *c, size_t c_stride, int accumulate);

typedef struct {
  const char *name;
  espalier_block block;
  size_t height;  // rows of a tile
  size_t width;   // columns of a panel
  size_t depth;   // depth of a block: its panel of b stays in the first-level cache
} espalier_kernel_set;

/// The kernels for this processor.
const espalier_kernel_set *espalier_kernels(void);

/// The most that `height`, `width` and `depth` are in any set.
#define ESPALIER_MAX_HEIGHT 12
#define ESPALIER_MAX_WIDTH 32
#define ESPALIER_MAX_DEPTH 256

/// Packs one panel: out[p * width + j] = b[p * row_stride + j * column_stride] for j < columns, 0
/// for the rest of the width. One of the strides is 1.
void espalier_pack_panel(
    float *out, const float *b, size_t columns, size_t width, size_t depth, size_t row_stride,
    size_t column_stride);

/// What follows the sums of a block of the output: `c` is its first element, (`row`, `column`) its place.
void espalier_finish(
    float *c, size_t c_stride, size_t row, size_t column, size_t rows, size_t columns,
    espalier_epilogue epilogue);
