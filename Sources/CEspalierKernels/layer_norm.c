#include "elementary.h"

#include <math.h>

#pragma clang fp contract(fast)

// Sixteen running sums by hand: the same order, and so the same result, whatever the vector width.
#define LANES 16

ESPALIER_INLINE float sum_of_lanes(const float *lanes) {
  float sum = 0.0f;
  for (size_t lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}

ESPALIER_CLONES void espalier_layer_norm_rows(
    float *out, size_t out_stride, const float *in, size_t in_stride, const float *residual,
    size_t residual_stride, const float *bias, const float *gamma, const float *beta,
    float epsilon, float *normalized, size_t normalized_stride, float *inverse, size_t row,
    size_t rows, size_t columns, espalier_dropout dropout) {
  uint32_t threshold = espalier_dropout_threshold(dropout);
  float kept = 1.0f / (1.0f - dropout.probability);
  float scale = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    float *to = out + r * out_stride;
    const float *from = in + r * in_stride;
    if (bias) {
      for (size_t c = 0; c < columns; c++) to[c] = from[c] + bias[c];
      from = to;
    }
    if (dropout.probability > 0.0f) {
      espalier_row_key key = espalier_dropout_key(dropout, row + r);
      for (uint32_t c = 0; c < (uint32_t)columns; c++) {
        to[c] = from[c] * espalier_dropout_factor(key, c, threshold, kept);
      }
      from = to;
    }
    if (residual) {
      const float *beside = residual + r * residual_stride;
      for (size_t c = 0; c < columns; c++) to[c] = from[c] + beside[c];
      from = to;
    }

    float lanes[LANES] = {0};
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
      for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += from[c + lane];
    }
    float sum = 0.0f;
    for (; c < columns; c++) sum += from[c];
    float mean = (sum + sum_of_lanes(lanes)) * scale;

    float squares[LANES] = {0};
    for (c = 0; c + LANES <= columns; c += LANES) {
      for (size_t lane = 0; lane < LANES; lane++) {
        float d = from[c + lane] - mean;
        squares[lane] += d * d;
      }
    }
    sum = 0.0f;
    for (; c < columns; c++) sum += (from[c] - mean) * (from[c] - mean);
    float deviation = 1.0f / sqrtf((sum + sum_of_lanes(squares)) * scale + epsilon);

    if (normalized) {
      float *save = normalized + r * normalized_stride;
      for (c = 0; c < columns; c++) {
        float x = (from[c] - mean) * deviation;
        save[c] = x;
        to[c] = x * gamma[c] + beta[c];
      }
    } else {
      for (c = 0; c < columns; c++) to[c] = (from[c] - mean) * deviation * gamma[c] + beta[c];
    }
    if (inverse) inverse[r] = deviation;
  }
}

ESPALIER_CLONES void espalier_layer_norm_backward_rows(
    float *dx, size_t dx_stride, const float *dout, size_t dout_stride, const float *normalized,
    size_t normalized_stride, const float *inverse, const float *gamma, size_t rows,
    size_t columns) {
  float scale = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    float *to = dx + r * dx_stride;
    const float *from = dout + r * dout_stride;
    const float *x = normalized + r * normalized_stride;
    float sums[LANES] = {0}, products[LANES] = {0};
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
      for (size_t lane = 0; lane < LANES; lane++) {
        float g = from[c + lane] * gamma[c + lane];
        sums[lane] += g;
        products[lane] += g * x[c + lane];
      }
    }
    float sum = 0.0f, product = 0.0f;
    for (; c < columns; c++) {
      float g = from[c] * gamma[c];
      sum += g;
      product += g * x[c];
    }
    sum = (sum + sum_of_lanes(sums)) * scale;
    product = (product + sum_of_lanes(products)) * scale;
    for (c = 0; c < columns; c++) {
      to[c] = inverse[r] * (from[c] * gamma[c] - sum - x[c] * product);
    }
  }
}
