#include "EspalierAttention.h"

#include "elementary.h"

#include <math.h>

size_t espalier_attention_scratch(size_t length, size_t width) {
  (void)width;
  return 3 * length + 16;
}

ESPALIER_CLONES void espalier_attention_forward(
    float *context, size_t context_stride, float *log_sum_exp, espalier_head head,
    float *scratch) {
  size_t n = head.length, keys = head.visible, width = head.width;
  uint32_t threshold = espalier_dropout_threshold(head.dropout);
  float kept = 1.0f / (1.0f - head.dropout.probability);
  for (size_t i = 0; i < n; i++) {
    const float *q = head.q + i * head.stride;
    float largest = -INFINITY;
    for (size_t j = 0; j < keys; j++) {
      float sum = 0;
      for (size_t d = 0; d < width; d++) sum += q[d] * head.k[j * head.stride + d];
      scratch[j] = sum * head.scale;
      if (scratch[j] > largest) largest = scratch[j];
    }
    float sum = 0;
    for (size_t j = 0; j < keys; j++) sum += scratch[j] = espalier_expf(scratch[j] - largest);
    if (log_sum_exp) log_sum_exp[i] = largest + logf(sum);
    espalier_row_key key = espalier_dropout_key(head.dropout, head.row + i);
    float *out = context + i * context_stride;
    for (size_t d = 0; d < width; d++) out[d] = 0;
    for (size_t j = 0; j < keys; j++) {
      float p = scratch[j] / sum;
      if (head.dropout.probability > 0) {
        p *= espalier_dropout_factor(key, (uint32_t)j, threshold, kept);
      }
      for (size_t d = 0; d < width; d++) out[d] += p * head.v[j * head.stride + d];
    }
  }
}

ESPALIER_CLONES void espalier_attention_backward(
    float *dq, float *dk, float *dv, size_t d_stride, const float *dcontext, const float *context,
    size_t context_stride, const float *log_sum_exp, espalier_head head, float *scratch) {
  (void)scratch;
  size_t n = head.length, keys = head.visible, width = head.width;
  uint32_t threshold = espalier_dropout_threshold(head.dropout);
  float kept = 1.0f / (1.0f - head.dropout.probability);
  for (size_t i = 0; i < n; i++) {
    for (size_t d = 0; d < width; d++) {
      dq[i * d_stride + d] = dk[i * d_stride + d] = dv[i * d_stride + d] = 0;
    }
  }
  for (size_t i = 0; i < n; i++) {
    const float *q = head.q + i * head.stride;
    const float *g = dcontext + i * context_stride, *o = context + i * context_stride;
    float inner = 0;
    for (size_t d = 0; d < width; d++) inner += g[d] * o[d];
    espalier_row_key key = espalier_dropout_key(head.dropout, head.row + i);
    for (size_t j = 0; j < keys; j++) {
      const float *k = head.k + j * head.stride, *v = head.v + j * head.stride;
      float s = 0, dp = 0;
      for (size_t d = 0; d < width; d++) s += q[d] * k[d];
      for (size_t d = 0; d < width; d++) dp += g[d] * v[d];
      float p = espalier_expf(s * head.scale - log_sum_exp[i]);
      float factor = head.dropout.probability > 0
          ? espalier_dropout_factor(key, (uint32_t)j, threshold, kept)
          : 1.0f;
      float ds = p * (dp * factor - inner) * head.scale;
      for (size_t d = 0; d < width; d++) {
        dv[j * d_stride + d] += p * factor * g[d];
        dq[i * d_stride + d] += ds * k[d];
        dk[j * d_stride + d] += ds * q[d];
      }
    }
  }
}
