// Sixteen floats at a time, by the compiler's vectors: whatever the processor's width, the same order.
#pragma once
#include "elementary.h"

#pragma clang fp contract(fast)

#define ESPALIER_LANES 16
typedef float espalier_floats __attribute__((vector_size(4 * ESPALIER_LANES), aligned(4)));
typedef int32_t espalier_integers __attribute__((vector_size(4 * ESPALIER_LANES), aligned(4)));
typedef uint32_t espalier_bits __attribute__((vector_size(4 * ESPALIER_LANES), aligned(4)));

// Vectors are passed by address: by value they would have an ABI that depends on the processor.

/// out = mask ? out : no.
ESPALIER_INLINE void espalier_choose(
    espalier_floats *out, const espalier_integers *mask, const espalier_floats *no) {
  *out = (espalier_floats)((*mask & (espalier_integers)*out) | (~*mask & (espalier_integers)*no));
}

/// espalier_expf, with its coefficients, of sixteen numbers at most 88.
ESPALIER_INLINE void espalier_exp_lanes(espalier_floats *x) {
  const espalier_floats shift = (espalier_floats){0} + 12582912.0f;
  const espalier_floats least = (espalier_floats){0} - 87.3f;
  // A NaN is below nothing and stays.
  espalier_integers above = ~(*x < least);
  espalier_choose(x, &above, &least);
  espalier_floats rounded = *x * ESPALIER_LOG2_E + shift;
  espalier_floats n = rounded - shift;
  espalier_floats r = *x - n * ESPALIER_LN2_HIGH;
  r = r - n * ESPALIER_LN2_LOW;
  espalier_floats p = (espalier_floats){0} + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  *x = p * (espalier_floats)(((espalier_bits)rounded + 127u) << 23);
}

/// espalier_dropout_factor of sixteen columns from `column` on.
ESPALIER_INLINE void espalier_dropout_lanes(
    espalier_floats *out, espalier_row_key key, uint32_t column, uint32_t threshold, float kept) {
  const espalier_bits lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  espalier_bits x = lanes + (column + key.first);
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= key.second;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  x ^= x >> 16;
  espalier_floats factor = (espalier_floats){0} + kept;
  *out = (espalier_floats)((espalier_bits)(x >= threshold) & (espalier_bits)factor);
}

ESPALIER_INLINE float espalier_sum_of(const espalier_floats *x) {
  float sum = 0.0f;
  for (size_t lane = 0; lane < ESPALIER_LANES; lane++) sum += (*x)[lane];
  return sum;
}

/// `count` up to a multiple of sixteen.
ESPALIER_INLINE size_t espalier_padded(size_t count) {
  return (count + ESPALIER_LANES - 1) / ESPALIER_LANES * ESPALIER_LANES;
}
