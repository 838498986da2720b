// exp, erf and hash in forms that the compiler vectorises: no branch, no table, no call.
#pragma once
#include "clones.h"
#include "EspalierRows.h"

#include <string.h>

// The polynomials want multiply-adds.
#pragma clang fp contract(fast)

ESPALIER_INLINE float espalier_float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// ln 2 in two parts, and 1/ln 2 (Cody and Waite, "Software Manual for the Elementary Functions",
// 1980): the first part has so few bits that its product with a small integer is exact.
#define ESPALIER_LOG2_E 1.44269504088896341f
#define ESPALIER_LN2_HIGH 0.693145751953125f
#define ESPALIER_LN2_LOW 1.42860682030941723212e-6f

/// e^x within 2 ulp for x in [-87, 88]; below, a number smaller than 1e-37; above, e^88.
ESPALIER_INLINE float espalier_expf(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
  const float shift = 12582912.0f;
  float rounded = x * ESPALIER_LOG2_E + shift;
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  float n = rounded - shift;
  float r = x - n * ESPALIER_LN2_HIGH;
  r = r - n * ESPALIER_LN2_LOW;
  // e^r = 1 + r + r²·P(r): the polynomial of Cephes' expf (S. L. Moshier, 1992), without the highest term.
  float p = 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  return p * espalier_float_of_bits((bits + 127u) << 23);
}

/// tanh(x) within 4e-7: a rational function up to 7.9, where tanh is 1 in floats.
ESPALIER_INLINE float espalier_tanhf(float x) {
  x = x < -7.90531110763549805f ? -7.90531110763549805f : x;
  x = x > 7.90531110763549805f ? 7.90531110763549805f : x;
  // The bounds and coefficients of Eigen's generic_fast_tanh_float (MathFunctionsImpl.h).
  float s = x * x;
  float p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return x * p / q;
}

/// A row's share of the hash that decides what is dropped.
typedef struct {
  uint32_t first, second;
} espalier_row_key;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
ESPALIER_INLINE uint64_t espalier_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

ESPALIER_INLINE espalier_row_key espalier_dropout_key(espalier_dropout dropout, size_t row) {
  // 2^64 divided by the golden ratio, SplitMix64's step; and an odd number to spread the streams.
  uint64_t z = espalier_mix(dropout.seed + 0x9E3779B97F4A7C15u);
  z = espalier_mix(z ^ ((uint64_t)dropout.stream * 0xD6E8FEB86659FD93u));
  z = espalier_mix(z + (uint64_t)row * 0x9E3779B97F4A7C15u);
  return (espalier_row_key){(uint32_t)z, (uint32_t)(z >> 32)};
}

/// 32 bits for one element of the row: the hash lowbias32 (C. Wellons, "Prospecting for Hash Functions", 2018), with half
/// of the key before the first multiplication and half after it.
ESPALIER_INLINE uint32_t espalier_dropout_bits(espalier_row_key key, uint32_t column) {
  uint32_t x = column + key.first;
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= key.second;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  x ^= x >> 16;
  return x;
}

/// Elements whose bits are below this are dropped.
ESPALIER_INLINE uint32_t espalier_dropout_threshold(espalier_dropout dropout) {
  double threshold = (double)dropout.probability * 4294967296.0;
  return threshold >= 4294967295.0 ? 4294967295u : (uint32_t)threshold;
}

/// 1/(1-p) for a kept element, 0 for a dropped one.
ESPALIER_INLINE float espalier_dropout_factor(
    espalier_row_key key, uint32_t column, uint32_t threshold, float keep) {
  return espalier_dropout_bits(key, column) >= threshold ? keep : 0.0f;
}
