// How a row kernel comes in several versions, of which the loader picks the one for the processor.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Only glibc resolves clones at load time; elsewhere the compiler's baseline serves (on aarch64 it
// has NEON and FMA already).
#if defined(__x86_64__) && defined(__GLIBC__)
#define ESPALIER_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ESPALIER_CLONES
#endif

#define ESPALIER_INLINE static inline __attribute__((always_inline))
