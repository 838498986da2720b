// Row kernels: each works on the rows or elements that it is given, so that threads can share the
// rest. Strides are in elements. Pointers marked nullable may be NULL, which leaves that part out.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Which elements are dropped: element `column` of row `row` is kept when a hash of seed, stream,
/// row and column is large enough. No state, so any thread gets the same answer.
typedef struct {
  float probability;
  uint32_t stream;
  uint64_t seed;
} espalier_dropout;

/// out = dropout(in), kept elements scaled by 1/(1-p); also dropout's backward. `row` numbers the
/// first row. out may be in.
void espalier_dropout_rows(
    float *_Nonnull out, size_t out_stride, const float *_Nonnull in, size_t in_stride, size_t row,
    size_t rows, size_t columns, espalier_dropout dropout);

/// out[i] = (words[ids[i]] + types[type_ids[i]]) + positions[position_ids[i]]; tables of `columns`
/// columns, the ids already checked.
void espalier_embedding_rows(
    float *_Nonnull out, size_t out_stride, const float *_Nonnull words, size_t word_stride,
    const float *_Nullable types, size_t type_stride, const float *_Nonnull positions,
    size_t position_stride, const int32_t *_Nonnull ids, const int32_t *_Nullable type_ids,
    const int32_t *_Nonnull position_ids, size_t rows, size_t columns);

/// x = residual + dropout(in + bias); normalized = (x - mean) * inverse; out = normalized * gamma + beta.
/// out may be in or residual.
void espalier_layer_norm_rows(
    float *_Nonnull out, size_t out_stride, const float *_Nonnull in, size_t in_stride,
    const float *_Nullable residual, size_t residual_stride, const float *_Nullable bias,
    const float *_Nonnull gamma, const float *_Nonnull beta, float epsilon,
    float *_Nullable normalized, size_t normalized_stride, float *_Nullable inverse, size_t row,
    size_t rows, size_t columns, espalier_dropout dropout);

/// dx = the gradient of the sum that went into the norm. dx may be dout.
void espalier_layer_norm_backward_rows(
    float *_Nonnull dx, size_t dx_stride, const float *_Nonnull dout, size_t dout_stride,
    const float *_Nonnull normalized, size_t normalized_stride, const float *_Nonnull inverse,
    const float *_Nonnull gamma, size_t rows, size_t columns);

/// sums[c] += Σ over rows of a(r, c) * b(r, c), or of a(r, c) when b is NULL. `columns` at most 256.
void espalier_column_sums(
    float *_Nonnull sums, const float *_Nonnull a, size_t a_stride, const float *_Nullable b,
    size_t b_stride, size_t rows, size_t columns);

/// out[i] = gelu(in[i]) (the exact one, by erf). out may be in.
void espalier_gelu(float *_Nonnull out, const float *_Nonnull in, size_t count);

/// The same for `rows` rows of `columns` elements.
void espalier_gelu_rows(
    float *_Nonnull out, size_t out_stride, const float *_Nonnull in, size_t in_stride, size_t rows,
    size_t columns);

/// dx[i] = dout[i] * gelu'(x[i]). dx may be dout.
void espalier_gelu_backward(
    float *_Nonnull dx, const float *_Nonnull dout, const float *_Nonnull x, size_t count);

/// out[i] = tanh(in[i]). out may be in.
/// out = max(in, 0).
void espalier_relu(float *_Nonnull out, const float *_Nonnull in, size_t count);
/// dx = dout where y > 0, y being what the forward gave.
void espalier_relu_backward(
    float *_Nonnull dx, const float *_Nonnull dout, const float *_Nonnull y, size_t count);
void espalier_tanh(float *_Nonnull out, const float *_Nonnull in, size_t count);

/// dx[i] = dout[i] * (1 - y[i]²) where y is what tanh gave. dx may be dout.
void espalier_tanh_backward(
    float *_Nonnull dx, const float *_Nonnull dout, const float *_Nonnull y, size_t count);

/// out[i] = x[i] + y[i]. out may be either.
void espalier_add(
    float *_Nonnull out, const float *_Nonnull x, const float *_Nonnull y, size_t count);

/// y[i] += scale * x[i].
void espalier_axpy(float *_Nonnull y, float scale, const float *_Nonnull x, size_t count);

/// x[i] *= scale.
void espalier_scale(float *_Nonnull x, float scale, size_t count);

/// Σ x[i]² in double, in an order that depends on `count` alone.
double espalier_sum_of_squares(const float *_Nonnull x, size_t count);

/// Numbers of one AdamW step, prepared by the caller in double.
typedef struct {
  float decay;  // 1 - lr * weight decay
  float beta1, beta2;
  float step_size;        // lr / (1 - beta1^t)
  float root_correction;  // sqrt(1 - beta2^t)
  float epsilon;
  float gradient_scale;
} espalier_adamw;

/// One AdamW step over `count` parameters, in torch's order of operations.
void espalier_adamw_step(
    float *_Nonnull parameters, const float *_Nonnull gradients, float *_Nonnull first,
    float *_Nonnull second, size_t count, espalier_adamw step);

/// out[i] = table[indices[i]]; a row of zeros when the index is negative.
void espalier_gather_rows(
    float *_Nonnull out, size_t out_stride, const float *_Nonnull table, size_t table_stride,
    const int32_t *_Nonnull indices, size_t rows, size_t columns);

/// table[indices[i]] += in[i], in order; negative indices are left out.
void espalier_scatter_add_rows(
    float *_Nonnull table, size_t table_stride, const float *_Nonnull in, size_t in_stride,
    const int32_t *_Nonnull indices, size_t rows, size_t columns);
