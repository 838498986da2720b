#include "elementary.h"

#include <math.h>

ESPALIER_CLONES void espalier_add(float *out, const float *x, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = x[i] + y[i];
}

ESPALIER_CLONES void espalier_axpy(float *y, float scale, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

ESPALIER_CLONES void espalier_scale(float *x, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] *= scale;
}

ESPALIER_CLONES double espalier_sum_of_squares(const float *x, size_t count) {
  // Sixteen sums by hand: the same order whatever the vector width.
  double sums[16] = {0};
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) {
      double value = x[i + lane];
      sums[lane] += value * value;
    }
  }
  double sum = 0;
  for (; i < count; i++) sum += (double)x[i] * (double)x[i];
  for (size_t lane = 0; lane < 16; lane++) sum += sums[lane];
  return sum;
}

ESPALIER_CLONES void espalier_dropout_rows(
    float *out, size_t out_stride, const float *in, size_t in_stride, size_t row, size_t rows,
    size_t columns, espalier_dropout dropout) {
  uint32_t threshold = espalier_dropout_threshold(dropout);
  float keep = 1.0f / (1.0f - dropout.probability);
  for (size_t r = 0; r < rows; r++) {
    espalier_row_key key = espalier_dropout_key(dropout, row + r);
    float *to = out + r * out_stride;
    const float *from = in + r * in_stride;
    for (uint32_t c = 0; c < (uint32_t)columns; c++) {
      to[c] = from[c] * espalier_dropout_factor(key, c, threshold, keep);
    }
  }
}

ESPALIER_CLONES void espalier_embedding_rows(
    float *out, size_t out_stride, const float *words, size_t word_stride, const float *types,
    size_t type_stride, const float *positions, size_t position_stride, const int32_t *ids,
    const int32_t *type_ids, const int32_t *position_ids, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    float *to = out + r * out_stride;
    const float *word = words + (size_t)ids[r] * word_stride;
    const float *position = positions + (size_t)position_ids[r] * position_stride;
    if (types) {
      const float *type = types + (type_ids ? (size_t)type_ids[r] : 0) * type_stride;
      for (size_t c = 0; c < columns; c++) to[c] = (word[c] + type[c]) + position[c];
    } else {
      for (size_t c = 0; c < columns; c++) to[c] = word[c] + position[c];
    }
  }
}

ESPALIER_CLONES void espalier_column_sums(
    float *sums, const float *a, size_t a_stride, const float *b, size_t b_stride, size_t rows,
    size_t columns) {
  // Blocks of rows are summed from zero and then added: rounding grows with the number of blocks,
  // not of rows.
  float block[256];
  for (size_t start = 0; start < rows; start += 64) {
    size_t end = start + 64 < rows ? start + 64 : rows;
    for (size_t c = 0; c < columns; c++) block[c] = 0.0f;
    for (size_t r = start; r < end; r++) {
      const float *x = a + r * a_stride;
      if (b) {
        const float *y = b + r * b_stride;
        for (size_t c = 0; c < columns; c++) block[c] += x[c] * y[c];
      } else {
        for (size_t c = 0; c < columns; c++) block[c] += x[c];
      }
    }
    for (size_t c = 0; c < columns; c++) sums[c] += block[c];
  }
}

ESPALIER_CLONES void espalier_adamw_step(
    float *parameters, const float *gradients, float *first, float *second, size_t count,
    espalier_adamw step) {
  float keep = 1.0f - step.beta1, square_share = 1.0f - step.beta2;
  for (size_t i = 0; i < count; i++) {
    float g = gradients[i] * step.gradient_scale;
    float p = parameters[i] * step.decay;
    float m = first[i] + keep * (g - first[i]);
    float v = second[i] * step.beta2 + square_share * (g * g);
    float denominator = sqrtf(v) / step.root_correction + step.epsilon;
    parameters[i] = p - step.step_size * (m / denominator);
    first[i] = m;
    second[i] = v;
  }
}

void espalier_gather_rows(
    float *out, size_t out_stride, const float *table, size_t table_stride, const int32_t *indices,
    size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    float *to = out + r * out_stride;
    if (indices[r] < 0) {
      memset(to, 0, columns * sizeof *to);
    } else {
      memcpy(to, table + (size_t)indices[r] * table_stride, columns * sizeof *to);
    }
  }
}

ESPALIER_CLONES void espalier_scatter_add_rows(
    float *table, size_t table_stride, const float *in, size_t in_stride, const int32_t *indices,
    size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    if (indices[r] < 0) continue;
    float *to = table + (size_t)indices[r] * table_stride;
    const float *from = in + r * in_stride;
    for (size_t c = 0; c < columns; c++) to[c] += from[c];
  }
}
