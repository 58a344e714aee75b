/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/shim.h"
#include "nn/dnnl/bf16.h"
#include "nn/dnnl/shim_private.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ReidDnnlCall {
  const ReidDnnlOp *op;
  dnnl_stream_t stream;
  dnnl_memory_t src, weight, bias, dst, scratch;
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

bool
reid_dnnl_check (dnnl_status_t status, const char *what, ReidError *error)
{
  if (status == dnnl_success)
    return true;
  return reid_error_set (
      error,
      status == dnnl_out_of_memory ? REID_ERROR_MEMORY : REID_ERROR_DEVICE,
      "oneDNN: %s: %s (status %d)", what, status_text (status), (int) status);
}

dnnl_engine_t
reid_dnnl_engine (ReidError *error)
{
  pthread_once (&engine_once, engine_make);
  return reid_dnnl_check (engine_status, "making the CPU engine", error)
             ? engine
             : NULL;
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
#if DNNL_VERSION_MAJOR >= 3
    case dnnl_cpu_isa_avx512_core_fp16:
      return "avx512_core_fp16";
    case dnnl_cpu_isa_avx512_core_amx_fp16:
      return "avx512_core_amx_fp16";
#endif
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

bool
reid_dnnl_emulated (void)
{
  return reid_dnnl_bf16 () == REID_DNNL_EMULATED_BF16;
}

bool
reid_dnnl_describe (char *line, size_t size)
{
  ReidError error = REID_ERROR_INIT;
  if (!reid_dnnl_engine (&error)) {
    snprintf (line, size, "%s", error.message);
    return false;
  }
  const dnnl_version_t *v = dnnl_version ();
  snprintf (line, size, "oneDNN %d.%d.%d, %s%s", v->major, v->minor, v->patch,
            isa_name (), reid_dnnl_emulated () ? " as if with AMX" : "");
  return true;
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
  return reid_dnnl_check (
      dnnl_memory_create (memory, desc, engine, (void *) data),
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
      && reid_dnnl_check (dnnl_reorder_primitive_desc_create (
                              &pd, op->dense, engine, op->weight, engine, NULL),
                          "choosing a reorder of weights", error)
      && reid_dnnl_check (dnnl_primitive_create (&primitive, pd),
                          "making a reorder", error)
      && reid_dnnl_check (
          dnnl_stream_create (&stream, engine, dnnl_stream_default_flags),
          "making a stream", error);
  if (ok) {
    dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    ok = reid_dnnl_check (dnnl_primitive_execute (primitive, stream, 2, args),
                          "reordering weights", error)
         && reid_dnnl_check (dnnl_stream_wait (stream), "reordering weights",
                             error);
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
  bool rounded = op->bf16 && reid_dnnl_emulated ();
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
      reid_dnnl_check (
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
    if (!reid_dnnl_check (
            dnnl_memory_set_data_handle (all[i].memory, (void *) all[i].data),
            "binding memory", error))
      return false;
    args[n++] = (dnnl_exec_arg_t){ all[i].arg, all[i].memory };
  }
  return reid_dnnl_check (dnnl_primitive_execute (call->op->primitive,
                                                  call->stream, n, args),
                          "running", error)
         && reid_dnnl_check (dnnl_stream_wait (call->stream), "running", error);
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
