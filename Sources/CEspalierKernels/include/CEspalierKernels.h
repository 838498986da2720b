// C kernels: element conversions, row kernels and the portable matrix product.
// Every function states its contract; none allocates and none keeps a pointer.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "EspalierAttention.h"
#include "EspalierBF16.h"
#include "EspalierConvert.h"
#include "EspalierFiles.h"
#include "EspalierPool.h"
#include "EspalierProduct.h"
#include "EspalierRounding.h"
#include "EspalierRows.h"
#include "EspalierSHA256.h"

/// out[i] = the float whose upper half is in[i] (bfloat16), for i in 0..<count.
void espalier_bf16_to_f32(float *_Nonnull out, const uint16_t *_Nonnull in, size_t count);

// MARK: - Differences (difference.c)

/// Sums over pairs of elements x of a and y of b. An infinity or NaN that both have with the same
/// bits counts as no difference and as 0 in the sums.
typedef struct {
  /// The greatest |y - x|. NaNs are left out; they make d2 NaN.
  double max_abs;
  /// The sums of (y - x)², x², y² and xy.
  double d2, a2, b2, ab;
  /// Elements with different bits for which |y - x| <= atol + rtol·|y| does not hold.
  int64_t changed;
} espalier_difference;

/// Adds `count` pairs of floats to `out`. No alignment is needed. The sums are the same on every
/// machine.
void espalier_difference_f32(
    espalier_difference *_Nonnull out, const void *_Nonnull a, const void *_Nonnull b, size_t count,
    double atol, double rtol);

/// Adds `count` pairs of whole numbers of 64 bits to `out`, as above; their differences are exact until they are
/// rounded to a double.
void espalier_difference_int64(
    espalier_difference *_Nonnull out, const void *_Nonnull a, const void *_Nonnull b, size_t count,
    int is_signed, double atol, double rtol);

/// Adds `count` pairs of doubles to `out`, as above.
void espalier_difference_f64(
    espalier_difference *_Nonnull out, const void *_Nonnull a, const void *_Nonnull b, size_t count,
    double atol, double rtol);
