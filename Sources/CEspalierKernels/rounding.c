#include "CEspalierKernels.h"
#include "clones.h"

#include <math.h>
#include <string.h>

// Elements that are computed one by one: the same bits on every machine, so nothing is fused.
#pragma clang fp contract(off)

enum { block_count = 512 };

static float quieted(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits |= (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x400000 : 0;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

// MARK: - Rounding to a dtype

ESPALIER_CLONES_AVX2 static espalier_losses limit_f32(
    float *out, const float *in, size_t count, espalier_limits limits) {
  uint32_t overflow = 0, nan = 0;
  for (size_t i = 0; i < count; i++) {
    float value = quieted(in[i]);
    float magnitude = fabsf(value);
    int is_over = magnitude > limits.overflowing_f32 && magnitude < INFINITY;
    nan += value != value;
    overflow += is_over;
    float largest = copysignf(limits.finite_f32, value);
    out[i] = is_over && limits.saturates ? largest : value;
  }
  return (espalier_losses){overflow, nan};
}

ESPALIER_CLONES_AVX2 static espalier_losses limit_f64(
    float *out, const double *in, size_t count, espalier_limits limits) {
  uint32_t overflow = 0, nan = 0;
  for (size_t i = 0; i < count; i++) {
    double value = in[i];
    double magnitude = fabs(value);
    int is_over = magnitude > limits.overflowing && magnitude < INFINITY;
    nan += value != value;
    overflow += is_over;
    double largest = copysign(limits.finite, value);
    out[i] = (float)(is_over && limits.saturates ? largest : value);
  }
  return (espalier_losses){overflow, nan};
}

static size_t width_of(espalier_kind kind) {
  switch (kind) {
    case espalier_kind_f16:
    case espalier_kind_bf16: return 2;
    case espalier_kind_f32: return 4;
    case espalier_kind_f64: return 8;
    default: return 1;
  }
}

espalier_losses espalier_round_f32(
    void *out, const float *in, size_t count, espalier_kind kind, espalier_limits limits) {
  espalier_losses sum = {0, 0};
  float block[block_count];
  for (size_t start = 0; start < count; start += block_count) {
    size_t length = count - start < block_count ? count - start : block_count;
    espalier_losses losses = limit_f32(block, in + start, length, limits);
    sum.overflow += losses.overflow;
    sum.nan += losses.nan;
    espalier_from_f32((char *)out + start * width_of(kind), block, length, kind);
  }
  return sum;
}

espalier_losses espalier_round_f64(
    void *out, const double *in, size_t count, espalier_kind kind, espalier_limits limits) {
  espalier_losses sum = {0, 0};
  float block[block_count];
  for (size_t start = 0; start < count; start += block_count) {
    size_t length = count - start < block_count ? count - start : block_count;
    espalier_losses losses = limit_f64(block, in + start, length, limits);
    sum.overflow += losses.overflow;
    sum.nan += losses.nan;
    if (kind == espalier_kind_f64) {
      memcpy((char *)out + start * 8, in + start, length * 8);
    } else {
      espalier_from_f32((char *)out + start * width_of(kind), block, length, kind);
    }
  }
  return sum;
}

// MARK: - Sums

ESPALIER_CLONES_AVX2 void espalier_scale_f64(double *values, double factor, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] *= factor;
}

ESPALIER_CLONES_AVX2 void espalier_subtract_f64(
    double *values, const double *others, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] -= others[i];
}

ESPALIER_CLONES_AVX2 void espalier_add_scaled_f64(
    double *sums, const double *values, double factor, size_t count) {
  for (size_t i = 0; i < count; i++) sums[i] += values[i] * factor;
}

ESPALIER_CLONES_AVX2 void espalier_add_low_rank_row(
    double *values, float *row, const float *factors, const float *vectors, size_t rank,
    float scale, size_t count) {
  for (size_t i = 0; i < count; i++) row[i] = 0;
  for (size_t r = 0; r < rank; r++) {
    const float *vector = vectors + r * count;
    float factor = factors[r];
    for (size_t i = 0; i < count; i++) row[i] += factor * vector[i];
  }
  for (size_t i = 0; i < count; i++) values[i] += (double)(row[i] * scale);
}

// MARK: - TIES

ESPALIER_CLONES_AVX2 static void elect(
    double *values, double *deltas, size_t step, size_t models, const double *weights,
    const double *thresholds, double lambda, size_t count) {
  double election[block_count], sums[block_count], totals[block_count];
  for (size_t i = 0; i < count; i++) election[i] = sums[i] = totals[i] = 0;
  for (size_t m = 0; m < models; m++) {
    double *delta = deltas + m * step;
    double weight = weights[m], threshold = thresholds[m];
    for (size_t i = 0; i < count; i++) {
      double trimmed = (double)(float)fabs(delta[i]) >= threshold ? delta[i] * weight : 0;
      delta[i] = trimmed;
      election[i] += trimmed;
    }
  }
  for (size_t m = 0; m < models; m++) {
    const double *delta = deltas + m * step;
    double weight = weights[m];
    for (size_t i = 0; i < count; i++) {
      int agrees = delta[i] != 0 && (delta[i] > 0) == (election[i] >= 0);
      sums[i] += agrees ? delta[i] : 0;
      totals[i] += agrees ? weight : 0;
    }
  }
  for (size_t i = 0; i < count; i++) {
    double mean = totals[i] == 0 ? 0 : sums[i] / totals[i];
    values[i] += lambda * mean;
  }
}

void espalier_add_ties(
    double *values, double *deltas, size_t models, const double *weights, const double *thresholds,
    double lambda, size_t count) {
  for (size_t start = 0; start < count; start += block_count) {
    size_t length = count - start < block_count ? count - start : block_count;
    elect(values + start, deltas + start, count, models, weights, thresholds, lambda, length);
  }
}

ESPALIER_CLONES_AVX2 static void magnitudes(uint32_t *bits, const double *deltas, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float magnitude = (float)fabs(deltas[i]);
    memcpy(&bits[i], &magnitude, sizeof magnitude);
  }
}

void espalier_count_magnitudes(int64_t *counts, const double *deltas, size_t count, int32_t upper) {
  uint32_t bits[block_count];
  for (size_t start = 0; start < count; start += block_count) {
    size_t length = count - start < block_count ? count - start : block_count;
    magnitudes(bits, deltas + start, length);
    if (upper < 0) {
      for (size_t i = 0; i < length; i++) counts[bits[i] >> 16]++;
    } else {
      for (size_t i = 0; i < length; i++) {
        if (bits[i] >> 16 == (uint32_t)upper) counts[bits[i] & 0xFFFF]++;
      }
    }
  }
}
