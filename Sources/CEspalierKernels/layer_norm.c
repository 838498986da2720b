#include "lanes.h"

#include <math.h>

// Rows are read sixteen elements at a time with sixteen running sums: one order, whatever the
// processor's width. What is left of a row follows one by one.

ESPALIER_INLINE espalier_floats *lanes_at(float *x) { return (espalier_floats *)x; }

ESPALIER_INLINE const espalier_floats *lanes_of(const float *x) {
  return (const espalier_floats *)x;
}

/// to = residual + dropout(from + bias); returns the mean. The flags are constants where this is
/// inlined.
ESPALIER_INLINE float residual_row(
    float *to, const float *from, const float *residual, const float *bias, int has_residual,
    int has_bias, int drops, espalier_row_key key, uint32_t threshold, float kept, size_t columns) {
  espalier_floats sums = {0};
  float sum = 0.0f;
  size_t c = 0;
  for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
    espalier_floats x = *lanes_of(from + c);
    if (has_bias) x += *lanes_of(bias + c);
    if (drops) {
      espalier_floats factor;
      espalier_dropout_lanes(&factor, key, (uint32_t)c, threshold, kept);
      x *= factor;
    }
    if (has_residual) x += *lanes_of(residual + c);
    *lanes_at(to + c) = x;
    sums += x;
  }
  for (; c < columns; c++) {
    float x = from[c];
    if (has_bias) x += bias[c];
    if (drops) x *= espalier_dropout_factor(key, (uint32_t)c, threshold, kept);
    if (has_residual) x += residual[c];
    to[c] = x;
    sum += x;
  }
  return (sum + espalier_sum_of(&sums)) / (float)columns;
}

ESPALIER_CLONES void espalier_layer_norm_rows(
    float *out, size_t out_stride, const float *in, size_t in_stride, const float *residual,
    size_t residual_stride, const float *bias, const float *gamma, const float *beta, float epsilon,
    float *normalized, size_t normalized_stride, float *inverse, size_t row, size_t rows,
    size_t columns, espalier_dropout dropout) {
  uint32_t threshold = espalier_dropout_threshold(dropout);
  float kept = 1.0f / (1.0f - dropout.probability);
  int drops = dropout.probability > 0.0f;
  for (size_t r = 0; r < rows; r++) {
    float *to = out + r * out_stride;
    const float *from = in + r * in_stride;
    const float *beside = residual ? residual + r * residual_stride : NULL;
    espalier_row_key key = espalier_dropout_key(dropout, row + r);
    float mean;
    if (drops && residual && bias) {
      mean = residual_row(to, from, beside, bias, 1, 1, 1, key, threshold, kept, columns);
    } else if (!drops && residual && bias) {
      mean = residual_row(to, from, beside, bias, 1, 1, 0, key, threshold, kept, columns);
    } else {
      mean = residual_row(
          to, from, beside, bias, residual != NULL, bias != NULL, drops, key, threshold, kept,
          columns);
    }

    espalier_floats squares = {0};
    float square = 0.0f;
    size_t c = 0;
    for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
      espalier_floats d = *lanes_of(to + c) - mean;
      squares += d * d;
    }
    for (; c < columns; c++) square += (to[c] - mean) * (to[c] - mean);
    float variance = (square + espalier_sum_of(&squares)) / (float)columns;
    float deviation = 1.0f / sqrtf(variance + epsilon);

    float *save = normalized ? normalized + r * normalized_stride : NULL;
    c = 0;
    for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
      espalier_floats x = (*lanes_of(to + c) - mean) * deviation;
      if (save) *lanes_at(save + c) = x;
      *lanes_at(to + c) = x * *lanes_of(gamma + c) + *lanes_of(beta + c);
    }
    for (; c < columns; c++) {
      float x = (to[c] - mean) * deviation;
      if (save) save[c] = x;
      to[c] = x * gamma[c] + beta[c];
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
    espalier_floats sums = {0}, products = {0};
    float sum = 0.0f, product = 0.0f;
    size_t c = 0;
    for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
      espalier_floats g = *lanes_of(from + c) * *lanes_of(gamma + c);
      sums += g;
      products += g * *lanes_of(x + c);
    }
    for (; c < columns; c++) {
      float g = from[c] * gamma[c];
      sum += g;
      product += g * x[c];
    }
    sum = (sum + espalier_sum_of(&sums)) * scale;
    product = (product + espalier_sum_of(&products)) * scale;
    float deviation = inverse[r];
    c = 0;
    for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
      espalier_floats g = *lanes_of(from + c) * *lanes_of(gamma + c);
      *lanes_at(to + c) = deviation * (g - sum - *lanes_of(x + c) * product);
    }
    for (; c < columns; c++) {
      to[c] = deviation * (from[c] * gamma[c] - sum - x[c] * product);
    }
  }
}
