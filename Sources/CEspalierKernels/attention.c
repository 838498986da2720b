#include "EspalierAttention.h"
#include "EspalierProduct.h"

#include "elementary.h"
#include "product_block.h"

#include <math.h>

// The products run on the inner kernels of the matrix product, over right-hand sides packed anew for
// every head; between them, rows of scores are worked on sixteen at a time.

#pragma clang fp contract(fast)

/// Sixteen lanes, so that sums have one order whatever the vector width of the processor.
#define LANES 16
typedef float floats __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t integers __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES), aligned(4)));

// Vectors are passed by address: by value they would have an ABI that depends on the processor.

ESPALIER_INLINE void choose(floats *out, const integers *mask, const floats *no) {
  *out = (floats)((*mask & (integers)*out) | (~*mask & (integers)*no));
}

/// espalier_expf of sixteen numbers at most 88.
ESPALIER_INLINE void exp_lanes(floats *x) {
  const floats shift = (floats){0} + 12582912.0f, least = (floats){0} - 87.3f;
  // A NaN is below nothing and stays.
  integers above = ~(*x < least);
  choose(x, &above, &least);
  floats rounded = *x * 1.44269504088896341f + shift;
  floats n = rounded - shift;
  floats r = *x - n * 0.693145751953125f;
  r = r - n * 1.42860682030941723212e-6f;
  floats p = (floats){0} + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  *x = p * (floats)(((bits)rounded + 127u) << 23);
}

/// espalier_dropout_factor of sixteen columns from `column` on.
ESPALIER_INLINE void dropout_lanes(
    floats *out, espalier_row_key key, uint32_t column, uint32_t threshold, float kept) {
  const bits lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  bits x = lanes + (column + key.first);
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= key.second;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  x ^= x >> 16;
  floats factor = (floats){0} + kept;
  *out = (floats)((bits)(x >= threshold) & (bits)factor);
}

ESPALIER_INLINE float sum_of(const floats *x) {
  float sum = 0.0f;
  for (size_t lane = 0; lane < LANES; lane++) sum += (*x)[lane];
  return sum;
}

ESPALIER_INLINE size_t padded(size_t count) { return (count + LANES - 1) / LANES * LANES; }

/// A row of `keys` products, in memory for a multiple of sixteen, becomes exponentials, dropped out
/// but not yet divided by their sum; returns the greatest score, the sum in *total.
ESPALIER_INLINE float softmax_row(
    float *row, size_t keys, float scale, espalier_dropout dropout, size_t number, float *total) {
  size_t end = padded(keys);
  for (size_t j = keys; j < end; j++) row[j] = -INFINITY;
  floats largest = (floats){0} - INFINITY;
  for (size_t j = 0; j < end; j += LANES) {
    floats s = *(const floats *)(row + j) * scale;
    integers greater = s > largest;
    floats larger = s;
    choose(&larger, &greater, &largest);
    largest = larger;
    *(floats *)(row + j) = s;
  }
  float most = -INFINITY;
  for (size_t lane = 0; lane < LANES; lane++) most = largest[lane] > most ? largest[lane] : most;
  floats sums = {0};
  for (size_t j = 0; j < end; j += LANES) {
    floats e = *(const floats *)(row + j) - most;
    exp_lanes(&e);
    sums += e;
    *(floats *)(row + j) = e;
  }
  if (dropout.probability > 0) {
    espalier_row_key key = espalier_dropout_key(dropout, number);
    uint32_t threshold = espalier_dropout_threshold(dropout);
    float kept = 1.0f / (1.0f - dropout.probability);
    for (size_t j = 0; j < end; j += LANES) {
      floats factor;
      dropout_lanes(&factor, key, (uint32_t)j, threshold, kept);
      *(floats *)(row + j) *= factor;
    }
  }
  *total = sum_of(&sums);
  return most;
}

ESPALIER_CLONES static void softmax_rows(
    float *scores, size_t stride, size_t rows, size_t keys, float scale, espalier_dropout dropout,
    size_t number, float *inverse, float *log_sum_exp) {
  for (size_t i = 0; i < rows; i++) {
    float sum;
    float most = softmax_row(scores + i * stride, keys, scale, dropout, number + i, &sum);
    inverse[i] = 1.0f / sum;
    if (log_sum_exp) log_sum_exp[i] = most + logf(sum);
  }
}

ESPALIER_CLONES static void scale_rows(
    float *out, size_t stride, const float *factors, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t d = 0; d < columns; d++) out[i * stride + d] *= factors[i];
  }
}

/// Scores and gradients of probabilities become dropped-out probabilities and gradients of scores.
ESPALIER_CLONES static void softmax_backward_rows(
    float *scores, float *gradients, size_t stride, size_t rows, size_t keys, espalier_head head,
    size_t first, const float *dcontext, const float *context, size_t context_stride,
    const float *log_sum_exp) {
  uint32_t threshold = espalier_dropout_threshold(head.dropout);
  float kept = 1.0f / (1.0f - head.dropout.probability);
  size_t end = padded(keys);
  for (size_t i = 0; i < rows; i++) {
    const float *g = dcontext + i * context_stride, *o = context + i * context_stride;
    floats products = {0};
    size_t d = 0;
    for (; d + LANES <= head.width; d += LANES) {
      products += *(const floats *)(g + d) * *(const floats *)(o + d);
    }
    float inner = sum_of(&products);
    for (; d < head.width; d++) inner += g[d] * o[d];

    espalier_row_key key = espalier_dropout_key(head.dropout, head.row + first + i);
    float *score = scores + i * stride, *gradient = gradients + i * stride;
    for (size_t j = 0; j < end; j += LANES) {
      floats p = *(const floats *)(score + j) * head.scale - log_sum_exp[i];
      exp_lanes(&p);
      floats dp = *(const floats *)(gradient + j), dropped = p;
      if (head.dropout.probability > 0) {
        floats factor;
        dropout_lanes(&factor, key, (uint32_t)j, threshold, kept);
        dp *= factor;
        dropped *= factor;
      }
      *(floats *)(score + j) = dropped;
      *(floats *)(gradient + j) = p * (dp - inner) * head.scale;
    }
  }
}

/// Packs a right-hand side of `n` columns and depth `k`; returns where the packed form ends.
static float *pack(
    float *out, const float *b, size_t n, size_t k, size_t row_stride, size_t column_stride) {
  size_t width = espalier_panel_width(), panels = (n + width - 1) / width;
  espalier_pack(out, b, n, k, row_stride, column_stride, 0, panels);
  return out + panels * width * k;
}

/// Rows of scores in scratch memory at a time.
static size_t block_rows(const espalier_kernel_set *kernels) { return 8 * kernels->height; }

/// `count` up to whole panels and lanes.
static size_t whole(const espalier_kernel_set *kernels, size_t count) {
  size_t width = kernels->width > LANES ? kernels->width : LANES;
  return (count + width - 1) / width * width;
}

size_t espalier_attention_scratch(size_t length, size_t width) {
  const espalier_kernel_set *kernels = espalier_kernels();
  size_t rows = block_rows(kernels), keys = whole(kernels, length), wide = whole(kernels, width);
  // k and v by keys, k by columns, q and dcontext of a block by columns, two blocks of scores, sums.
  return 2 * keys * width + wide * length + 2 * wide * rows + 2 * rows * keys + rows + 64;
}

void espalier_attention_forward(
    float *context, size_t context_stride, float *log_sum_exp, espalier_head head,
    float *scratch) {
  const espalier_kernel_set *kernels = espalier_kernels();
  const size_t keys = head.visible, width = head.width, stride = whole(kernels, keys);
  const size_t most = block_rows(kernels);
  float *k = scratch;
  float *v = pack(k, head.k, keys, width, 1, head.stride);
  float *scores = pack(v, head.v, width, keys, head.stride, 1);
  float *inverse = scores + most * stride;
  for (size_t row = 0; row < head.length; row += most) {
    size_t rows = head.length - row < most ? head.length - row : most;
    float *out = context + row * context_stride;
    float *save = log_sum_exp ? log_sum_exp + row : NULL;
    // Whole panels: what is beyond the keys is packed as zeros and overwritten below.
    kernels->block(
        rows, (keys + kernels->width - 1) / kernels->width * kernels->width, width,
        head.q + row * head.stride, head.stride, kernels->height * head.stride, 1, k,
        kernels->width * width, scores, stride, 0);
    softmax_rows(
        scores, stride, rows, keys, head.scale, head.dropout, head.row + row, inverse, save);
    kernels->block(
        rows, width, keys, scores, stride, kernels->height * stride, 1, v, kernels->width * keys,
        out, context_stride, 0);
    // Nothing to see: zeros, not a division by zero.
    if (keys > 0) scale_rows(out, context_stride, inverse, rows, width);
  }
}

static void clear_rows(float *out, size_t stride, size_t first, size_t last, size_t columns) {
  for (size_t i = first; i < last; i++) memset(out + i * stride, 0, columns * sizeof *out);
}

void espalier_attention_backward(
    float *dq, float *dk, float *dv, size_t d_stride, const float *dcontext, const float *context,
    size_t context_stride, const float *log_sum_exp, espalier_head head, float *scratch) {
  const espalier_kernel_set *kernels = espalier_kernels();
  const size_t keys = head.visible, width = head.width, stride = whole(kernels, keys);
  const size_t panel = kernels->width, height = kernels->height, most = block_rows(kernels);
  const size_t across = (keys + panel - 1) / panel * panel;
  clear_rows(dk, d_stride, keys, head.length, width);
  clear_rows(dv, d_stride, keys, head.length, width);
  if (keys == 0) {
    clear_rows(dq, d_stride, 0, head.length, width);
    return;
  }
  float *k = scratch;
  float *v = pack(k, head.k, keys, width, 1, head.stride);
  float *k_columns = pack(v, head.v, keys, width, 1, head.stride);
  float *block = pack(k_columns, head.k, width, keys, head.stride, 1);
  for (size_t row = 0; row < head.length; row += most) {
    const size_t rows = head.length - row < most ? head.length - row : most;
    const float *q = head.q + row * head.stride, *g = dcontext + row * context_stride;
    float *q_columns = block;
    float *g_columns = pack(q_columns, q, width, rows, head.stride, 1);
    float *scores = pack(g_columns, g, width, rows, context_stride, 1);
    float *gradients = scores + most * stride;
    kernels->block(
        rows, across, width, q, head.stride, height * head.stride, 1, k, panel * width, scores,
        stride, 0);
    kernels->block(
        rows, across, width, g, context_stride, height * context_stride, 1, v, panel * width,
        gradients, stride, 0);
    softmax_backward_rows(
        scores, gradients, stride, rows, keys, head, row, g, context + row * context_stride,
        context_stride, log_sum_exp + row);
    // dv += probabilitiesᵀ·dcontext, dk += gradientsᵀ·q: a's rows are neighbours.
    kernels->block(
        keys, width, rows, scores, stride, height, 0, g_columns, panel * rows, dv, d_stride,
        row > 0);
    kernels->block(
        keys, width, rows, gradients, stride, height, 0, q_columns, panel * rows, dk, d_stride,
        row > 0);
    kernels->block(
        rows, width, keys, gradients, stride, height * stride, 1, k_columns, panel * keys,
        dq + row * d_stride, d_stride, 0);
  }
}
