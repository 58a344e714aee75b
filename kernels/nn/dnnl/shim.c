/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/shim.h"
#include "nn/dnnl/bf16.h"
#include "nn/dnnl/shim_api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ReidDnnlOp {
  dnnl_primitive_t primitive;
  Desc src, weight, dense, bias, dst, scratch; /* NULL where absent */
  ReidLayout src_layout, dst_layout;
  char name[48]; /* of the implementation */
  bool gemm, sum;
  bool bf16;           /* real or not */
  size_t widened[2];   /* emulated: numbers of src and dst that are bf16 */
  size_t weight_count; /* of a bf16 op */
  size_t planes[2];    /* its weights' channels and pixels; 0: as they are */
};

struct ReidDnnlCall {
  const ReidDnnlOp *op;
  dnnl_stream_t stream;
  dnnl_memory_t src, weight, bias, dst, scratch;
};

static const dnnl_format_tag_t layout_tags[REID_LAYOUT_COUNT] = {
  dnnl_abcd, dnnl_aBcd8b, dnnl_aBcd16b, dnnl_acdb, dnnl_acdb
};

static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_status_t engine_status;

/* One engine a process, never destroyed: sessions may end in any order, also
 * while the process exits. */
static void
engine_make (void)
{
  engine_status = dnnl_engine_create (&engine, dnnl_cpu, 0);
}

static const char *
status_text (dnnl_status_t status)
{
  switch (status) {
    case dnnl_success:
      return "success";
    case dnnl_out_of_memory:
      return "out of memory";
    case dnnl_invalid_arguments:
      return "invalid arguments";
    case dnnl_unimplemented:
      return "not implemented for these shapes";
    case dnnl_runtime_error:
      return "runtime error";
    default:
      return "unknown error";
  }
}

static bool
check (dnnl_status_t status, const char *what, ReidError *error)
{
  if (status == dnnl_success)
    return true;
  return reid_error_set (
      error,
      status == dnnl_out_of_memory ? REID_ERROR_MEMORY : REID_ERROR_DEVICE,
      "oneDNN: %s: %s (status %d)", what, status_text (status), (int) status);
}

static bool
ready (ReidError *error)
{
  pthread_once (&engine_once, engine_make);
  return check (engine_status, "making the CPU engine", error);
}

static const char *
isa_name (void)
{
  switch (dnnl_get_effective_cpu_isa ()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "other instruction set";
  }
}

ReidDnnlBf16
reid_dnnl_bf16 (void)
{
  if (getenv ("REID_DNNL_EMULATE_BF16"))
    return REID_DNNL_EMULATED_BF16;
  /* oneDNN asks the system for the tiles before it counts them. Each set of
   * instructions is a set of bits. */
  unsigned isa = (unsigned) dnnl_get_effective_cpu_isa ();
  return (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx
             ? REID_DNNL_AMX
             : REID_DNNL_NO_BF16;
}

static bool
emulated (void)
{
  return reid_dnnl_bf16 () == REID_DNNL_EMULATED_BF16;
}

bool
reid_dnnl_describe (char *line, size_t size)
{
  ReidError error = REID_ERROR_INIT;
  if (!ready (&error)) {
    snprintf (line, size, "%s", error.message);
    return false;
  }
  const dnnl_version_t *v = dnnl_version ();
  snprintf (line, size, "oneDNN %d.%d.%d, %s%s", v->major, v->minor, v->patch,
            isa_name (), emulated () ? " as if with AMX" : "");
  return true;
}

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

void
reid_dnnl_op_free (ReidDnnlOp *op)
{
  if (!op)
    return;
  if (op->primitive)
    dnnl_primitive_destroy (op->primitive);
  desc_free (op->src);
  desc_free (op->weight);
  desc_free (op->dense);
  desc_free (op->bias);
  desc_free (op->dst);
  desc_free (op->scratch);
  free (op);
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
  } else if (check (dnnl_primitive_create (&op->primitive, pd),
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
  if (!bf16 || emulated ())
    return check (status, what, error);
  if (status == dnnl_success && !is_slow (pd))
    return true;
  if (status == dnnl_success)
    dnnl_primitive_desc_destroy (pd);
  else if (status != dnnl_unimplemented)
    check (status, what, error);
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
  if (emulated ()) {
    op->widened[0] = src;
    op->widened[1] = dst;
  }
}

static ReidDnnlOp *
conv_try (const ReidDnnlConv *c, dnnl_format_tag_t src_tag,
          dnnl_format_tag_t dst_tag, ReidError *error)
{
  dnnl_data_type_t half = c->bf16 && !emulated () ? dnnl_bf16 : dnnl_f32;
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
  desc_free (src);
  desc_free (dst);
  desc_free (weight);
  desc_free (bias);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  if (!op) {
    desc_free (dense);
    return NULL;
  }
  op->dense = dense;
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
  if (!ready (error))
    return NULL;
  /* What AMX wants, and what the others take without loss. */
  if (conv->bf16)
    return conv_try (conv, dnnl_acdb, dnnl_acdb, error);
  ReidDnnlOp *op =
      conv_try (conv, dnnl_format_tag_any, dnnl_format_tag_any, error);
  if (op
      && (op->src_layout == REID_LAYOUT_COUNT
          || op->dst_layout == REID_LAYOUT_COUNT)) {
    reid_dnnl_op_free (op);
    op = conv_try (conv, dnnl_abcd, dnnl_abcd, error);
  }
  return op;
}

ReidDnnlOp *
reid_dnnl_pool (const ReidDnnlPool *p, ReidLayout layout, ReidError *error)
{
  static const dnnl_alg_kind_t kinds[] = { dnnl_pooling_max,
                                           dnnl_pooling_avg_exclude_padding,
                                           dnnl_pooling_avg_include_padding };
  if (!ready (error))
    return NULL;
  bool bf16 = layout == REID_LAYOUT_BF16;
  dnnl_data_type_t type = bf16 && !emulated () ? dnnl_bf16 : dnnl_f32;
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
  desc_free (src);
  desc_free (dst);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
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
  if (!ready (error))
    return NULL;
  dnnl_data_type_t half = bf16 && !emulated () ? dnnl_bf16 : dnnl_f32;
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
  desc_free (src);
  desc_free (dst);
  desc_free (weight);
  desc_free (bias);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  if (!op) {
    desc_free (dense);
    return NULL;
  }
  op->dense = dense;
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

ReidLayout
reid_dnnl_src_layout (const ReidDnnlOp *op)
{
  return op->src_layout;
}

ReidLayout
reid_dnnl_dst_layout (const ReidDnnlOp *op)
{
  return op->dst_layout;
}

bool
reid_dnnl_splits_sums (const ReidDnnlOp *op)
{
  return op->gemm;
}

bool
reid_dnnl_alike (const ReidDnnlOp *a, const ReidDnnlOp *b)
{
  return strcmp (a->name, b->name) == 0
         && (!a->weight || dnnl_memory_desc_equal (a->weight, b->weight));
}

/* oneDNN's own part of the scratch memory. */
static size_t
own_scratch (const ReidDnnlOp *op)
{
  return op->scratch ? dnnl_memory_desc_get_size (op->scratch) : 0;
}

static size_t
aligned (size_t size)
{
  return (size + 63) / 64 * 64;
}

size_t
reid_dnnl_scratch_size (const ReidDnnlOp *op)
{
  size_t size = own_scratch (op);
  for (int i = 0; i < 2; i++)
    if (op->widened[i])
      size = aligned (size) + op->widened[i] * sizeof (float);
  return size;
}

size_t
reid_dnnl_weight_size (const ReidDnnlOp *op)
{
  return op->weight ? dnnl_memory_desc_get_size (op->weight) : 0;
}

struct ReidDnnlWeightLayout {
  Desc desc;
  bool bf16; /* emulated ones have the same descriptor */
};

ReidDnnlWeightLayout *
reid_dnnl_weight_layout (const ReidDnnlOp *op, ReidError *error)
{
  ReidDnnlWeightLayout *layout = malloc (sizeof *layout);
  Desc desc = layout ? desc_copy (op->weight) : NULL;
  if (!desc) {
    free (layout);
    reid_error_set (error, REID_ERROR_MEMORY,
                    "oneDNN: no memory for a weight layout");
    return NULL;
  }
  layout->desc = desc;
  layout->bf16 = op->bf16;
  return layout;
}

bool
reid_dnnl_weight_fits (const ReidDnnlOp *op, const ReidDnnlWeightLayout *layout)
{
  return op->bf16 == layout->bf16
         && dnnl_memory_desc_equal (op->weight, layout->desc);
}

void
reid_dnnl_weight_layout_free (ReidDnnlWeightLayout *layout)
{
  if (!layout)
    return;
  desc_free (layout->desc);
  free (layout);
}

static bool
memory_new (dnnl_memory_t *memory, ConstDesc desc, const void *data,
            ReidError *error)
{
  return check (dnnl_memory_create (memory, desc, engine, (void *) data),
                "wrapping memory", error);
}

static bool
reorder (const ReidDnnlOp *op, const float *dense, void *packed,
         ReidError *error)
{
  dnnl_memory_t from = NULL, to = NULL;
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_t primitive = NULL;
  dnnl_stream_t stream = NULL;
  bool ok =
      memory_new (&from, op->dense, dense, error)
      && memory_new (&to, op->weight, packed, error)
      && check (dnnl_reorder_primitive_desc_create (&pd, op->dense, engine,
                                                    op->weight, engine, NULL),
                "choosing a reorder of weights", error)
      && check (dnnl_primitive_create (&primitive, pd), "making a reorder",
                error)
      && check (dnnl_stream_create (&stream, engine, dnnl_stream_default_flags),
                "making a stream", error);
  if (ok) {
    dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    ok = check (dnnl_primitive_execute (primitive, stream, 2, args),
                "reordering weights", error)
         && check (dnnl_stream_wait (stream), "reordering weights", error);
  }
  if (stream)
    dnnl_stream_destroy (stream);
  if (primitive)
    dnnl_primitive_destroy (primitive);
  if (pd)
    dnnl_primitive_desc_destroy (pd);
  if (from)
    dnnl_memory_destroy (from);
  if (to)
    dnnl_memory_destroy (to);
  return ok;
}

/* [..][channels][pixels] to [..][pixels][channels]. */
static void
turn (const ReidDnnlOp *op, const float *in, float *out)
{
  size_t channels = op->planes[0], pixels = op->planes[1],
         row = channels * pixels;
  for (size_t at = 0; at < op->weight_count; at += row)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < pixels; p++)
        out[at + p * channels + c] = in[at + c * pixels + p];
}

static void
round_all (float *data, size_t n)
{
  const ReidBf16 *loops = reid_bf16_pick (reid_cpu_flags ());
  uint16_t half[256];
  for (size_t i = 0, m; i < n; i += m) {
    m = n - i < 256 ? n - i : 256;
    loops->narrow (data + i, half, m);
    loops->widen (half, data + i, m);
  }
}

bool
reid_dnnl_pack (const ReidDnnlOp *op, const float *dense, void *packed,
                ReidError *error)
{
  bool rounded = op->bf16 && emulated ();
  if (!op->planes[0] && !rounded)
    return reorder (op, dense, packed, error);
  float *copy = malloc (op->weight_count * sizeof *copy);
  if (!copy)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "oneDNN: no memory for weights");
  if (op->planes[0])
    turn (op, dense, copy);
  else
    memcpy (copy, dense, op->weight_count * sizeof *copy);
  if (rounded)
    round_all (copy, op->weight_count);
  bool ok = reorder (op, copy, packed, error);
  free (copy);
  return ok;
}

void
reid_dnnl_call_free (ReidDnnlCall *call)
{
  if (!call)
    return;
  dnnl_memory_t all[] = { call->src, call->weight, call->bias, call->dst,
                          call->scratch };
  for (int i = 0; i < 5; i++)
    if (all[i])
      dnnl_memory_destroy (all[i]);
  if (call->stream)
    dnnl_stream_destroy (call->stream);
  free (call);
}

ReidDnnlCall *
reid_dnnl_call_new (const ReidDnnlOp *op, ReidError *error)
{
  ReidDnnlCall *call = calloc (1, sizeof *call);
  if (!call) {
    reid_error_set (error, REID_ERROR_MEMORY, "oneDNN: no memory for a call");
    return NULL;
  }
  call->op = op;
  bool ok =
      check (
          dnnl_stream_create (&call->stream, engine, dnnl_stream_default_flags),
          "making a stream", error)
      && memory_new (&call->src, op->src, DNNL_MEMORY_NONE, error)
      && memory_new (&call->dst, op->dst, DNNL_MEMORY_NONE, error)
      && (!op->weight
          || memory_new (&call->weight, op->weight, DNNL_MEMORY_NONE, error))
      && (!op->bias
          || memory_new (&call->bias, op->bias, DNNL_MEMORY_NONE, error))
      && (!own_scratch (op)
          || memory_new (&call->scratch, op->scratch, DNNL_MEMORY_NONE, error));
  if (ok)
    return call;
  reid_dnnl_call_free (call);
  return NULL;
}

static bool
execute (ReidDnnlCall *call, const void *src, const void *weight,
         const float *bias, void *dst, void *scratch, ReidError *error)
{
  struct {
    int arg;
    dnnl_memory_t memory;
    const void *data;
  } all[] = { { DNNL_ARG_SRC, call->src, src },
              { DNNL_ARG_DST, call->dst, dst },
              { DNNL_ARG_WEIGHTS, call->weight, weight },
              { DNNL_ARG_BIAS, call->bias, bias },
              { DNNL_ARG_SCRATCHPAD, call->scratch, scratch } };
  dnnl_exec_arg_t args[5];
  int n = 0;
  for (int i = 0; i < 5; i++) {
    if (!all[i].memory)
      continue;
    if (!check (
            dnnl_memory_set_data_handle (all[i].memory, (void *) all[i].data),
            "binding memory", error))
      return false;
    args[n++] = (dnnl_exec_arg_t){ all[i].arg, all[i].memory };
  }
  return check (dnnl_primitive_execute (call->op->primitive, call->stream, n,
                                        args),
                "running", error)
         && check (dnnl_stream_wait (call->stream), "running", error);
}

bool
reid_dnnl_call_run (ReidDnnlCall *call, const void *src, const void *weight,
                    const float *bias, void *dst, void *scratch,
                    ReidError *error)
{
  const ReidDnnlOp *op = call->op;
  if (!op->widened[0])
    return execute (call, src, weight, bias, dst, scratch, error);
  const ReidBf16 *loops = reid_bf16_pick (reid_cpu_flags ());
  size_t own = aligned (own_scratch (op)),
         first = aligned (op->widened[0] * sizeof (float));
  float *in = (float *) ((char *) scratch + own);
  float *out = op->widened[1] ? (float *) ((char *) scratch + own + first)
                              : (float *) dst;
  loops->widen (src, in, op->widened[0]);
  if (op->sum && op->widened[1])
    loops->widen (dst, out, op->widened[1]);
  if (!execute (call, in, weight, bias, out, scratch, error))
    return false;
  if (op->widened[1])
    loops->narrow (out, dst, op->widened[1]);
  return true;
}
