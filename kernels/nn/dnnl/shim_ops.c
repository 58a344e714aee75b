/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/shim_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How ops are made: which primitive, in which layouts. */

static const dnnl_format_tag_t layout_tags[REID_LAYOUT_COUNT] = {
  dnnl_abcd, dnnl_aBcd8b, dnnl_aBcd16b, dnnl_acdb, dnnl_acdb
};

static ReidLayout
layout_of (ConstDesc desc, int rank, const int64_t *dims)
{
  if (rank != 4)
    return REID_LAYOUT_DENSE;
  for (int i = 0; i < REID_LAYOUT_BF16; i++) {
    Desc probe = desc_new (rank, dims, dnnl_f32, layout_tags[i]);
    bool same = probe && dnnl_memory_desc_equal (probe, desc);
    desc_free (probe);
    if (same)
      return (ReidLayout) i;
  }
  return REID_LAYOUT_COUNT;
}

static const char *
implementation (dnnl_primitive_desc_t pd)
{
  const char *name = NULL;
  bool ok = dnnl_primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &name)
            == dnnl_success;
  return ok && name ? name : "";
}

/* "gemm:jit", "x64:gemm:ref" and such; not "brgemm:avx512_core", whose sums
 * are kept whole. */
static bool
is_gemm (dnnl_primitive_desc_t pd)
{
  const char *name = implementation (pd);
  for (const char *at = name; (at = strstr (at, "gemm")); at++)
    if (at - name < 2 || memcmp (at - 2, "br", 2) != 0)
      return true;
  return false;
}

/* Takes over `pd`. */
static ReidDnnlOp *
op_new (dnnl_primitive_desc_t pd, bool weight, bool bias, ReidError *error)
{
  ReidDnnlOp *op = calloc (1, sizeof *op);
  if (!op) {
    reid_error_set (error, REID_ERROR_MEMORY, "oneDNN: no memory for an op");
  } else if (reid_dnnl_check (dnnl_primitive_create (&op->primitive, pd),
                              "making a primitive", error)) {
    op->src =
        desc_copy (dnnl_primitive_desc_query_md (pd, dnnl_query_src_md, 0));
    op->dst =
        desc_copy (dnnl_primitive_desc_query_md (pd, dnnl_query_dst_md, 0));
    op->scratch = desc_copy (
        dnnl_primitive_desc_query_md (pd, dnnl_query_scratchpad_md, 0));
    op->gemm = is_gemm (pd);
    snprintf (op->name, sizeof op->name, "%s", implementation (pd));
    if (weight)
      op->weight = desc_copy (
          dnnl_primitive_desc_query_md (pd, dnnl_query_weights_md, 0));
    if (bias)
      op->bias = desc_copy (
          dnnl_primitive_desc_query_md (pd, dnnl_query_weights_md, 1));
    if (!op->src || !op->dst || (weight && !op->weight) || (bias && !op->bias))
      reid_error_set (error, REID_ERROR_MEMORY,
                      "oneDNN: no memory for descriptors");
    else {
      dnnl_primitive_desc_destroy (pd);
      return op;
    }
  }
  dnnl_primitive_desc_destroy (pd);
  reid_dnnl_op_free (op);
  return NULL;
}

static dnnl_primitive_attr_t
attr_new (void)
{
  dnnl_primitive_attr_t attr = NULL;
  if (dnnl_primitive_attr_create (&attr) != dnnl_success)
    return NULL;
  if (dnnl_primitive_attr_set_scratchpad_mode (attr, dnnl_scratchpad_mode_user)
      == dnnl_success)
    return attr;
  dnnl_primitive_attr_destroy (attr);
  return NULL;
}

static bool
attr_post (dnnl_primitive_attr_t attr, const ReidDnnlConv *c)
{
  static const dnnl_alg_kind_t kinds[] = {
    dnnl_alg_kind_undef,   dnnl_eltwise_relu,  dnnl_eltwise_clip,
    dnnl_eltwise_logistic, dnnl_eltwise_swish, dnnl_eltwise_tanh
  };
  dnnl_post_ops_t ops = NULL;
  if (dnnl_post_ops_create (&ops) != dnnl_success)
    return false;
  bool ok = !c->sum || append_sum (ops) == dnnl_success;
  if (ok && c->act != REID_DNNL_LINEAR)
    ok = append_eltwise (ops, kinds[c->act],
                         c->act == REID_DNNL_SWISH ? 1.0f : c->alpha, c->beta)
         == dnnl_success;
  ok = ok && dnnl_primitive_attr_set_post_ops (attr, ops) == dnnl_success;
  dnnl_post_ops_destroy (ops);
  return ok;
}

/* Is this primitive one of those that are there for completeness only? */
static bool
is_slow (dnnl_primitive_desc_t pd)
{
  const char *name = implementation (pd);
  return strncmp (name, "ref", 3) == 0 || strstr (name, ":ref");
}

/* No bf16 is no error; otherwise as check(). */
static bool
chosen (dnnl_status_t status, dnnl_primitive_desc_t pd, bool bf16,
        const char *what, ReidError *error)
{
  if (!bf16 || reid_dnnl_emulated ())
    return reid_dnnl_check (status, what, error);
  if (status == dnnl_success && !is_slow (pd))
    return true;
  if (status == dnnl_success)
    dnnl_primitive_desc_destroy (pd);
  else if (status != dnnl_unimplemented)
    reid_dnnl_check (status, what, error);
  return false;
}

static size_t
count_of (int rank, const int64_t *dims)
{
  size_t count = 1;
  for (int i = 0; i < rank; i++)
    count *= (size_t) dims[i];
  return count;
}

/* What an op of bf16 must know beside its descriptors. */
static void
mark_bf16 (ReidDnnlOp *op, size_t src, size_t weights, size_t dst)
{
  op->bf16 = true;
  op->weight_count = weights;
  if (reid_dnnl_emulated ()) {
    op->widened[0] = src;
    op->widened[1] = dst;
  }
}

/* What an op was made from; any may be NULL. */
static void
free_described (Desc src, Desc dst, Desc weight, Desc bias,
                dnnl_primitive_attr_t attr)
{
  desc_free (src);
  desc_free (dst);
  desc_free (weight);
  desc_free (bias);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
}

/* The op takes over `dense`; false where there is no op. */
static bool
keep_dense (ReidDnnlOp *op, Desc dense)
{
  if (op)
    op->dense = dense;
  else
    desc_free (dense);
  return op != NULL;
}

static ReidDnnlOp *
conv_try (dnnl_engine_t engine, const ReidDnnlConv *c,
          dnnl_format_tag_t src_tag, dnnl_format_tag_t dst_tag,
          ReidError *error)
{
  dnnl_data_type_t half =
      c->bf16 && !reid_dnnl_emulated () ? dnnl_bf16 : dnnl_f32;
  dnnl_dims_t src_dims = { c->n, c->in_channels, c->in[0], c->in[1] };
  dnnl_dims_t dst_dims = { c->n, c->out_channels, c->out[0], c->out[1] };
  int64_t g = c->groups;
  int rank = g > 1 ? 5 : 4;
  dnnl_dims_t bias_dims = { c->out_channels }, weight_dims;
  int64_t grouped[] = { g, c->out_channels / g, c->in_channels / g,
                        c->kernel[0], c->kernel[1] };
  memcpy (weight_dims, grouped + 5 - rank, rank * sizeof *grouped);
  dnnl_dims_t stride = { c->stride[0], c->stride[1] };
  dnnl_dims_t dilate = { c->dilation[0] - 1, c->dilation[1] - 1 };
  dnnl_dims_t before = { c->pad[0], c->pad[1] };
  /* What the last window really reaches: an exporter's bottom padding may be
   * larger, and oneDNN insists on the exact one. */
  dnnl_dims_t after;
  for (int i = 0; i < 2; i++)
    after[i] = (c->out[i] - 1) * stride[i]
               + (c->kernel[i] - 1) * (int64_t) c->dilation[i] + 1 - c->in[i]
               - before[i];
  Desc src = desc_new (4, src_dims, half, src_tag);
  Desc dst = desc_new (4, dst_dims, c->wide ? dnnl_f32 : half, dst_tag);
  Desc weight = desc_new (rank, weight_dims, half, dnnl_format_tag_any);
  Desc dense =
      desc_new (rank, weight_dims, dnnl_f32, g > 1 ? dnnl_abcde : dnnl_abcd);
  Desc bias = c->bias ? desc_new (1, bias_dims, dnnl_f32, dnnl_a) : NULL;
  dnnl_primitive_attr_t attr = attr_new ();
  ReidDnnlOp *op = NULL;
  if (!src || !dst || !weight || !dense || (c->bias && !bias) || !attr
      || !attr_post (attr, c)) {
    reid_error_set (error, REID_ERROR_DEVICE,
                    "oneDNN: a convolution cannot be described");
  } else {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = conv_desc (&pd, engine, src, weight, bias, dst,
                                      stride, dilate, before, after, attr);
    if (chosen (status, pd, c->bf16, "choosing a convolution", error))
      op = op_new (pd, true, c->bias, error);
  }
  free_described (src, dst, weight, bias, attr);
  if (!keep_dense (op, dense))
    return NULL;
  op->sum = c->sum;
  if (c->bf16) {
    op->src_layout = REID_LAYOUT_BF16;
    op->dst_layout = c->wide ? REID_LAYOUT_NHWC : REID_LAYOUT_BF16;
    mark_bf16 (op, count_of (4, src_dims), count_of (rank, weight_dims),
               c->wide ? 0 : count_of (4, dst_dims));
    return op;
  }
  op->src_layout = layout_of (op->src, 4, src_dims);
  op->dst_layout = layout_of (op->dst, 4, dst_dims);
  return op;
}

ReidDnnlOp *
reid_dnnl_conv (const ReidDnnlConv *conv, ReidError *error)
{
  dnnl_engine_t engine = reid_dnnl_engine (error);
  if (!engine)
    return NULL;
  /* What AMX wants, and what the others take without loss. */
  if (conv->bf16)
    return conv_try (engine, conv, dnnl_acdb, dnnl_acdb, error);
  ReidDnnlOp *op =
      conv_try (engine, conv, dnnl_format_tag_any, dnnl_format_tag_any, error);
  if (op
      && (op->src_layout == REID_LAYOUT_COUNT
          || op->dst_layout == REID_LAYOUT_COUNT)) {
    reid_dnnl_op_free (op);
    op = conv_try (engine, conv, dnnl_abcd, dnnl_abcd, error);
  }
  return op;
}

ReidDnnlOp *
reid_dnnl_pool (const ReidDnnlPool *p, ReidLayout layout, ReidError *error)
{
  static const dnnl_alg_kind_t kinds[] = { dnnl_pooling_max,
                                           dnnl_pooling_avg_exclude_padding,
                                           dnnl_pooling_avg_include_padding };
  dnnl_engine_t engine = reid_dnnl_engine (error);
  if (!engine)
    return NULL;
  bool bf16 = layout == REID_LAYOUT_BF16;
  dnnl_data_type_t type = bf16 && !reid_dnnl_emulated () ? dnnl_bf16 : dnnl_f32;
  dnnl_dims_t src_dims = { p->n, p->channels, p->in[0], p->in[1] };
  dnnl_dims_t dst_dims = { p->n, p->channels, p->out[0], p->out[1] };
  dnnl_dims_t stride = { p->stride[0], p->stride[1] };
  dnnl_dims_t kernel = { p->kernel[0], p->kernel[1] };
  dnnl_dims_t before = { p->pad[0], p->pad[1] };
  dnnl_dims_t after = { p->pad[2], p->pad[3] };
  Desc src = desc_new (4, src_dims, type, layout_tags[layout]);
  Desc dst = desc_new (4, dst_dims, type, layout_tags[layout]);
  dnnl_primitive_attr_t attr = attr_new ();
  ReidDnnlOp *op = NULL;
  dnnl_primitive_desc_t pd = NULL;
  if (!src || !dst || !attr)
    reid_error_set (error, REID_ERROR_DEVICE,
                    "oneDNN: a pooling cannot be described");
  else {
    dnnl_status_t status = pool_desc (&pd, engine, kinds[p->kind], src, dst,
                                      stride, kernel, before, after, attr);
    if (chosen (status, pd, bf16, "choosing a pooling", error))
      op = op_new (pd, false, false, error);
  }
  free_described (src, dst, NULL, NULL, attr);
  if (!op)
    return NULL;
  op->src_layout = op->dst_layout = layout;
  if (bf16)
    mark_bf16 (op, count_of (4, src_dims), 0, count_of (4, dst_dims));
  return op;
}

static ReidDnnlOp *
product (int64_t n, int64_t in, int64_t out, bool with_bias, bool bf16,
         ReidError *error)
{
  dnnl_engine_t engine = reid_dnnl_engine (error);
  if (!engine)
    return NULL;
  dnnl_data_type_t half = bf16 && !reid_dnnl_emulated () ? dnnl_bf16 : dnnl_f32;
  dnnl_dims_t src_dims = { n, in }, weight_dims = { out, in };
  dnnl_dims_t dst_dims = { n, out }, bias_dims = { out };
  Desc src = desc_new (2, src_dims, half, dnnl_ab);
  Desc dst = desc_new (2, dst_dims, dnnl_f32, dnnl_ab);
  Desc weight = desc_new (2, weight_dims, half, dnnl_format_tag_any);
  Desc dense = desc_new (2, weight_dims, dnnl_f32, dnnl_ab);
  Desc bias = with_bias ? desc_new (1, bias_dims, dnnl_f32, dnnl_a) : NULL;
  dnnl_primitive_attr_t attr = attr_new ();
  ReidDnnlOp *op = NULL;
  dnnl_primitive_desc_t pd = NULL;
  if (!src || !dst || !weight || !dense || (with_bias && !bias) || !attr)
    reid_error_set (error, REID_ERROR_DEVICE,
                    "oneDNN: an inner product cannot be described");
  else {
    dnnl_status_t status =
        inner_product_desc (&pd, engine, src, weight, bias, dst, attr);
    if (chosen (status, pd, bf16, "choosing an inner product", error))
      op = op_new (pd, true, with_bias, error);
  }
  free_described (src, dst, weight, bias, attr);
  if (!keep_dense (op, dense))
    return NULL;
  if (bf16)
    mark_bf16 (op, (size_t) (n * in), (size_t) (in * out), 0);
  return op;
}

ReidDnnlOp *
reid_dnnl_inner_product (int64_t n, int64_t in, int64_t out, bool bias,
                         ReidError *error)
{
  return product (n, in, out, bias, false, error);
}

/* Of a source of four dimensions oneDNN makes a plain matrix product without
 * AMX: here it has two, and the weights are brought into its order. */
ReidDnnlOp *
reid_dnnl_inner_product_bf16 (int64_t n, int64_t channels, int64_t pixels,
                              int64_t out, bool bias, ReidError *error)
{
  ReidDnnlOp *op = product (n, channels * pixels, out, bias, true, error);
  if (op && pixels > 1) {
    op->planes[0] = (size_t) channels;
    op->planes[1] = (size_t) pixels;
  }
  return op;
}
