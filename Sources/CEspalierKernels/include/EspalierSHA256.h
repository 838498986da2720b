// SHA-256 as FIPS 180-4 defines it, fed piece by piece.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A hash that is being computed.
typedef struct {
  /// The eight words of the chaining value.
  uint32_t words[8];
  /// Bytes that were fed so far. A file has fewer than 2^61 bytes, so the count in bits fits.
  uint64_t count;
  /// The bytes of the last block that is not full yet: count % 64 of them.
  uint8_t pending[64];
  /// 1 when the instructions of the processor must not be used: the plain twin, for tests.
  uint8_t is_plain;
} espalier_sha256;

/// Starts a hash. With `is_plain`, the processor's SHA instructions are not used.
void espalier_sha256_begin(espalier_sha256 *_Nonnull hash, int is_plain);

/// Feeds `count` bytes. `bytes` may be null when `count` is 0.
void espalier_sha256_update(
    espalier_sha256 *_Nonnull hash, const void *_Nullable bytes, size_t count);

/// Writes the 32 bytes of the digest. The hash is used up.
void espalier_sha256_finish(espalier_sha256 *_Nonnull hash, uint8_t *_Nonnull digest);
