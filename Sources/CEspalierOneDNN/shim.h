// oneDNN, for the matrix product. The 2.x and the 3.x C API differ in how descriptors are made and
// owned: these functions are what both offer.
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>
#include <stdint.h>

/// A product c[m × n] = a[m × k]·b[k × n] (+ bias) (+ c), f32. Strides in elements: a(i, p) at
/// i * a_row + p * a_column, and so on; c's columns are neighbours. With b_row and b_column 0, b is
/// packed.
typedef struct {
  int64_t m, n, k;
  int64_t a_row, a_column, b_row, b_column, c_row;
  int32_t has_bias, accumulates;
} espalier_dnnl_shape;

/// A compiled product. Any thread may run it: its scratch memory is the caller's.
typedef struct {
  dnnl_primitive_t _Nullable primitive;
  dnnl_primitive_desc_t _Nullable descriptor;
  /// The name of the library's implementation.
  const char *_Nullable name;
  size_t packed_bytes;
  size_t scratch_bytes;
} espalier_dnnl_product;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t _Nullable espalier_dnnl_layout;
typedef const_dnnl_memory_desc_t _Nullable espalier_dnnl_layout_view;
#define ESPALIER_DNNL_VIEW(layout) (layout)
#else
typedef dnnl_memory_desc_t espalier_dnnl_layout;
typedef const dnnl_memory_desc_t *_Nullable espalier_dnnl_layout_view;
#define ESPALIER_DNNL_VIEW(layout) (&(layout))
#endif

static inline int espalier_dnnl_strided(
    espalier_dnnl_layout *_Nonnull layout, int64_t rows, int64_t columns, int64_t row,
    int64_t column) {
  dnnl_dims_t dims = {rows, columns}, strides = {row, column};
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(layout, 2, dims, dnnl_f32, strides) == dnnl_success;
#else
  return dnnl_memory_desc_init_by_strides(layout, 2, dims, dnnl_f32, strides) == dnnl_success;
#endif
}

static inline int espalier_dnnl_any(
    espalier_dnnl_layout *_Nonnull layout, int64_t rows, int64_t columns) {
  dnnl_dims_t dims = {rows, columns};
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(layout, 2, dims, dnnl_f32, dnnl_format_tag_any) ==
         dnnl_success;
#else
  return dnnl_memory_desc_init_by_tag(layout, 2, dims, dnnl_f32, dnnl_format_tag_any) ==
         dnnl_success;
#endif
}

static inline void espalier_dnnl_drop_layout(espalier_dnnl_layout *_Nonnull layout) {
#if DNNL_VERSION_MAJOR >= 3
  if (*layout) dnnl_memory_desc_destroy(*layout);
#else
  (void)layout;
#endif
}

static inline int espalier_dnnl_attributes(
    dnnl_primitive_attr_t _Nullable *_Nonnull attributes, int accumulates) {
  if (dnnl_primitive_attr_create(attributes) != dnnl_success) return 0;
  dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  if (!accumulates) return 1;
  dnnl_post_ops_t operations;
  if (dnnl_post_ops_create(&operations) != dnnl_success) return 0;
#if DNNL_VERSION_MAJOR >= 3
  int added = dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef) == dnnl_success;
#else
  int added = dnnl_post_ops_append_sum(operations, 1.0f) == dnnl_success;
#endif
  added = added && dnnl_primitive_attr_set_post_ops(*attributes, operations) == dnnl_success;
  dnnl_post_ops_destroy(operations);
  return added;
}

static inline size_t espalier_dnnl_queried_bytes(
    dnnl_primitive_desc_t _Nonnull descriptor, dnnl_query_t what) {
  espalier_dnnl_layout_view layout = dnnl_primitive_desc_query_md(descriptor, what, 0);
  return layout ? dnnl_memory_desc_get_size(layout) : 0;
}

/// Compiles a product. A packed b lies as it does in `like`, or, when that is NULL, as the library
/// likes best. Returns 0, and makes nothing, when the library cannot compute it.
static inline int espalier_dnnl_create(
    espalier_dnnl_product *_Nonnull product, dnnl_engine_t _Nonnull engine,
    espalier_dnnl_shape shape, const espalier_dnnl_product *_Nullable like) {
  espalier_dnnl_layout a = {0}, b = {0}, bias = {0}, c = {0};
  *product = (espalier_dnnl_product){0};
  int made = shape.b_row == 0 && shape.b_column == 0
                 ? espalier_dnnl_any(&b, shape.k, shape.n)
                 : espalier_dnnl_strided(&b, shape.k, shape.n, shape.b_row, shape.b_column);
  made = made && espalier_dnnl_strided(&a, shape.m, shape.k, shape.a_row, shape.a_column) &&
         espalier_dnnl_strided(&bias, 1, shape.n, shape.n, 1) &&
         espalier_dnnl_strided(&c, shape.m, shape.n, shape.c_row, 1);
  espalier_dnnl_layout_view b_view = ESPALIER_DNNL_VIEW(b);
  if (like) b_view = dnnl_primitive_desc_query_md(like->descriptor, dnnl_query_weights_md, 0);
  dnnl_primitive_attr_t attributes = NULL;
  made = made && espalier_dnnl_attributes(&attributes, shape.accumulates);
  if (made) {
#if DNNL_VERSION_MAJOR >= 3
    made = dnnl_matmul_primitive_desc_create(
               &product->descriptor, engine, a, b_view, shape.has_bias ? bias : NULL, c,
               attributes) == dnnl_success;
#else
    dnnl_matmul_desc_t operation;
    made = dnnl_matmul_desc_init(&operation, &a, b_view, shape.has_bias ? &bias : NULL, &c) ==
               dnnl_success &&
           dnnl_primitive_desc_create(&product->descriptor, &operation, attributes, engine, NULL) ==
               dnnl_success;
#endif
  }
  espalier_dnnl_drop_layout(&a);
  espalier_dnnl_drop_layout(&b);
  espalier_dnnl_drop_layout(&bias);
  espalier_dnnl_drop_layout(&c);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  if (!made) return 0;
  dnnl_primitive_desc_query(product->descriptor, dnnl_query_impl_info_str, 0, &product->name);
  product->packed_bytes = espalier_dnnl_queried_bytes(product->descriptor, dnnl_query_weights_md);
  product->scratch_bytes =
      espalier_dnnl_queried_bytes(product->descriptor, dnnl_query_scratchpad_md);
  if (dnnl_primitive_create(&product->primitive, product->descriptor) == dnnl_success) return 1;
  dnnl_primitive_desc_destroy(product->descriptor);
  *product = (espalier_dnnl_product){0};
  return 0;
}

static inline void espalier_dnnl_destroy(espalier_dnnl_product product) {
  if (product.primitive) dnnl_primitive_destroy(product.primitive);
  if (product.descriptor) dnnl_primitive_desc_destroy(product.descriptor);
}

/// Runs a product and waits. Returns 0 when the library refuses.
static inline int espalier_dnnl_run(
    espalier_dnnl_product product, dnnl_engine_t _Nonnull engine, dnnl_stream_t _Nonnull stream,
    const float *_Nonnull a, const float *_Nonnull b, const float *_Nullable bias,
    float *_Nonnull c, void *_Nullable scratch) {
  static const dnnl_query_t queries[] = {
      dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_weights_md, dnnl_query_dst_md,
      dnnl_query_scratchpad_md};
  static const int places[] = {
      DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
  void *handles[] = {(void *)a, (void *)b, (void *)bias, c, scratch};
  dnnl_exec_arg_t arguments[5];
  int count = 0, good = 1;
  for (int i = 0; i < 5 && good; i++) {
    if (!handles[i]) continue;
    espalier_dnnl_layout_view layout =
        dnnl_primitive_desc_query_md(product.descriptor, queries[i], i == 2 ? 1 : 0);
    arguments[count].arg = places[i];
    good = dnnl_memory_create(&arguments[count].memory, layout, engine, handles[i]) == dnnl_success;
    if (good) count++;
  }
  good = good &&
         dnnl_primitive_execute(product.primitive, stream, count, arguments) == dnnl_success &&
         dnnl_stream_wait(stream) == dnnl_success;
  for (int i = 0; i < count; i++) dnnl_memory_destroy(arguments[i].memory);
  return good;
}

/// Lays out b, [k × n] with the given strides, as the product wants it: `packed` has
/// product.packed_bytes bytes. Returns 0 when the library refuses.
static inline int espalier_dnnl_pack(
    espalier_dnnl_product product, dnnl_engine_t _Nonnull engine, dnnl_stream_t _Nonnull stream,
    const float *_Nonnull b, espalier_dnnl_shape shape, int64_t b_row, int64_t b_column,
    float *_Nonnull packed) {
  espalier_dnnl_layout layout;
  if (!espalier_dnnl_strided(&layout, shape.k, shape.n, b_row, b_column)) return 0;
  espalier_dnnl_layout_view wanted =
      dnnl_primitive_desc_query_md(product.descriptor, dnnl_query_weights_md, 0);
  dnnl_primitive_desc_t descriptor = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_memory_t from = NULL, to = NULL;
  int good =
      dnnl_reorder_primitive_desc_create(
          &descriptor, ESPALIER_DNNL_VIEW(layout), engine, wanted, engine, NULL) == dnnl_success &&
      dnnl_primitive_create(&reorder, descriptor) == dnnl_success &&
      dnnl_memory_create(&from, ESPALIER_DNNL_VIEW(layout), engine, (void *)b) == dnnl_success &&
      dnnl_memory_create(&to, wanted, engine, packed) == dnnl_success;
  if (good) {
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    good = dnnl_primitive_execute(reorder, stream, 2, arguments) == dnnl_success &&
           dnnl_stream_wait(stream) == dnnl_success;
  }
  if (from) dnnl_memory_destroy(from);
  if (to) dnnl_memory_destroy(to);
  if (reorder) dnnl_primitive_destroy(reorder);
  if (descriptor) dnnl_primitive_desc_destroy(descriptor);
  espalier_dnnl_drop_layout(&layout);
  return good;
}

/// Whether the library was built to run on OpenMP's threads, or on the caller's alone.
static inline int espalier_dnnl_runs_on_openmp(void) {
  return dnnl_version()->cpu_runtime == DNNL_RUNTIME_OMP;
}

static inline int espalier_dnnl_runs_serially(void) {
  return dnnl_version()->cpu_runtime == DNNL_RUNTIME_SEQ;
}
