/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/program.h"

#include <stdlib.h>
#include <string.h>

int
reid_gpu_add_buffer (ReidGpuProgram *p, size_t size, const void *constant)
{
  if (p->n_buffers == p->buffers_size) {
    int room = p->buffers_size ? 2 * p->buffers_size : 64;
    ReidGpuBuffer *more = realloc (p->buffers, (size_t) room * sizeof *more);
    if (!more)
      return -1;
    p->buffers = more;
    p->buffers_size = room;
  }
  p->buffers[p->n_buffers] = (ReidGpuBuffer){ constant, size, -1, -1, 0 };
  return p->n_buffers++;
}

ReidGpuStep *
reid_gpu_add_step (ReidGpuProgram *p, ReidGpuStepKind kind,
                   const ReidNode *node, int n_in, int out)
{
  if (p->n_steps == p->steps_size) {
    int room = p->steps_size ? 2 * p->steps_size : 64;
    ReidGpuStep *more = realloc (p->steps, (size_t) room * sizeof *more);
    if (!more)
      return NULL;
    p->steps = more;
    p->steps_size = room;
  }
  ReidGpuStep *s = &p->steps[p->n_steps];
  memset (s, 0, sizeof *s);
  s->in = malloc (((size_t) n_in + 1) * sizeof *s->in);
  if (!s->in)
    return NULL;
  for (int i = 0; i < n_in; i++)
    s->in[i] = -1;
  s->kind = kind;
  s->node = node;
  s->n_in = n_in;
  s->out = out;
  s->also = -1;
  p->n_steps++;
  return s;
}

void
reid_gpu_program_free (ReidGpuProgram *p)
{
  if (!p)
    return;
  for (int i = 0; i < p->n_steps; i++) {
    ReidGpuStep *s = &p->steps[i];
    free (s->in);
    if (s->kind == REID_GPU_REFERENCE) {
      free ((void *) s->u.reference.in);
      free (s->u.reference.constant);
    }
  }
  free (p->wanted);
  free (p->steps);
  free (p->buffers);
  free (p->inputs);
  free (p->outputs);
  free (p->output_bytes);
  free (p);
}

/* --- running --- */

typedef struct {
  const ReidGpuProgram *program;
  ReidQueue queue;
  char *memory;
  ReidError *error;
} Run;

static void *
at (const Run *r, int buffer)
{
  const ReidGpuBuffer *b;

  if (buffer < 0)
    return NULL;
  b = &r->program->buffers[buffer];
  return b->constant ? (void *) b->constant : r->memory + b->offset;
}

/* What no kernel was written for: over to the host and back. */
static bool
reference (const Run *r, const ReidGpuStep *s)
{
  const ReidGpu *gpu = &r->program->gpu;
  const ReidShape *shapes = s->u.reference.in, *out_shape = &shapes[s->n_in];
  const float **in = calloc ((size_t) s->n_in + 1, sizeof *in);
  size_t out_size = (size_t) reid_shape_count (out_shape) * sizeof (float);
  float *out = malloc (out_size + 1);
  bool ok = in && out;

  if (!ok)
    reid_error_set (r->error, REID_ERROR_MEMORY, "no memory for node '%.100s'",
                    s->node->name);
  for (int i = 0; i < s->n_in && ok; i++) {
    in[i] = s->u.reference.constant[i];
    if (in[i] || s->in[i] < 0)
      continue;
    size_t size = (size_t) reid_shape_count (&shapes[i]) * sizeof (float);
    float *data = malloc (size + 1);
    in[i] = data;
    ok = data
         && reid_gpu_download (gpu, r->queue, data, at (r, s->in[i]), size,
                               r->error)
         && reid_gpu_wait (gpu, r->queue, r->error);
  }
  ok = ok && reid_reference_op (s->node, in, shapes, out, out_shape, r->error)
       && reid_gpu_upload (gpu, r->queue, at (r, s->out), out, out_size,
                           r->error)
       && reid_gpu_wait (gpu, r->queue, r->error);
  for (int i = 0; i < s->n_in && in; i++)
    if (in[i] != s->u.reference.constant[i])
      free ((void *) in[i]);
  free (in);
  free (out);
  return ok;
}

static cudaError_t
step (const Run *r, const ReidGpuStep *s)
{
  ReidQueue q = r->queue;
  const void *x = s->n_in ? at (r, s->in[0]) : NULL,
             *b = s->n_in > 1 ? at (r, s->in[1]) : NULL;
  void *y = at (r, s->out);
  ReidEpilogue end;

  switch (s->kind) {
    case REID_GPU_PACK:
      return reid_cuda_pack (q, x, y, &s->to);
    case REID_GPU_UNPACK:
      return reid_cuda_unpack (q, x, y, &s->from, s->u.last);
    case REID_GPU_CONV:
    case REID_GPU_DEPTHWISE:
      end = s->u.conv.end;
      end.residual = b;
      return s->kind == REID_GPU_CONV
                 ? reid_cuda_conv (q, x, s->u.conv.weight, y, &s->from, &s->to,
                                   &s->u.conv.window, &end)
                 : reid_cuda_depthwise (q, x, s->u.conv.weight, y, &s->from,
                                        &s->to, &s->u.conv.window, &end);
    case REID_GPU_EPILOGUE:
      end = s->u.end;
      end.residual = b;
      return reid_cuda_epilogue (q, x, y, &s->to, &end);
    case REID_GPU_POOL:
      return reid_cuda_pool (q, x, y, &s->from, &s->to, &s->u.pool.window,
                             s->u.pool.max);
    case REID_GPU_GLOBAL_AVERAGE:
      return reid_cuda_global_average (q, x, y, &s->from);
    case REID_GPU_RESIZE:
      return reid_cuda_resize (q, x, y, &s->from, &s->to, &s->u.resize);
    case REID_GPU_CHANNELS:
      return reid_cuda_channels (q, x, y, &s->from, s->u.channels.from, &s->to,
                                 s->u.channels.to, s->u.channels.count,
                                 s->u.channels.zeros);
    case REID_GPU_COMBINE:
      return reid_cuda_combine (q, s->u.combine.kind, s->u.combine.swap, x, b,
                                s->u.combine.spread, y, &s->to);
    case REID_GPU_MAP:
      return reid_cuda_map (q, &s->u.map.unary, x, y, s->u.map.store,
                            s->u.map.n, s->u.map.c, s->u.map.cp);
    case REID_GPU_STRIDED:
      return reid_cuda_strided (q, x, y, &s->u.strided);
    case REID_GPU_FILL:
      return reid_cuda_fill (q, s->u.fill.value, y, s->u.fill.n);
    case REID_GPU_BINARY:
      return reid_cuda_binary (q, s->u.binary.kind, x, b, y, s->u.binary.rank,
                               s->u.binary.dims, s->u.binary.stride[0],
                               s->u.binary.stride[1]);
    case REID_GPU_SOFTMAX:
      return reid_cuda_softmax (q, x, y, s->u.softmax.outer, s->u.softmax.n,
                                s->u.softmax.inner);
    case REID_GPU_REDUCE:
      return reid_cuda_reduce (q, x, y, &s->u.reduction);
    case REID_GPU_LAYER_NORM:
      return reid_cuda_layer_norm (q, x, b, at (r, s->in[2]), y, s->u.norm.rows,
                                   s->u.norm.n, s->u.norm.epsilon);
    case REID_GPU_MATMUL:
      return reid_cuda_matmul (q, x, s->u.matmul.a_stride, b,
                               s->u.matmul.b_stride, y, s->u.matmul.batch,
                               s->u.matmul.m, s->u.matmul.k, s->u.matmul.n);
    case REID_GPU_FUSED:
    case REID_GPU_REFERENCE:
      break;
  }
  return cudaErrorInvalidValue;
}

bool
reid_gpu_program_packs (const ReidGpuProgram *p)
{
  for (int i = 0; i < p->graph->n_inputs; i++)
    if (p->inputs[i].pack < 0)
      return false;
  return true;
}

static bool
packs_input (const ReidGpuProgram *p, int step)
{
  for (int i = 0; i < p->graph->n_inputs; i++)
    if (p->inputs[i].pack == step)
      return true;
  return false;
}

bool
reid_gpu_program_run (const ReidGpuProgram *p, ReidQueue queue, void *memory,
                      bool packed, ReidError *error)
{
  ReidError why = REID_ERROR_INIT;
  Run r = { p, queue, memory, &why };
  bool ok = true;

  for (int i = 0; i < p->n_steps && ok; i++) {
    const ReidGpuStep *s = &p->steps[i];
    if (packed && packs_input (p, i))
      continue;
    if (s->kind == REID_GPU_REFERENCE) {
      ok = reference (&r, s);
    } else if (s->kind == REID_GPU_FUSED) {
      ReidFusedData data = { .x = at (&r, s->in[0]),
                             .weight = s->u.conv.weight,
                             .bias = s->u.conv.end.shift,
                             .residual = at (&r, s->in[1]),
                             .slope = s->u.conv.end.slope,
                             .y = at (&r, s->out),
                             .scale = s->u.conv.scale,
                             .shift = s->u.conv.shift,
                             .z = at (&r, s->also >= 0 ? s->also : s->out) };
      ok = reid_tuner_run (p->tuner, s->u.conv.plan, queue, &data,
                           r.memory + p->memory, &why);
    } else {
      ok = reid_gpu_ok (step (&r, s), "a kernel on the GPU", &why);
    }
    if (!ok && s->node)
      reid_error_prefix (&why, "%s: node '%.100s' (%s)", p->graph->file,
                         s->node->name, s->node->type);
  }
  if (!ok)
    reid_error_set (error, why.status, "%s", why.message);
  return ok;
}
