#include "elementary.h"

// GELU(x) = x·Φ(x). With Φ(-|x|) = T it is x - x·T above zero and x·T below: no cancellation.

ESPALIER_CLONES void espalier_gelu(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float x = in[i], tail, density;
    espalier_normal_tail(x, &tail, &density);
    out[i] = x * (x < 0.0f ? tail : 1.0f - tail);
  }
}

ESPALIER_CLONES void espalier_gelu_backward(
    float *dx, const float *dout, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float tail, density;
    espalier_normal_tail(x[i], &tail, &density);
    dx[i] = dout[i] * ((x[i] < 0.0f ? tail : 1.0f - tail) + x[i] * density);
  }
}

ESPALIER_CLONES void espalier_tanh(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = espalier_tanhf(in[i]);
}

ESPALIER_CLONES void espalier_tanh_backward(
    float *dx, const float *dout, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) dx[i] = dout[i] * (1.0f - y[i] * y[i]);
}
