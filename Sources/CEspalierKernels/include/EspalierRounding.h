// Elements that are computed and rounded to a dtype. The results are the same on every machine.
#pragma once
#include "EspalierConvert.h"
#include <stddef.h>
#include <stdint.h>

/// What a dtype can hold.
typedef struct {
  /// The largest finite number, and the magnitude above which rounding to nearest leaves those.
  double finite, overflowing;
  /// The same for floats: every float above `overflowing_f32` is above `overflowing`, and no other.
  float finite_f32, overflowing_f32;
  /// Whether what is finite and too large becomes the largest finite number.
  _Bool saturates;
} espalier_limits;

/// How many numbers were finite and too large, and how many were none.
typedef struct {
  int64_t overflow, nan;
} espalier_losses;

/// out[i] = in[i] in a floating-point `kind` but f64, as espalier_from_f32 rounds, for i in 0..<count.
/// NaNs become quiet.
espalier_losses espalier_round_f32(
    void *_Nonnull out, const float *_Nonnull in, size_t count, espalier_kind kind,
    espalier_limits limits);

/// out[i] = in[i] rounded to float and then to a floating-point `kind`; f64 stays as it is.
espalier_losses espalier_round_f64(
    void *_Nonnull out, const double *_Nonnull in, size_t count, espalier_kind kind,
    espalier_limits limits);

/// values[i] *= factor.
void espalier_scale_f64(double *_Nonnull values, double factor, size_t count);

/// values[i] -= others[i].
void espalier_subtract_f64(double *_Nonnull values, const double *_Nonnull others, size_t count);

/// sums[i] += values[i]·factor, rounded twice.
void espalier_add_scaled_f64(
    double *_Nonnull sums, const double *_Nonnull values, double factor, size_t count);

/// row[i] = Σ factors[r]·vectors[r][i], in float and in this order; values[i] += row[i]·scale.
void espalier_add_low_rank_row(
    double *_Nonnull values, float *_Nonnull row, const float *_Nonnull factors,
    const float *_Nonnull vectors, size_t rank, float scale, size_t count);

/// Of deltas[m][i] those whose magnitude, as float, is at least thresholds[m], times weights[m], elect a
/// sign by their sum; values[i] += lambda·(the sum of those that agree / the sum of their weights).
/// `deltas` is scratch afterwards.
void espalier_add_ties(
    double *_Nonnull values, double *_Nonnull deltas, size_t models, const double *_Nonnull weights,
    const double *_Nonnull thresholds, double lambda, size_t count);

/// Counts the magnitudes of deltas[i], as floats, by their upper 16 bits; or, if `upper` is not
/// negative, those with these upper bits by their lower 16.
void espalier_count_magnitudes(
    int64_t *_Nonnull counts, const double *_Nonnull deltas, size_t count, int32_t upper);
