#include "EspalierProduct.h"

#include "EspalierRows.h"
#include "clones.h"
#include "product_block.h"

#include <string.h>

#pragma clang fp contract(fast)

#if defined(__x86_64__)

#define KERNEL(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
#define LANES 16
#define HEIGHT 12
#define VECTORS 2
#include "product_kernel.h"

#define KERNEL(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define HEIGHT 6
#define VECTORS 2
#include "product_kernel.h"

#define KERNEL(name) name##_baseline
#define TARGET
#define LANES 4
#define HEIGHT 4
#define VECTORS 2
#include "product_kernel.h"

static const espalier_kernel_set avx512 = {"avx512", block_avx512, 12, 32, 192};
static const espalier_kernel_set avx2 = {"avx2", block_avx2, 6, 16, 256};
static const espalier_kernel_set baseline = {"baseline", block_baseline, 4, 8, 256};

const espalier_kernel_set *espalier_kernels(void) {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("fma")) {
    return &avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2;
  return &baseline;
}

#else

// Thirty-two registers of four floats on aarch64: 24 sums, 3 of b, one of a.
#define KERNEL(name) name##_baseline
#define TARGET
#define LANES 4
#define HEIGHT 8
#define VECTORS 3
#include "product_kernel.h"

#if defined(__aarch64__)
static const espalier_kernel_set baseline = {"neon", block_baseline, 8, 12, 256};
#else
static const espalier_kernel_set baseline = {"baseline", block_baseline, 8, 12, 256};
#endif

const espalier_kernel_set *espalier_kernels(void) { return &baseline; }

#endif

const char *espalier_instruction_set(void) { return espalier_kernels()->name; }

size_t espalier_panel_width(void) { return espalier_kernels()->width; }

size_t espalier_panel_height(void) { return espalier_kernels()->height; }

size_t espalier_packed_count(size_t n, size_t k) {
  size_t width = espalier_panel_width();
  return (n + width - 1) / width * width * k;
}

typedef float quad __attribute__((vector_size(16), aligned(4)));

/// Four rows of four floats, transposed.
ESPALIER_INLINE void transpose_4x4(float *out, size_t out_stride, const float *in, size_t stride) {
  quad r0 = *(const quad *)in, r1 = *(const quad *)(in + stride);
  quad r2 = *(const quad *)(in + 2 * stride), r3 = *(const quad *)(in + 3 * stride);
  quad a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5),
       b = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  quad c = __builtin_shufflevector(r0, r1, 2, 6, 3, 7),
       d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  *(quad *)out = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  *(quad *)(out + out_stride) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  *(quad *)(out + 2 * out_stride) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  *(quad *)(out + 3 * out_stride) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

ESPALIER_CLONES void espalier_pack_panel(
    float *out, const float *b, size_t columns, size_t width, size_t depth, size_t row_stride,
    size_t column_stride) {
  if (columns < width) {
    for (size_t p = 0; p < depth; p++) {
      for (size_t j = 0; j < width; j++) {
        out[p * width + j] = j < columns ? b[p * row_stride + j * column_stride] : 0.0f;
      }
    }
  } else if (column_stride == 1) {
    for (size_t p = 0; p < depth; p++) {
      memcpy(out + p * width, b + p * row_stride, width * sizeof *out);
    }
  } else {
    size_t p = 0;
    // A cache line of every column at a time.
    for (; p + 16 <= depth; p += 16) {
      for (size_t j = 0; j < width; j += 4) {
        for (size_t q = p; q < p + 16; q += 4) {
          transpose_4x4(out + q * width + j, width, b + q + j * column_stride, column_stride);
        }
      }
    }
    for (; p < depth; p++) {
      for (size_t j = 0; j < width; j++) out[p * width + j] = b[p + j * column_stride];
    }
  }
}

void espalier_pack(
    float *out, const float *b, size_t n, size_t k, size_t row_stride, size_t column_stride,
    size_t first, size_t last) {
  const size_t width = espalier_panel_width();
  // A block of depth of some panels at a time: long reads along the rows of b, and no more pages
  // at once than the processor keeps addresses of.
  const size_t panels = 128 / width, depth = 64;
  for (size_t group = first; group < last; group += panels) {
    size_t end = group + panels < last ? group + panels : last;
    for (size_t p = 0; p < k; p += depth) {
      for (size_t panel = group; panel < end; panel++) {
        size_t column = panel * width;
        espalier_pack_panel(
            out + column * k + p * width, b + p * row_stride + column * column_stride,
            n - column < width ? n - column : width, width, k - p < depth ? k - p : depth,
            row_stride, column_stride);
      }
    }
  }
}

/// Tiles of `height` rows of a, each as [depth, height], so that the kernel reads it in order.
ESPALIER_CLONES static void pack_left(
    float *out, const float *a, size_t row_stride, size_t column_stride, size_t m, size_t depth,
    size_t height) {
  for (size_t row = 0; row < m; row += height, out += depth * height) {
    size_t rows = m - row < height ? m - row : height;
    const float *from = a + row * row_stride;
    size_t p = 0;
    if (column_stride != 1) {
      for (; p < depth; p++) {
        if (rows == 6) {
          memcpy(out + p * height, from + p * column_stride, 6 * sizeof *out);
        } else if (rows == 12) {
          memcpy(out + p * height, from + p * column_stride, 12 * sizeof *out);
        } else {
          for (size_t i = 0; i < rows; i++) out[p * height + i] = from[p * column_stride + i];
        }
      }
      continue;
    }
    for (; p + 16 <= depth; p += 16) {
      size_t i = 0;
      for (; i + 4 <= rows; i += 4) {
        for (size_t q = p; q < p + 16; q += 4) {
          transpose_4x4(out + q * height + i, height, from + i * row_stride + q, row_stride);
        }
      }
      for (; i < rows; i++) {
        for (size_t q = p; q < p + 16; q++) out[q * height + i] = from[i * row_stride + q];
      }
    }
    for (; p < depth; p++) {
      for (size_t i = 0; i < rows; i++) out[p * height + i] = from[i * row_stride + p];
    }
  }
}

ESPALIER_CLONES static void add_bias(
    float *c, size_t stride, const float *bias, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) c[i * stride + j] += bias[j];
  }
}

void espalier_finish(
    float *c, size_t c_stride, size_t row, size_t column, size_t rows, size_t columns,
    espalier_epilogue epilogue) {
  if (epilogue.bias) add_bias(c, c_stride, epilogue.bias + column, rows, columns);
  if (epilogue.gelu) {
    espalier_gelu_rows(
        epilogue.gelu + row * epilogue.gelu_stride + column, epilogue.gelu_stride, c, c_stride,
        rows, columns);
  }
}

void espalier_product(espalier_product_operands operands, size_t first, size_t last) {
  const size_t m = operands.m, n = operands.n, k = operands.k;
  const size_t row_stride = operands.row_stride, column_stride = operands.column_stride;
  const size_t c_stride = operands.c_stride;
  const float *a = operands.a;
  const float *packed = operands.packed;
  const espalier_kernel_set *kernels = espalier_kernels();
  const size_t width = kernels->width, height = kernels->height;
  const size_t most_rows = 16 * height;
  // Enough columns for the epilogue to be worth a call, few enough to be in cache still.
  const size_t group = width < 64 ? 64 : width;
  const size_t start = first * width, end = last * width < n ? last * width : n;
  int by_rows = column_stride == 1;
  float left[16 * ESPALIER_MAX_HEIGHT * ESPALIER_MAX_DEPTH];

  for (size_t row = 0; row < m; row += most_rows) {
    size_t rows = m - row < most_rows ? m - row : most_rows;
    size_t p = 0;
    do {
      size_t depth = k - p < kernels->depth ? k - p : kernels->depth;
      const float *from = a + row * row_stride + p * column_stride;
      size_t a_stride = row_stride, tile_stride = height * row_stride;
      if (!by_rows) {
        pack_left(left, from, row_stride, column_stride, rows, depth, height);
        from = left;
        a_stride = height;
        tile_stride = depth * height;
      }
      int is_last = p + depth == k;
      for (size_t column = start; column < end; column += group) {
        size_t columns = end - column < group ? end - column : group;
        float *to = operands.c + row * c_stride + column;
        kernels->block(
            rows, columns, depth, from, a_stride, tile_stride, by_rows,
            packed + column * k + p * width, k * width, to, c_stride, operands.accumulate || p > 0);
        if (!is_last) continue;
        espalier_finish(to, c_stride, row, column, rows, columns, operands.epilogue);
      }
      p += depth;
    } while (p < k);
  }
}
