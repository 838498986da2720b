#include "CEspalierKernels.h"
#include <string.h>

void espalier_bf16_to_f32(float *out, const uint16_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)in[i] << 16;
    memcpy(&out[i], &bits, sizeof bits);
  }
}
