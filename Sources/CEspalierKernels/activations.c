#include "lanes.h"

// GELU(x) = x·Φ(x). With Φ(-|x|) = T it is max(x, 0) - |x|·T: no cancellation.

/// Φ(-|x|), within 1e-7 and within a thousandth of itself down to 1e-20, and e^(-x²/2).
ESPALIER_INLINE void normal_tail(
    const espalier_floats *x, espalier_floats *tail, espalier_floats *bell) {
  // 2^y, y = -x²/2·log2(e): a whole power by adding to the exponent, the rest by a polynomial.
  const espalier_floats shift = (espalier_floats){0} + 12582912.0f;
  const espalier_floats least = (espalier_floats){0} - 125.0f;
  // 0.72134… is log2(e)/2.
  espalier_floats y = (*x * -0.721347520f) * *x;
  // A NaN is below nothing and stays.
  espalier_integers above = ~(y < least);
  espalier_choose(&y, &above, &least);
  espalier_floats rounded = y + shift;
  espalier_floats r = y - (rounded - shift);
  // 2^r on [-1/2, 1/2]: fitted for this file (Remez, relative error at most 7.8e-8, which it reaches 7 times).
  espalier_floats e = (espalier_floats){0} + 0.00132764693f;
  e = e * r + 0.00967554165f;
  e = e * r + 0.0555071328f;
  e = e * r + 0.240221197f;
  e = e * r + 0.693146967f;
  e = e * r + 1.00000007f;
  e = (espalier_floats)((espalier_bits)e + ((espalier_bits)rounded << 23));
  // Φ(-|x|)·e^(x²/2) as a polynomial in t = 1/(1 + c|x|), the form of Abramowitz and Stegun 26.2.17 with one term
  // more; c and the coefficients are fitted for this file, so that the error of Φ stays below 5.3e-8.
  espalier_floats size = (espalier_floats)((espalier_bits)*x & 0x7FFFFFFFu);
  espalier_floats t = 1.0f / (size * 0.410121933f + 1.0f);
  espalier_floats p = (espalier_floats){0} + 0.0556277993f;
  p = p * t - 0.238354494f;
  p = p * t + 0.287213387f;
  p = p * t + 0.0533425146f;
  p = p * t + 0.179704185f;
  p = p * t + 0.16246666f;
  *tail = p * t * e;
  *bell = e;
}

ESPALIER_INLINE void gelu_lanes(espalier_floats *out, const espalier_floats *in) {
  espalier_floats x = *in, tail, bell;
  normal_tail(&x, &tail, &bell);
  espalier_floats size = (espalier_floats)((espalier_bits)x & 0x7FFFFFFFu);
  espalier_floats positive = (espalier_floats)((espalier_integers)x & (x > 0.0f));
  *out = positive - size * tail;
}

ESPALIER_INLINE void gelu_backward_lanes(
    espalier_floats *dx, const espalier_floats *dout, const espalier_floats *in) {
  espalier_floats x = *in, tail, bell;
  normal_tail(&x, &tail, &bell);
  espalier_floats share = 1.0f - tail;
  espalier_integers positive = x > 0.0f;
  espalier_choose(&share, &positive, &tail);
  // Φ(x) + x·φ(x); 0.39894… is 1/√(2π).
  *dx = *dout * (share + x * (0.398942280f * bell));
}

ESPALIER_CLONES void espalier_gelu_rows(
    float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    float *to = out + r * out_stride;
    const float *from = in + r * in_stride;
    size_t c = 0;
    for (; c + ESPALIER_LANES <= columns; c += ESPALIER_LANES) {
      gelu_lanes((espalier_floats *)(to + c), (const espalier_floats *)(from + c));
    }
    if (c < columns) {
      espalier_floats rest = {0};
      memcpy(&rest, from + c, (columns - c) * sizeof *from);
      gelu_lanes(&rest, &rest);
      memcpy(to + c, &rest, (columns - c) * sizeof *to);
    }
  }
}

void espalier_gelu(float *out, const float *in, size_t count) {
  espalier_gelu_rows(out, count, in, count, 1, count);
}

ESPALIER_CLONES void espalier_gelu_backward(
    float *dx, const float *dout, const float *x, size_t count) {
  size_t i = 0;
  for (; i + ESPALIER_LANES <= count; i += ESPALIER_LANES) {
    gelu_backward_lanes(
        (espalier_floats *)(dx + i), (const espalier_floats *)(dout + i),
        (const espalier_floats *)(x + i));
  }
  if (i < count) {
    espalier_floats gradient = {0}, rest = {0};
    memcpy(&gradient, dout + i, (count - i) * sizeof *dout);
    memcpy(&rest, x + i, (count - i) * sizeof *x);
    gelu_backward_lanes(&gradient, &gradient, &rest);
    memcpy(dx + i, &gradient, (count - i) * sizeof *dx);
  }
}

ESPALIER_CLONES void espalier_tanh(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = espalier_tanhf(in[i]);
}

ESPALIER_CLONES void espalier_tanh_backward(
    float *dx, const float *dout, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) dx[i] = dout[i] * (1.0f - y[i] * y[i]);
}

ESPALIER_CLONES void espalier_relu(float *out, const float *in, size_t count) {
  // NaN stays NaN, as in PyTorch.
  for (size_t i = 0; i < count; i++) out[i] = in[i] < 0.0f ? 0.0f : in[i];
}

ESPALIER_CLONES void espalier_relu_backward(
    float *dx, const float *dout, const float *y, size_t count) {
  for (size_t i = 0; i < count; i++) dx[i] = y[i] > 0.0f ? dout[i] : 0.0f;
}
