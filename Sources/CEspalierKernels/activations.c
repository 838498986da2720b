#include "elementary.h"

#include <math.h>

ESPALIER_CLONES void espalier_gelu(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = 0.5f * in[i] * (1.0f + erff(in[i] * 0.70710678f));
}

ESPALIER_CLONES void espalier_gelu_backward(
    float *dx, const float *dout, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float phi = 0.5f * (1.0f + erff(x[i] * 0.70710678f));
    float density = espalier_expf(-0.5f * x[i] * x[i]) * 0.39894228f;
    dx[i] = dout[i] * (phi + x[i] * density);
  }
}

ESPALIER_CLONES void espalier_tanh(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = tanhf(in[i]);
}

ESPALIER_CLONES void espalier_tanh_backward(
    float *dx, const float *dout, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) dx[i] = dout[i] * (1.0f - y[i] * y[i]);
}
