// The inner kernel of the matrix product, once for each instruction set: product.c includes this
// with KERNEL(name), TARGET, LANES (floats in a register), HEIGHT (rows at once) and VECTORS
// (registers a row) defined; so does product_bf16.c, with an ELEMENT of a and b that is a pair of
// bfloat16, neighbours in depth, and what MULTIPLY_ADD makes of pairs. No #pragma once: it is
// included several times.

#ifndef ELEMENT
#define ELEMENT float
#define MULTIPLY_ADD(sum, left, right) ((sum) + (left) * (right))
#endif

typedef float KERNEL(vector) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef ELEMENT KERNEL(elements) __attribute__((vector_size(LANES * 4), aligned(4)));

/// c = a·b (+ c), `rows` high and a panel wide; `rows` and `by_rows` are constants wherever this is
/// inlined. One multiply-add chain for each element, in order of depth, so that a result does not
/// depend on how the output was cut. `by_rows`: a's columns are neighbours, otherwise its rows are.
TARGET ESPALIER_INLINE void KERNEL(tile)(
    const int rows, const int by_rows, size_t depth, const ELEMENT *restrict a, size_t a_stride,
    const ELEMENT *restrict b, float *restrict c, size_t c_stride, int accumulate) {
  KERNEL(vector) sums[HEIGHT][VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      sums[i][v] = (KERNEL(vector)){0};
    }
    __builtin_prefetch(c + (size_t)i * c_stride, 1);
  }
  for (size_t p = 0; p < depth; p++) {
    KERNEL(elements) right[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) right[v] = *(const KERNEL(elements) *)(b + v * LANES);
    b += VECTORS * LANES;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      ELEMENT left = by_rows ? a[(size_t)i * a_stride] : a[i];
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) sums[i][v] = MULTIPLY_ADD(sums[i][v], left, right[v]);
    }
    a += by_rows ? 1 : a_stride;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      KERNEL(vector) *to = (KERNEL(vector) *)(c + (size_t)i * c_stride + v * LANES);
      *to = accumulate ? *to + sums[i][v] : sums[i][v];
    }
  }
}

/// The same for any number of rows up to HEIGHT and columns up to the panel's width.
TARGET static void KERNEL(edge)(
    size_t rows, size_t columns, int by_rows, size_t depth, const ELEMENT *a, size_t a_stride,
    const ELEMENT *b, float *c, size_t c_stride, int accumulate) {
  float whole[HEIGHT * VECTORS * LANES];
  float *to = c;
  size_t to_stride = c_stride;
  if (columns < VECTORS * LANES) {
    to = whole;
    to_stride = VECTORS * LANES;
    for (size_t i = 0; i < rows && accumulate; i++) {
      memcpy(whole + i * to_stride, c + i * c_stride, columns * sizeof *c);
      memset(whole + i * to_stride + columns, 0, (to_stride - columns) * sizeof *c);
    }
  }
  // A case for each number of rows: the loops inside are unrolled.
#define CASE(n) \
  case n: \
    if (by_rows) { \
      KERNEL(tile)(n, 1, depth, a, a_stride, b, to, to_stride, accumulate); \
    } else { \
      KERNEL(tile)(n, 0, depth, a, a_stride, b, to, to_stride, accumulate); \
    } \
    break;
  switch (rows) {
    CASE(1)
    CASE(2)
    CASE(3)
    CASE(4)
#if HEIGHT >= 6
    CASE(5)
    CASE(6)
#endif
#if HEIGHT >= 8
    CASE(7)
    CASE(8)
#endif
#if HEIGHT >= 12
    CASE(9)
    CASE(10)
    CASE(11)
    CASE(12)
#endif
  }
#undef CASE
  if (to == whole) {
    for (size_t i = 0; i < rows; i++) {
      memcpy(c + i * c_stride, whole + i * to_stride, columns * sizeof *c);
    }
  }
}

/// c[m × n] = a·b (+ c): b in panels `panel_stride` apart; a's tiles of HEIGHT rows
/// `a_tile_stride` apart.
TARGET static void KERNEL(block)(
    size_t m, size_t n, size_t depth, const ELEMENT *a, size_t a_stride, size_t a_tile_stride,
    int by_rows, const ELEMENT *b, size_t panel_stride, float *c, size_t c_stride, int accumulate) {
  const size_t width = VECTORS * LANES;
  for (size_t column = 0; column < n; column += width, b += panel_stride) {
    size_t columns = n - column < width ? n - column : width;
    const ELEMENT *left = a;
    for (size_t row = 0; row < m; row += HEIGHT, left += a_tile_stride) {
      size_t rows = m - row < HEIGHT ? m - row : HEIGHT;
      float *to = c + row * c_stride + column;
      if (rows < HEIGHT || columns < width) {
        KERNEL(edge)(rows, columns, by_rows, depth, left, a_stride, b, to, c_stride, accumulate);
      } else if (by_rows) {
        KERNEL(tile)(HEIGHT, 1, depth, left, a_stride, b, to, c_stride, accumulate);
      } else {
        KERNEL(tile)(HEIGHT, 0, depth, left, a_stride, b, to, c_stride, accumulate);
      }
    }
  }
}

#undef ELEMENT
#undef MULTIPLY_ADD
#undef KERNEL
#undef TARGET
#undef LANES
#undef HEIGHT
#undef VECTORS
