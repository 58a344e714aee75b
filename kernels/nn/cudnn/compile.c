/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/cudnn/compile.h"

#include <stdlib.h>
#include <string.h>

/* As cudaMalloc aligns. */
#define ALIGNMENT 256

static void
no_memory (ReidGpuCompiler *c)
{
  reid_error_set (c->error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                  c->program->graph->file);
}

bool
reid_gpu_is_constant (const ReidGpuCompiler *c, int value)
{
  return c->program->graph->values[value].data != NULL;
}

bool
reid_gpu_blocked (const ReidGpuCompiler *c, int value, ReidBlocked *b)
{
  const ReidShape *s = &c->shapes[value];
  int64_t n = 1;

  memset (b, 0, sizeof *b);
  b->store = c->program->store;
  if (s->rank < 2 || s->rank > 4)
    return false;
  for (int i = 0; i < s->rank; i++)
    if (s->dims[i] < 1 || s->dims[i] > INT32_MAX / 8)
      return false;
  if (s->rank == 4) {
    b->n = (int32_t) s->dims[0];
    b->c = (int32_t) s->dims[1];
    b->h = (int32_t) s->dims[2];
    b->w = (int32_t) s->dims[3];
  } else {
    for (int i = 0; i < s->rank - 1; i++)
      n *= s->dims[i];
    if (n > INT32_MAX / 8)
      return false;
    b->n = (int32_t) n;
    b->h = b->w = 1;
    b->c = (int32_t) s->dims[s->rank - 1];
  }
  b->cp = reid_padded (b->c);
  return true;
}

bool
reid_gpu_has_blocked (const ReidGpuCompiler *c, int value)
{
  return c->vars[value].in[REID_GPU_BLOCKED] >= 0;
}

int
reid_gpu_make (ReidGpuCompiler *c, int value, ReidGpuLayout layout)
{
  ReidBlocked b;
  size_t size;
  int buffer;

  if (layout == REID_GPU_BLOCKED) {
    reid_gpu_blocked (c, value, &b);
    size = (size_t) b.n * b.h * b.w * b.cp * reid_store_size (b.store);
  } else {
    size = (size_t) reid_shape_count (&c->shapes[value]) * sizeof (float);
  }
  buffer = reid_gpu_add_buffer (c->program, size, NULL);
  if (buffer < 0)
    no_memory (c);
  else
    c->vars[value].in[layout] = buffer;
  return buffer;
}

ReidGpuStep *
reid_gpu_step (ReidGpuCompiler *c, ReidGpuStepKind kind, const ReidNode *node,
               int n_in, int out)
{
  ReidGpuStep *s =
      out < 0 ? NULL : reid_gpu_add_step (c->program, kind, node, n_in, out);

  if (!s)
    no_memory (c);
  return s;
}

const void *
reid_gpu_constant (ReidGpuCompiler *c, int value, ReidForm form, int padded)
{
  return reid_gpu_weights_get (c->weights, value, form, padded, 0, 0, c->error);
}

bool
reid_gpu_vector (ReidGpuCompiler *c, int value, int padded, const float **to)
{
  *to =
      value < 0 ? NULL : reid_gpu_constant (c, value, REID_FORM_VECTOR, padded);
  return value < 0 || *to;
}

bool
reid_gpu_per_channel (const ReidGpuCompiler *c, const ReidNode *node)
{
  int rank = c->shapes[node->in[0]].rank;
  ReidBlocked b;

  if ((rank != 4 && rank != 2) || !reid_gpu_blocked (c, node->in[0], &b))
    return false;
  for (int i = 1; i < node->n_in; i++)
    if (node->in[i] < 0 || !reid_gpu_is_constant (c, node->in[i]))
      return false;
  return true;
}

int
reid_gpu_want (ReidGpuCompiler *c, int value, ReidGpuLayout layout)
{
  ReidGpuVar *v = &c->vars[value];
  const void *constant;
  ReidGpuStep *s;
  ReidBlocked b;
  int from, out;

  if (v->in[layout] >= 0)
    return v->in[layout];
  if (reid_gpu_is_constant (c, value) && layout == REID_GPU_DENSE) {
    constant = reid_gpu_constant (c, value, REID_FORM_DENSE, 0);
    out = constant ? reid_gpu_add_buffer (c->program, 0, constant) : -1;
    if (out < 0)
      no_memory (c);
    return v->in[layout] = out;
  }
  if (v->flat >= 0 && layout == REID_GPU_DENSE)
    /* the same numbers in the same order */
    return v->in[layout] = reid_gpu_want (c, v->flat, REID_GPU_DENSE);
  if (layout == REID_GPU_BLOCKED) {
    from = reid_gpu_want (c, value, REID_GPU_DENSE);
    out = from < 0 ? -1 : reid_gpu_make (c, value, layout);
    s = reid_gpu_step (c, REID_GPU_PACK, NULL, 1, out);
    if (!s)
      return -1;
    reid_gpu_blocked (c, value, &s->to);
  } else {
    from = v->in[REID_GPU_BLOCKED];
    out = from < 0 ? -1 : reid_gpu_make (c, value, layout);
    s = reid_gpu_step (c, REID_GPU_UNPACK, NULL, 1, out);
    if (!s)
      return -1;
    reid_gpu_blocked (c, value, &b);
    s->from = b;
  }
  s->in[0] = from;
  return out;
}

/* Data stay where they are. */
static bool
reshape (ReidGpuCompiler *c, const ReidNode *node)
{
  const ReidShape *in = &c->shapes[node->in[0]], *out = &c->shapes[node->out];
  ReidGpuVar *v = &c->vars[node->in[0]], *o = &c->vars[node->out];

  if (!reid_gpu_is_constant (c, node->in[0]) && in->rank == 4 && out->rank == 2
      && out->dims[0] == in->dims[0] && v->in[REID_GPU_BLOCKED] >= 0) {
    if (in->dims[2] == 1 && in->dims[3] == 1)
      o->in[REID_GPU_BLOCKED] = v->in[REID_GPU_BLOCKED];
    o->flat = node->in[0];
    return true;
  }
  o->in[REID_GPU_DENSE] = reid_gpu_want (c, node->in[0], REID_GPU_DENSE);
  return o->in[REID_GPU_DENSE] >= 0;
}

static bool
reference (ReidGpuCompiler *c, const ReidNode *node)
{
  int *in = malloc (((size_t) node->n_in + 1) * sizeof *in);
  ReidShape *shapes = calloc ((size_t) node->n_in + 1, sizeof *shapes);
  const float **constant = calloc ((size_t) node->n_in + 1, sizeof *constant);
  bool ok = in && shapes && constant;

  for (int i = 0; i < node->n_in && ok; i++) {
    in[i] = -1;
    if (node->in[i] < 0)
      continue;
    shapes[i] = c->shapes[node->in[i]];
    constant[i] = c->program->graph->values[node->in[i]].data;
    if (!constant[i]) {
      in[i] = reid_gpu_want (c, node->in[i], REID_GPU_DENSE);
      ok = in[i] >= 0;
    }
  }
  ReidGpuStep *s =
      ok ? reid_gpu_step (c, REID_GPU_REFERENCE, node, node->n_in,
                          reid_gpu_make (c, node->out, REID_GPU_DENSE))
         : NULL;
  if (s) {
    shapes[node->n_in] = c->shapes[node->out];
    memcpy (s->in, in, (size_t) node->n_in * sizeof *in);
    s->u.reference.in = shapes;
    s->u.reference.constant = constant;
    c->program->capturable = false;
  } else {
    no_memory (c);
    free (shapes);
    free (constant);
  }
  free (in);
  return s != NULL;
}

static bool
compile_node (ReidGpuCompiler *c, const ReidNode *node)
{
  bool taken = false;

  if (node->op == REID_OP_RESHAPE)
    return reshape (c, node);
  if (!reid_gpu_compile_maps (c, node, &taken))
    return false;
  if (!taken && !reid_gpu_compile_dense (c, node, &taken))
    return false;
  return taken || reference (c, node);
}

/* Who reads what. */
static void
look_ahead (ReidGpuCompiler *c)
{
  const ReidGraph *g = c->program->graph;

  for (int i = 0; i < g->n_outputs; i++)
    c->vars[g->outputs[i]].readers++;
  for (int i = 0; i < g->n_nodes; i++)
    for (int k = 0; k < g->nodes[i].n_in; k++)
      if (g->nodes[i].in[k] >= 0)
        c->vars[g->nodes[i].in[k]].readers++;
  /* two of them: the last one */
  for (int i = 0; i < g->n_nodes; i++)
    if (g->nodes[i].op == REID_OP_AFFINE && g->nodes[i].in[0] >= 0)
      c->vars[g->nodes[i].in[0]].affine = &g->nodes[i];
}

static void
live (ReidGpuProgram *p, int buffer, int step)
{
  ReidGpuBuffer *b;

  if (buffer < 0)
    return;
  b = &p->buffers[buffer];
  if (b->first < 0)
    b->first = step;
  b->last = step;
}

/* The only reader of an input, if that is a step that packs it. */
static int
packing_step (const ReidGpuProgram *p, int buffer)
{
  int found = -1;

  for (int i = 0; i < p->n_steps; i++)
    for (int k = 0; k < p->steps[i].n_in; k++)
      if (p->steps[i].in[k] == buffer) {
        if (found >= 0 || p->steps[i].kind != REID_GPU_PACK)
          return -1;
        found = i;
      }
  for (int i = 0; i < p->graph->n_outputs; i++)
    if (p->outputs[i] == buffer)
      return -1;
  return found;
}

static bool
place (ReidGpuCompiler *c)
{
  ReidGpuProgram *p = c->program;
  const ReidGraph *g = p->graph;
  ReidBlock *blocks = calloc ((size_t) p->n_buffers + 1, sizeof *blocks);
  int *which = calloc ((size_t) p->n_buffers + 1, sizeof *which), n = 0;

  if (!blocks || !which) {
    free (blocks);
    free (which);
    no_memory (c);
    return false;
  }
  for (int i = 0; i < g->n_inputs; i++) {
    live (p, p->inputs[i].buffer, 0);
    if (p->inputs[i].pack >= 0)
      live (p, p->steps[p->inputs[i].pack].out, 0);
  }
  for (int i = 0; i < p->n_steps; i++) {
    for (int k = 0; k < p->steps[i].n_in; k++)
      live (p, p->steps[i].in[k], i);
    live (p, p->steps[i].out, i);
    live (p, p->steps[i].also, i);
  }
  for (int i = 0; i < g->n_outputs; i++)
    live (p, p->outputs[i], p->n_steps);
  for (int i = 0; i < p->n_buffers; i++)
    if (!p->buffers[i].constant && p->buffers[i].first >= 0) {
      blocks[n] = (ReidBlock){ p->buffers[i].size, 0, p->buffers[i].first,
                               p->buffers[i].last };
      which[n++] = i;
    }
  p->memory = reid_plan_blocks (blocks, n, ALIGNMENT);
  for (int i = 0; i < n; i++)
    p->buffers[which[i]].offset = blocks[i].offset;
  free (blocks);
  free (which);
  if (p->memory > PTRDIFF_MAX / 2)
    return reid_error_set (c->error, REID_ERROR_MEMORY,
                           "%s: the memory for this size is larger than the "
                           "address space",
                           g->file);
  return true;
}

static bool
ends (ReidGpuCompiler *c)
{
  ReidGpuProgram *p = c->program;
  const ReidGraph *g = p->graph;

  for (int i = 0; i < g->n_outputs; i++) {
    int value = g->outputs[i];
    p->output_bytes[i] =
        (size_t) reid_shape_count (&c->shapes[value]) * sizeof (float);
    p->outputs[i] = reid_gpu_is_constant (c, value)
                        ? -1
                        : reid_gpu_want (c, value, REID_GPU_DENSE);
    if (p->outputs[i] < 0 && !reid_gpu_is_constant (c, value))
      return false;
  }
  return true;
}

static bool
compile (ReidGpuCompiler *c)
{
  ReidGpuProgram *p = c->program;
  const ReidGraph *g = p->graph;

  for (int i = 0; i < g->n_values; i++) {
    c->vars[i].flat = -1;
    for (int k = 0; k < REID_GPU_LAYOUTS; k++)
      c->vars[i].in[k] = -1;
  }
  look_ahead (c);
  for (int i = 0; i < g->n_inputs; i++) {
    ReidGpuInput *in = &p->inputs[i];
    in->buffer = reid_gpu_make (c, g->inputs[i], REID_GPU_DENSE);
    if (in->buffer < 0)
      return false;
    in->bytes = p->buffers[in->buffer].size;
    if (c->shapes[g->inputs[i]].rank != 4
        || !reid_gpu_blocked (c, g->inputs[i], &in->pictures))
      in->pictures.n = 0;
  }
  for (int i = 0; i < g->n_nodes; i++) {
    if (!compile_node (c, &g->nodes[i])) {
      no_memory (c); /* unless another reason was given */
      return false;
    }
  }
  if (!ends (c))
    return false;
  for (int i = 0; i < g->n_inputs; i++)
    p->inputs[i].pack = packing_step (p, p->inputs[i].buffer);
  return place (c);
}

static ReidGpuProgram *
program_new (const ReidGraph *graph, const ReidGpu *gpu, ReidStore store,
             ReidTuner *tuner, ReidGpuWeights *weights, const ReidShape *shapes,
             bool gathering, ReidError *error)
{
  ReidGpuProgram *p = calloc (1, sizeof *p);
  ReidGpuCompiler c = { p, weights, shapes, NULL, error };
  size_t n_in = (size_t) graph->n_inputs + 1,
         n_out = (size_t) graph->n_outputs + 1;

  c.vars = calloc ((size_t) graph->n_values + 1, sizeof *c.vars);
  if (p) {
    p->graph = graph;
    p->gpu = *gpu;
    p->store = store;
    p->tuner = tuner;
    p->gathering = gathering;
    p->capturable = !gpu->host;
    p->inputs = calloc (n_in, sizeof *p->inputs);
    p->outputs = calloc (n_out, sizeof *p->outputs);
    p->output_bytes = calloc (n_out, sizeof *p->output_bytes);
  }
  if (!p || !c.vars || !p->inputs || !p->outputs || !p->output_bytes)
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a plan",
                    graph->file);
  else if (compile (&c)) {
    free (c.vars);
    return p;
  }
  free (c.vars);
  reid_gpu_program_free (p);
  return NULL;
}

/* Twice: what plans there must be is known only when all is compiled, and they
 * are made several at a time. */
ReidGpuProgram *
reid_gpu_program_new (const ReidGraph *graph, const ReidGpu *gpu,
                      ReidStore store, ReidTuner *tuner,
                      ReidGpuWeights *weights, const ReidShape *shapes,
                      ReidError *error)
{
  ReidGpuProgram *p =
      program_new (graph, gpu, store, tuner, weights, shapes, true, error);

  if (!p)
    return NULL;
  reid_tuner_prepare (tuner, p->wanted, p->n_wanted);
  reid_gpu_program_free (p);
  return program_new (graph, gpu, store, tuner, weights, shapes, false, error);
}
