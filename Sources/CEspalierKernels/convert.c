#include "CEspalierKernels.h"
#include "clones.h"

#include <math.h>
#include <string.h>

// Elements in a file lie at any address.
#define PACKED(type, name) typedef type __attribute__((aligned(1), may_alias)) name
PACKED(uint16_t, packed_u16);
PACKED(int16_t, packed_i16);
PACKED(uint32_t, packed_u32);
PACKED(int32_t, packed_i32);
PACKED(uint64_t, packed_u64);
PACKED(int64_t, packed_i64);
PACKED(_Float16, packed_f16);
PACKED(float, packed_f32);
PACKED(double, packed_f64);

void espalier_bf16_to_f32(float *out, const uint16_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)in[i] << 16;
    memcpy(&out[i], &bits, sizeof bits);
  }
}

static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// MARK: Eight-bit floats

// The layout of an eight-bit float: mantissa bits, exponent bias, and whether it is of the FNUZ
// family (one NaN at 0x80, no infinity, no negative zero).
typedef struct {
  int mantissa, bias, fnuz;
} tiny_layout;

static tiny_layout layout_of(espalier_kind kind) {
  switch (kind) {
    case espalier_kind_f8_e5m2: return (tiny_layout){2, 15, 0};
    case espalier_kind_f8_e4m3: return (tiny_layout){3, 7, 0};
    case espalier_kind_f8_e4m3fnuz: return (tiny_layout){3, 8, 1};
    default: return (tiny_layout){2, 16, 1};
  }
}

static float decode_tiny(uint8_t code, espalier_kind kind) {
  if (kind == espalier_kind_f8_e8m0) return code == 255 ? NAN : ldexpf(1, code - 127);
  tiny_layout layout = layout_of(kind);
  int magnitude = code & 0x7F;
  if (layout.fnuz && code == 0x80) return NAN;
  if (kind == espalier_kind_f8_e4m3 && magnitude == 0x7F) return code & 0x80 ? -NAN : NAN;
  float value;
  if (kind == espalier_kind_f8_e5m2 && magnitude >= 0x7C) {
    value = magnitude == 0x7C ? INFINITY : NAN;
  } else {
    int exponent = magnitude >> layout.mantissa;
    int fraction = magnitude & ((1 << layout.mantissa) - 1);
    if (exponent == 0) {
      value = ldexpf((float)fraction, 1 - layout.bias - layout.mantissa);
    } else {
      value = ldexpf(
          (float)(fraction + (1 << layout.mantissa)), exponent - layout.bias - layout.mantissa);
    }
  }
  return code & 0x80 ? -value : value;
}

static uint8_t encode_e8m0(float value) {
  uint32_t bits = to_bits(value);
  uint32_t exponent = (bits >> 23) & 0xFF;
  if (exponent == 0xFF) return 0xFF;
  // To nearest, ties to even, where zero's exponent counts as even.
  int up = (bits & 0x400000) && ((bits & 0x3FFFFF) || exponent > 0);
  return (uint8_t)(exponent + (up ? 1 : 0));
}

// Without branches, so that the loops around it become vector code.
ESPALIER_INLINE uint8_t
encode_tiny(float value, int mantissa, int bias, int fnuz, uint32_t largest) {
  uint32_t bits = to_bits(value);
  uint32_t sign = (bits >> 24) & 0x80;
  uint32_t magnitude = bits & 0x7FFFFFFF;
  int shift = 23 - mantissa;
  uint32_t odd = (magnitude >> shift) & 1;
  uint32_t normal =
      ((magnitude + (1u << (shift - 1)) - 1 + odd) >> shift) - ((uint32_t)(127 - bias) << mantissa);
  // Adding this leaves a multiple of the smallest subnormal number in the lowest bits, rounded.
  uint32_t anchor = (uint32_t)(127 + 23 - (bias - 1 + mantissa)) << 23;
  uint32_t subnormal = to_bits(from_bits(magnitude) + from_bits(anchor)) - anchor;
  uint32_t smallest_normal = (uint32_t)(127 + 1 - bias) << 23;
  uint32_t code = magnitude < smallest_normal ? subnormal : normal;
  if (fnuz) {
    uint32_t result = code == 0 ? 0 : sign | code;
    return (uint8_t)(code > 0x7F || magnitude > 0x7F800000 ? 0x80 : result);
  }
  // E5M2 has an infinity; E4M3 has none, and PyTorch keeps what is too large at its largest.
  uint32_t result = sign | (code > largest ? largest : code);
  return (uint8_t)(magnitude > 0x7F800000 ? sign | 0x7F : result);
}

// MARK: To float and double

#define LOOP(type) \
  { \
    const type *source = in; \
    for (size_t i = 0; i < count; i++) out[i] = source[i]; \
    return; \
  }

#define LOOP_TINY() \
  { \
    const uint8_t *source = in; \
    float table[256]; \
    for (int code = 0; code < 256; code++) table[code] = decode_tiny((uint8_t)code, kind); \
    for (size_t i = 0; i < count; i++) out[i] = table[source[i]]; \
    return; \
  }

#define LOOP_BF16() \
  { \
    const packed_u16 *source = in; \
    for (size_t i = 0; i < count; i++) out[i] = from_bits((uint32_t)source[i] << 16); \
    return; \
  }

#define LOOP_BOOL() \
  { \
    const uint8_t *source = in; \
    for (size_t i = 0; i < count; i++) out[i] = source[i] != 0; \
    return; \
  }

#define EVERY_KIND() \
  switch (kind) { \
    case espalier_kind_bool: LOOP_BOOL() \
    case espalier_kind_u8: LOOP(uint8_t) \
    case espalier_kind_i8: LOOP(int8_t) \
    case espalier_kind_u16: LOOP(packed_u16) \
    case espalier_kind_i16: LOOP(packed_i16) \
    case espalier_kind_u32: LOOP(packed_u32) \
    case espalier_kind_i32: LOOP(packed_i32) \
    case espalier_kind_u64: LOOP(packed_u64) \
    case espalier_kind_i64: LOOP(packed_i64) \
    case espalier_kind_f8_e5m2: \
    case espalier_kind_f8_e4m3: \
    case espalier_kind_f8_e8m0: \
    case espalier_kind_f8_e4m3fnuz: \
    case espalier_kind_f8_e5m2fnuz: LOOP_TINY() \
    case espalier_kind_f16: LOOP(packed_f16) \
    case espalier_kind_bf16: LOOP_BF16() \
    case espalier_kind_f32: LOOP(packed_f32) \
    case espalier_kind_f64: LOOP(packed_f64) \
  }

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wimplicit-const-int-float-conversion"
ESPALIER_CLONES_AVX2 void espalier_to_f32(
    float *out, const void *in, size_t count, espalier_kind kind) {
  EVERY_KIND();
}

ESPALIER_CLONES_AVX2 void espalier_to_f64(
    double *out, const void *in, size_t count, espalier_kind kind) {
  EVERY_KIND();
}
#pragma clang diagnostic pop

// MARK: From float

#define ENCODE_TINY(mantissa, bias, fnuz, largest) \
  { \
    uint8_t *target = out; \
    for (size_t i = 0; i < count; i++) { \
      target[i] = encode_tiny(in[i], mantissa, bias, fnuz, largest); \
    } \
    return 1; \
  }

ESPALIER_CLONES_AVX2 _Bool espalier_from_f32(
    void *out, const float *in, size_t count, espalier_kind kind) {
  switch (kind) {
    case espalier_kind_f8_e8m0: {
      uint8_t *target = out;
      for (size_t i = 0; i < count; i++) target[i] = encode_e8m0(in[i]);
      return 1;
    }
    case espalier_kind_f8_e5m2: ENCODE_TINY(2, 15, 0, 0x7C)
    case espalier_kind_f8_e4m3: ENCODE_TINY(3, 7, 0, 0x7E)
    case espalier_kind_f8_e4m3fnuz: ENCODE_TINY(3, 8, 1, 0x7F)
    case espalier_kind_f8_e5m2fnuz: ENCODE_TINY(2, 16, 1, 0x7F)
    case espalier_kind_f16: {
      packed_f16 *target = out;
      for (size_t i = 0; i < count; i++) target[i] = (_Float16)in[i];
      return 1;
    }
    case espalier_kind_bf16: {
      packed_u16 *target = out;
      for (size_t i = 0; i < count; i++) {
        uint32_t bits = to_bits(in[i]);
        uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        uint32_t quiet = (bits >> 16) | 0x40;
        target[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
      }
      return 1;
    }
    case espalier_kind_f32: memcpy(out, in, count * sizeof *in); return 1;
    case espalier_kind_f64: {
      packed_f64 *target = out;
      for (size_t i = 0; i < count; i++) target[i] = in[i];
      return 1;
    }
    default: return 0;
  }
}
