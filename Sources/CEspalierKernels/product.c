#include "EspalierProduct.h"

#include "EspalierRows.h"
#include "clones.h"

#include <string.h>

#define PANEL 16

const char *espalier_instruction_set(void) { return "baseline"; }
int espalier_has_native_bf16(void) { return 0; }
size_t espalier_panel_width(void) { return PANEL; }
size_t espalier_panel_height(void) { return 6; }
size_t espalier_packed_count(size_t n, size_t k) { return (n + PANEL - 1) / PANEL * PANEL * k; }

void espalier_pack(
    float *out, const float *b, size_t n, size_t k, size_t row_stride, size_t column_stride,
    size_t first, size_t last) {
  for (size_t panel = first; panel < last; panel++) {
    float *to = out + panel * k * PANEL;
    for (size_t p = 0; p < k; p++) {
      for (size_t j = 0; j < PANEL; j++) {
        size_t column = panel * PANEL + j;
        to[p * PANEL + j] = column < n ? b[p * row_stride + column * column_stride] : 0.0f;
      }
    }
  }
}

ESPALIER_CLONES void espalier_product(
    float *c, size_t c_stride, const float *a, size_t row_stride, size_t column_stride,
    const float *packed, size_t m, size_t n, size_t k, size_t first, size_t last, int accumulate,
    espalier_epilogue epilogue) {
  for (size_t i = 0; i < m; i++) {
    for (size_t panel = first; panel < last; panel++) {
      const float *b = packed + panel * k * PANEL;
      size_t start = panel * PANEL, width = n - start < PANEL ? n - start : PANEL;
      float sums[PANEL] = {0};
      for (size_t p = 0; p < k; p++) {
        for (size_t j = 0; j < PANEL; j++) {
          sums[j] += a[i * row_stride + p * column_stride] * b[p * PANEL + j];
        }
      }
      float *to = c + i * c_stride + start;
      for (size_t j = 0; j < width; j++) to[j] = accumulate ? to[j] + sums[j] : sums[j];
      if (epilogue.bias) {
        for (size_t j = 0; j < width; j++) to[j] += epilogue.bias[start + j];
      }
      if (epilogue.gelu) {
        espalier_gelu(epilogue.gelu + i * epilogue.gelu_stride + start, to, width);
      }
    }
  }
}
