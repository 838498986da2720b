// Attention of one head over one sequence, exact softmax, nothing padded.
#pragma once
#include "EspalierRows.h"

/// One head of one sequence: q, k, v are [length, width] blocks with row stride `stride` (all inside
/// one packed q|k|v matrix), the context has its own. `row` numbers the (head, first token) pair in
/// the hash of the dropout.
typedef struct {
  const float *_Nonnull q;
  const float *_Nonnull k;
  const float *_Nonnull v;
  size_t stride;
  size_t length;
  /// The first rows of k and v that queries see, at most `length`. The others take part as queries only.
  size_t visible;
  size_t width;
  float scale;
  size_t row;
  espalier_dropout dropout;
} espalier_head;

/// Floats of scratch memory that a sequence of `length` tokens needs.
size_t espalier_attention_scratch(size_t length, size_t width);

/// context = dropout(softmax(q·kᵀ * scale))·v; log_sum_exp (or NULL) gets one number a token.
void espalier_attention_forward(
    float *_Nonnull context, size_t context_stride, float *_Nullable log_sum_exp,
    espalier_head head, float *_Nonnull scratch);

/// dq, dk, dv (row stride d_stride) from dcontext; dk and dv are 0 beyond the visible rows. The probabilities are computed again.
void espalier_attention_backward(
    float *_Nonnull dq, float *_Nonnull dk, float *_Nonnull dv, size_t d_stride,
    const float *_Nonnull dcontext, const float *_Nonnull context, size_t context_stride,
    const float *_Nonnull log_sum_exp, espalier_head head, float *_Nonnull scratch);
