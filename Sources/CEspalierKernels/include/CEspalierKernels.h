// C kernels: element conversions, row kernels and the portable matrix product.
// Every function states its contract; none allocates and none keeps a pointer.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "EspalierAttention.h"
#include "EspalierConvert.h"
#include "EspalierPool.h"
#include "EspalierProduct.h"
#include "EspalierRows.h"

/// out[i] = the float whose upper half is in[i] (bfloat16), for i in 0..<count.
void espalier_bf16_to_f32(float *_Nonnull out, const uint16_t *_Nonnull in, size_t count);
