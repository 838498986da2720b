#include "EspalierAttention.h"
#include "EspalierProduct.h"

#include "lanes.h"
#include "product_block.h"

#include <math.h>

// The products run on the inner kernels of the matrix product, over right-hand sides packed again for
// every head; between them, rows of scores are worked on sixteen at a time.

#pragma clang fp contract(fast)

/// A row of `keys` products, in memory for a multiple of sixteen, becomes exponentials, dropped out
/// but not yet divided by their sum; returns the greatest score, the sum in *total.
ESPALIER_INLINE float softmax_row(
    float *row, size_t keys, float scale, espalier_dropout dropout, size_t number, float *total) {
  size_t end = espalier_padded(keys);
  for (size_t j = keys; j < end; j++) row[j] = -INFINITY;
  espalier_floats largest = (espalier_floats){0} - INFINITY;
  for (size_t j = 0; j < end; j += ESPALIER_LANES) {
    espalier_floats s = *(const espalier_floats *)(row + j) * scale;
    espalier_integers greater = s > largest;
    espalier_floats larger = s;
    espalier_choose(&larger, &greater, &largest);
    largest = larger;
    *(espalier_floats *)(row + j) = s;
  }
  float most = -INFINITY;
  for (size_t lane = 0; lane < ESPALIER_LANES; lane++)
    most = largest[lane] > most ? largest[lane] : most;
  espalier_floats sums = {0};
  for (size_t j = 0; j < end; j += ESPALIER_LANES) {
    espalier_floats e = *(const espalier_floats *)(row + j) - most;
    espalier_exp_lanes(&e);
    sums += e;
    *(espalier_floats *)(row + j) = e;
  }
  if (dropout.probability > 0) {
    espalier_row_key key = espalier_dropout_key(dropout, number);
    uint32_t threshold = espalier_dropout_threshold(dropout);
    float kept = 1.0f / (1.0f - dropout.probability);
    for (size_t j = 0; j < end; j += ESPALIER_LANES) {
      espalier_floats factor;
      espalier_dropout_lanes(&factor, key, (uint32_t)j, threshold, kept);
      *(espalier_floats *)(row + j) *= factor;
    }
  }
  *total = espalier_sum_of(&sums);
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
  size_t end = espalier_padded(keys);
  for (size_t i = 0; i < rows; i++) {
    const float *g = dcontext + i * context_stride, *o = context + i * context_stride;
    espalier_floats products = {0};
    size_t d = 0;
    for (; d + ESPALIER_LANES <= head.width; d += ESPALIER_LANES) {
      products += *(const espalier_floats *)(g + d) * *(const espalier_floats *)(o + d);
    }
    float inner = espalier_sum_of(&products);
    for (; d < head.width; d++) inner += g[d] * o[d];

    espalier_row_key key = espalier_dropout_key(head.dropout, head.row + first + i);
    float *score = scores + i * stride, *gradient = gradients + i * stride;
    for (size_t j = 0; j < end; j += ESPALIER_LANES) {
      espalier_floats p = *(const espalier_floats *)(score + j) * head.scale - log_sum_exp[i];
      espalier_exp_lanes(&p);
      espalier_floats dp = *(const espalier_floats *)(gradient + j), dropped = p;
      if (head.dropout.probability > 0) {
        espalier_floats factor;
        espalier_dropout_lanes(&factor, key, (uint32_t)j, threshold, kept);
        dp *= factor;
        dropped *= factor;
      }
      *(espalier_floats *)(score + j) = dropped;
      *(espalier_floats *)(gradient + j) = p * (dp - inner) * head.scale;
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
  size_t width = kernels->width > ESPALIER_LANES ? kernels->width : ESPALIER_LANES;
  return (count + width - 1) / width * width;
}

size_t espalier_attention_scratch(size_t length, size_t width) {
  const espalier_kernel_set *kernels = espalier_kernels();
  size_t rows = block_rows(kernels), keys = whole(kernels, length), wide = whole(kernels, width);
  // k and v by keys, k by columns, q and dcontext of a block by columns, two blocks of scores, sums.
  return 2 * keys * width + wide * length + 2 * wide * rows + 2 * rows * keys + rows + 64;
}

void espalier_attention_forward(
    float *context, size_t context_stride, float *log_sum_exp, espalier_head head, float *scratch) {
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
