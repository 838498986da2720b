// How two tensors differ, in one pass over both.
#include "CEspalierKernels.h"
#include <float.h>
#include <math.h>
#include <string.h>

// The same sums on every machine: eight lanes fixed by hand, and no fused multiply-add that one clone
// would use and another would not.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__GLIBC__)
#define ESPALIER_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ESPALIER_CLONES
#endif

enum { LANES = 8 };

typedef struct {
  double max_abs[LANES], d2[LANES], a2[LANES], b2[LANES], ab[LANES];
  int64_t changed[LANES];
} lanes;

// Adds one element to lane l. `same` says that the bits are equal.
static inline __attribute__((always_inline)) void add(
    lanes *s, int l, double x, double y, int same, double atol, double rtol) {
  same |= x == y;
  // An infinity or NaN that both have would make every sum meaningless; it is the same and counts as 0.
  int skip = same & !(fabs(x) <= DBL_MAX);
  x = skip ? 0.0 : x;
  y = skip ? 0.0 : y;
  double d = fabs(same ? 0.0 : y - x);
  s->max_abs[l] = d > s->max_abs[l] ? d : s->max_abs[l];
  s->d2[l] += d * d;
  s->a2[l] += x * x;
  s->b2[l] += y * y;
  s->ab[l] += x * y;
  // Written so that a NaN counts as changed.
  s->changed[l] += !(d <= atol + rtol * fabs(y));
}

static inline __attribute__((always_inline)) void finish(espalier_difference *out, const lanes *s) {
  for (int l = 0; l < LANES; l++) {
    out->max_abs = s->max_abs[l] > out->max_abs ? s->max_abs[l] : out->max_abs;
    out->d2 += s->d2[l];
    out->a2 += s->a2[l];
    out->b2 += s->b2[l];
    out->ab += s->ab[l];
    out->changed += s->changed[l];
  }
}

ESPALIER_CLONES
void espalier_difference_f32(
    espalier_difference *out, const void *a, const void *b, size_t count, double atol, double rtol) {
  lanes s;
  memset(&s, 0, sizeof s);
  const char *pa = a, *pb = b;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    float x[LANES], y[LANES];
    int32_t bx[LANES], by[LANES];
    memcpy(x, pa + i * 4, sizeof x);
    memcpy(y, pb + i * 4, sizeof y);
    memcpy(bx, pa + i * 4, sizeof bx);
    memcpy(by, pb + i * 4, sizeof by);
    for (int l = 0; l < LANES; l++) add(&s, l, x[l], y[l], bx[l] == by[l], atol, rtol);
  }
  for (; i < count; i++) {
    float x, y;
    memcpy(&x, pa + i * 4, 4);
    memcpy(&y, pb + i * 4, 4);
    add(&s, 0, x, y, memcmp(pa + i * 4, pb + i * 4, 4) == 0, atol, rtol);
  }
  finish(out, &s);
}

ESPALIER_CLONES
void espalier_difference_f64(
    espalier_difference *out, const void *a, const void *b, size_t count, double atol, double rtol) {
  lanes s;
  memset(&s, 0, sizeof s);
  const char *pa = a, *pb = b;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    double x[LANES], y[LANES];
    int64_t bx[LANES], by[LANES];
    memcpy(x, pa + i * 8, sizeof x);
    memcpy(y, pb + i * 8, sizeof y);
    memcpy(bx, pa + i * 8, sizeof bx);
    memcpy(by, pb + i * 8, sizeof by);
    for (int l = 0; l < LANES; l++) add(&s, l, x[l], y[l], bx[l] == by[l], atol, rtol);
  }
  for (; i < count; i++) {
    double x, y;
    memcpy(&x, pa + i * 8, 8);
    memcpy(&y, pb + i * 8, 8);
    add(&s, 0, x, y, memcmp(pa + i * 8, pb + i * 8, 8) == 0, atol, rtol);
  }
  finish(out, &s);
}

// A float of one sign bit, `e` exponent bits of the given bias and `m` fraction bits.
static inline double small_float(unsigned bits, int e, int m, int bias) {
  unsigned exponent = (bits >> m) & ((1u << e) - 1);
  unsigned fraction = bits & ((1u << m) - 1);
  double value = exponent ? ldexp((double)(fraction + (1u << m)), (int)exponent - bias - m)
                          : ldexp((double)fraction, 1 - bias - m);
  return (bits >> (e + m)) & 1 ? -value : value;
}

static inline double half(uint16_t h) {
  // Shift into a float's place, then correct the exponent by a multiplication; exact for subnormals.
  uint32_t magnitude = (uint32_t)(h & 0x7FFF) << 13;
  uint32_t bits = magnitude;
  float value;
  memcpy(&value, &bits, 4);
  value *= 0x1p112f;
  uint32_t special = magnitude | 0x7F800000u;
  float other;
  memcpy(&other, &special, 4);
  value = (h & 0x7C00) == 0x7C00 ? other : value;
  return h & 0x8000 ? -(double)value : (double)value;
}

#define WIDEN(type, expression)                \
  for (size_t i = 0; i < count; i++) {         \
    type v;                                    \
    memcpy(&v, p + i * sizeof(type), sizeof v); \
    out[i] = (double)(expression);             \
  }                                            \
  return 1

static inline double brain(uint16_t v) {
  uint32_t bits = (uint32_t)v << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

ESPALIER_CLONES
int espalier_widen_f64(double *out, const void *in, size_t count, int kind) {
  const char *p = in;
  switch (kind) {
    case ESPALIER_KIND_F64: memcpy(out, in, count * 8); return 1;
    case ESPALIER_KIND_F32: WIDEN(float, v);
    case ESPALIER_KIND_F16: WIDEN(uint16_t, half(v));
    case ESPALIER_KIND_BF16: WIDEN(uint16_t, brain(v));
    case ESPALIER_KIND_I64: WIDEN(int64_t, v);
    case ESPALIER_KIND_U64: WIDEN(uint64_t, v);
    case ESPALIER_KIND_I32: WIDEN(int32_t, v);
    case ESPALIER_KIND_U32: WIDEN(uint32_t, v);
    case ESPALIER_KIND_I16: WIDEN(int16_t, v);
    case ESPALIER_KIND_U16: WIDEN(uint16_t, v);
    case ESPALIER_KIND_I8: WIDEN(int8_t, v);
    case ESPALIER_KIND_U8: WIDEN(uint8_t, v);
    case ESPALIER_KIND_F8_E4M3:
      WIDEN(uint8_t, (v & 0x7F) == 0x7F ? NAN : small_float(v, 4, 3, 7));
    case ESPALIER_KIND_F8_E5M2: WIDEN(uint8_t, half((uint16_t)(v << 8)));
    case ESPALIER_KIND_F8_E4M3FNUZ: WIDEN(uint8_t, v == 0x80 ? NAN : small_float(v, 4, 3, 8));
    case ESPALIER_KIND_F8_E5M2FNUZ: WIDEN(uint8_t, v == 0x80 ? NAN : small_float(v, 5, 2, 16));
    case ESPALIER_KIND_F8_E8M0: WIDEN(uint8_t, v == 0xFF ? NAN : ldexp(1.0, (int)v - 127));
    default: return 0;
  }
}
