#include "EspalierBF16.h"

#include "clones.h"
#include "product_block.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma clang fp contract(fast)

// Elements of both factors are pairs of bfloat16, neighbours in depth, the first in the lower half:
// what VDPBF16PS multiplies. Sums are f32.

/// Rounded to the nearest, ties to even; NaN stays NaN.
ESPALIER_INLINE uint32_t rounded(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t nearest = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return (bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : nearest;
}

ESPALIER_INLINE uint32_t pair(float first, float second) {
  return rounded(first) | rounded(second) << 16;
}

#if defined(__x86_64__)

#define KERNEL(name) name##_bf16_avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")))
#define LANES 16
#define HEIGHT 12
#define VECTORS 2
#define ELEMENT uint32_t
#define MULTIPLY_ADD(sum, left, right) \
  (KERNEL(vector)) \
      _mm512_dpbf16_ps((__m512)(sum), (__m512bh)_mm512_set1_epi32((int)(left)), (__m512bh)(right))
#include "product_kernel.h"

#define EMULATION_TARGET __attribute__((target("avx2,fma")))
#define EMULATION_LANES 8

#else

#define EMULATION_TARGET
#define EMULATION_LANES 4

#endif

// The same numbers, nearly, on processors without the instruction: for tests, and to see what bf16
// does to a run before one has such a processor.
typedef float emulated __attribute__((vector_size(EMULATION_LANES * 4), aligned(4)));
typedef uint32_t emulated_pairs __attribute__((vector_size(EMULATION_LANES * 4), aligned(4)));

EMULATION_TARGET ESPALIER_INLINE emulated
multiply_add(emulated sum, uint32_t left, emulated_pairs right) {
  uint32_t low = left << 16, high = left & 0xFFFF0000;
  float first, second;
  memcpy(&first, &low, sizeof first);
  memcpy(&second, &high, sizeof second);
  sum += first * (emulated)(right << 16);
  return sum + second * (emulated)(right & 0xFFFF0000);
}

#define KERNEL(name) name##_bf16_emulated
#define TARGET EMULATION_TARGET
#define LANES EMULATION_LANES
#define HEIGHT 6
#define VECTORS 2
#define ELEMENT uint32_t
#define MULTIPLY_ADD(sum, left, right) multiply_add(sum, left, right)
#include "product_kernel.h"

typedef void (*block_function)(
    size_t m, size_t n, size_t depth, const uint32_t *a, size_t a_stride, size_t a_tile_stride,
    int by_rows, const uint32_t *b, size_t panel_stride, float *c, size_t c_stride, int accumulate);

typedef struct {
  block_function block;
  size_t height;
  size_t width;
  size_t depth;  // in pairs
} kernel_set;

static kernel_set chosen(void) {
#if defined(__x86_64__)
  if (espalier_has_native_bf16()) return (kernel_set){block_bf16_avx512, 12, 32, 192};
#endif
  return (kernel_set){block_bf16_emulated, 6, 2 * EMULATION_LANES, 192};
}

int espalier_has_native_bf16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return 0;
#endif
}

int espalier_can_emulate_bf16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

size_t espalier_bf16_panel_width(void) { return chosen().width; }

size_t espalier_bf16_panel_height(void) { return chosen().height; }

size_t espalier_bf16_packed_count(size_t n, size_t k) {
  size_t width = chosen().width;
  return (n + width - 1) / width * width * ((k + 1) / 2);
}

ESPALIER_CLONES static void pack_panel(
    uint32_t *out, const float *b, size_t columns, size_t width, size_t k, size_t row_stride,
    size_t column_stride) {
  for (size_t p = 0; p < k; p += 2, out += width) {
    const float *from = b + p * row_stride;
    size_t next = p + 1 < k ? row_stride : 0;
    for (size_t j = 0; j < columns; j++) {
      float first = from[j * column_stride];
      out[j] = pair(first, next ? from[j * column_stride + next] : 0);
    }
    for (size_t j = columns; j < width; j++) out[j] = 0;
  }
}

void espalier_bf16_pack(
    void *out, const float *b, size_t n, size_t k, size_t row_stride, size_t column_stride,
    size_t first, size_t last) {
  const size_t width = chosen().width, pairs = (k + 1) / 2;
  for (size_t panel = first; panel < last; panel++) {
    size_t column = panel * width;
    pack_panel(
        (uint32_t *)out + column * pairs, b + column * column_stride,
        n - column < width ? n - column : width, width, k, row_stride, column_stride);
  }
}

/// Tiles of `height` rows of a, each as [pairs, height], so that the kernel reads it in order.
ESPALIER_CLONES static void pack_left(
    uint32_t *out, const float *a, size_t row_stride, size_t column_stride, size_t m, size_t depth,
    size_t height) {
  size_t pairs = (depth + 1) / 2;
  for (size_t row = 0; row < m; row += height, out += pairs * height) {
    size_t rows = m - row < height ? m - row : height;
    for (size_t i = 0; i < rows; i++) {
      const float *from = a + (row + i) * row_stride;
      size_t p = 0;
      for (; p + 2 <= depth; p += 2) {
        out[p / 2 * height + i] = pair(from[p * column_stride], from[(p + 1) * column_stride]);
      }
      if (p < depth) out[p / 2 * height + i] = pair(from[p * column_stride], 0);
    }
  }
}

void espalier_bf16_product(espalier_product_operands operands, size_t first, size_t last) {
  const size_t m = operands.m, n = operands.n, k = operands.k;
  const size_t row_stride = operands.row_stride, column_stride = operands.column_stride;
  const size_t c_stride = operands.c_stride;
  const float *a = operands.a;
  const uint32_t *packed = operands.packed;
  const kernel_set kernels = chosen();
  const size_t width = kernels.width, height = kernels.height, pairs = (k + 1) / 2;
  const size_t most_rows = 16 * height;
  const size_t group = width < 64 ? 64 : width;
  const size_t start = first * width, end = last * width < n ? last * width : n;
  uint32_t left[16 * ESPALIER_MAX_HEIGHT * 192];

  for (size_t row = 0; row < m; row += most_rows) {
    size_t rows = m - row < most_rows ? m - row : most_rows;
    size_t p = 0;
    do {
      size_t depth = pairs - p < kernels.depth ? pairs - p : kernels.depth;
      size_t elements = k - 2 * p < 2 * depth ? k - 2 * p : 2 * depth;
      pack_left(
          left, a + row * row_stride + 2 * p * column_stride, row_stride, column_stride, rows,
          elements, height);
      int is_last = p + depth == pairs;
      for (size_t column = start; column < end; column += group) {
        size_t columns = end - column < group ? end - column : group;
        float *to = operands.c + row * c_stride + column;
        kernels.block(
            rows, columns, depth, left, height, depth * height, 0,
            packed + column * pairs + p * width, pairs * width, to, c_stride,
            operands.accumulate || p > 0);
        if (!is_last) continue;
        espalier_finish(to, c_stride, row, column, rows, columns, operands.epilogue);
      }
      p += depth;
    } while (p < pairs);
  }
}
