// Element conversions and checksums. Pointers to packed elements need no alignment.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The element types that convert to and from float.
typedef enum {
  espalier_kind_bool,
  espalier_kind_u8,
  espalier_kind_i8,
  espalier_kind_u16,
  espalier_kind_i16,
  espalier_kind_u32,
  espalier_kind_i32,
  espalier_kind_u64,
  espalier_kind_i64,
  espalier_kind_f8_e5m2,
  espalier_kind_f8_e4m3,
  espalier_kind_f8_e8m0,
  espalier_kind_f8_e4m3fnuz,
  espalier_kind_f8_e5m2fnuz,
  espalier_kind_f16,
  espalier_kind_bf16,
  espalier_kind_f32,
  espalier_kind_f64,
} espalier_kind;

/// out[i] = in[i] as float, for i in 0..<count. Wider types round to nearest even.
void espalier_to_f32(
    float *_Nonnull out, const void *_Nonnull in, size_t count, espalier_kind kind);

/// out[i] = in[i] as double, for i in 0..<count. 64-bit integers round to nearest even.
void espalier_to_f64(
    double *_Nonnull out, const void *_Nonnull in, size_t count, espalier_kind kind);

/// out[i] = in[i] in a floating-point `kind`, rounded to nearest even as PyTorch does: what is too
/// large becomes infinity; in E4M3, which has none, its largest number, and in the FNUZ types NaN.
/// False, and nothing is written, for other kinds.
_Bool espalier_from_f32(
    void *_Nonnull out, const float *_Nonnull in, size_t count, espalier_kind kind);

/// The CRC-32 of zip and zlib, continued from `crc` (0 to begin).
uint32_t espalier_crc32(uint32_t crc, const void *_Nonnull bytes, size_t count);
