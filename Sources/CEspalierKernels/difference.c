// How two tensors differ, in one pass over both.
#include "CEspalierKernels.h"
#include "clones.h"

#include <float.h>
#include <math.h>
#include <string.h>

// The same sums on every machine: eight lanes fixed by hand, and no fused multiply-add that one clone
// would use and another would not.
#pragma STDC FP_CONTRACT OFF

enum { LANES = 8 };

typedef struct {
  double max_abs[LANES], d2[LANES], a2[LANES], b2[LANES], ab[LANES];
  int64_t changed[LANES];
} lanes;

// Adds one element to lane l. `same` says that the bits are equal.
ESPALIER_INLINE void add(lanes *s, int l, double x, double y, int same, double atol, double rtol) {
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

ESPALIER_INLINE void finish(espalier_difference *out, const lanes *s) {
  for (int l = 0; l < LANES; l++) {
    out->max_abs = s->max_abs[l] > out->max_abs ? s->max_abs[l] : out->max_abs;
    out->d2 += s->d2[l];
    out->a2 += s->a2[l];
    out->b2 += s->b2[l];
    out->ab += s->ab[l];
    out->changed += s->changed[l];
  }
}

ESPALIER_CLONES void espalier_difference_f32(
    espalier_difference *out, const void *a, const void *b, size_t count, double atol,
    double rtol) {
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

ESPALIER_CLONES void espalier_difference_f64(
    espalier_difference *out, const void *a, const void *b, size_t count, double atol,
    double rtol) {
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

void espalier_difference_int64(
    espalier_difference *out, const void *a, const void *b, size_t count, int is_signed,
    double atol, double rtol) {
  lanes s;
  memset(&s, 0, sizeof s);
  const char *pa = a, *pb = b;
  for (size_t i = 0; i < count; i++) {
    uint64_t bits_x, bits_y;
    memcpy(&bits_x, pa + i * 8, 8);
    memcpy(&bits_y, pb + i * 8, 8);
    // The order of signed numbers is that of unsigned ones with the first bit turned.
    const uint64_t turn = is_signed ? (uint64_t)1 << 63 : 0;
    const int is_less = (bits_x ^ turn) < (bits_y ^ turn);
    const double d = (double)(is_less ? bits_y - bits_x : bits_x - bits_y);
    const double x = is_signed ? (double)(int64_t)bits_x : (double)bits_x;
    const double y = is_signed ? (double)(int64_t)bits_y : (double)bits_y;
    const int l = (int)(i % LANES);
    s.max_abs[l] = d > s.max_abs[l] ? d : s.max_abs[l];
    s.d2[l] += d * d;
    s.a2[l] += x * x;
    s.b2[l] += y * y;
    s.ab[l] += x * y;
    s.changed[l] += !(d <= atol + rtol * fabs(y));
  }
  finish(out, &s);
}
