// How a kernel comes in several versions, of which the loader picks the one for the processor.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Only glibc resolves clones at load time; elsewhere the compiler's baseline serves (on aarch64 it
// has NEON and FMA already). ThreadSanitizer is not ready when the loader asks for a version.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ESPALIER_NO_CLONES
#endif
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(ESPALIER_NO_CLONES)
/// Versions for AVX-512, for AVX2 with FMA and F16C, and for every processor.
#define ESPALIER_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
/// The same without AVX-512, for what is bound by memory.
#define ESPALIER_CLONES_AVX2 __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define ESPALIER_CLONES
#define ESPALIER_CLONES_AVX2
#endif

#define ESPALIER_INLINE static inline __attribute__((always_inline))
