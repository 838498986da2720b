#include "CEspalierKernels.h"
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

// CRC-32 with the reflected polynomial 0xEDB88320. zlib's own manages about 1.5 GB/s, which would
// make checking a checkpoint slower than copying it; carry-less multiplication is ten times faster.

// Eight tables, built by the compiler's constructor hook before anything can call in.
static uint32_t table[8][256];

__attribute__((constructor)) static void build_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
    table[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++) {
    for (int row = 1; row < 8; row++) {
      uint32_t previous = table[row - 1][byte];
      table[row][byte] = (previous >> 8) ^ table[0][previous & 0xFF];
    }
  }
}

// `crc` is inverted already, here and below.
static uint32_t by_table(uint32_t crc, const uint8_t *bytes, size_t count) {
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    word ^= crc;
    crc = table[7][word & 0xFF] ^ table[6][(word >> 8) & 0xFF] ^ table[5][(word >> 16) & 0xFF] ^
          table[4][(word >> 24) & 0xFF] ^ table[3][(word >> 32) & 0xFF] ^
          table[2][(word >> 40) & 0xFF] ^ table[1][(word >> 48) & 0xFF] ^ table[0][word >> 56];
    bytes += 8;
    count -= 8;
  }
  while (count--) crc = (crc >> 8) ^ table[0][(crc ^ *bytes++) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
// Folding as in Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ"
// (Intel, 2009), whose constants for this polynomial P, reflected, these are: x^544 and x^480 (fold64), x^160 and x^96
// (fold16), x^64 (last), all modulo P; P itself and x^64 divided by P (polynomial). `count` is a multiple of 16 and
// at least 64.
__attribute__((target("sse4.1,pclmul"))) static uint32_t by_folding(
    uint32_t crc, const uint8_t *bytes, size_t count) {
  const __m128i fold64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i fold16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const __m128i last = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  const __m128i low = _mm_setr_epi32(~0, 0, ~0, 0);
#define LOAD(offset) _mm_loadu_si128((const __m128i *)(bytes + (offset)))
#define FOLD(x, k) _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11))

  __m128i a = _mm_xor_si128(LOAD(0), _mm_cvtsi32_si128((int)crc));
  __m128i b = LOAD(16), c = LOAD(32), d = LOAD(48);
  bytes += 64;
  count -= 64;
  while (count >= 64) {
    a = _mm_xor_si128(FOLD(a, fold64), LOAD(0));
    b = _mm_xor_si128(FOLD(b, fold64), LOAD(16));
    c = _mm_xor_si128(FOLD(c, fold64), LOAD(32));
    d = _mm_xor_si128(FOLD(d, fold64), LOAD(48));
    bytes += 64;
    count -= 64;
  }
  a = _mm_xor_si128(FOLD(a, fold16), b);
  a = _mm_xor_si128(FOLD(a, fold16), c);
  a = _mm_xor_si128(FOLD(a, fold16), d);
  while (count >= 16) {
    a = _mm_xor_si128(FOLD(a, fold16), LOAD(0));
    bytes += 16;
    count -= 16;
  }
  // 128 bits to 64, to 32, then Barrett's reduction.
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, fold16, 0x10));
  a = _mm_xor_si128(_mm_srli_si128(a, 4), _mm_clmulepi64_si128(_mm_and_si128(a, low), last, 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(a, low), polynomial, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low), polynomial, 0x00);
  return (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, quotient), 1);
#undef FOLD
#undef LOAD
}
#endif

uint32_t espalier_crc32(uint32_t crc, const void *start, size_t count) {
  const uint8_t *bytes = start;
  crc = ~crc;
#if defined(__x86_64__)
  if (count >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    size_t whole = count & ~(size_t)15;
    crc = by_folding(crc, bytes, whole);
    bytes += whole;
    count -= whole;
  }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    crc = __crc32d(crc, word);
    bytes += 8;
    count -= 8;
  }
#endif
  return ~by_table(crc, bytes, count);
}
