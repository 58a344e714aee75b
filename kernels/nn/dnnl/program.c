/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/matmul.h"
#include "nn/dnnl/passes_bf16.h"
#include "nn/dnnl/product.h"
#include "nn/dnnl/program.h"
#include "nn/dnnl/team.h"

#include <stdlib.h>
#include <string.h>

int
reid_program_add_buffer (ReidProgram *p, ReidBufferKind kind, size_t size,
                         int index, const float *constant)
{
  if (p->n_buffers == p->buffers_size) {
    int n = p->buffers_size ? 2 * p->buffers_size : 64;
    ReidBuffer *b = realloc (p->buffers, n * sizeof *b);
    if (!b)
      return -1;
    p->buffers = b;
    p->buffers_size = n;
  }
  p->buffers[p->n_buffers] =
      (ReidBuffer){ kind, index, constant, size, -1, -1, 0 };
  return p->n_buffers++;
}

ReidStep *
reid_program_add_step (ReidProgram *p, ReidStepKind kind, const ReidNode *node,
                       int n_in)
{
  if (p->n_steps == p->steps_size) {
    int n = p->steps_size ? 2 * p->steps_size : 64;
    ReidStep *s = realloc (p->steps, n * sizeof *s);
    if (!s)
      return NULL;
    p->steps = s;
    p->steps_size = n;
  }
  int *in = calloc (n_in ? n_in : 1, sizeof *in);
  if (!in)
    return NULL;
  ReidStep *s = &p->steps[p->n_steps++];
  memset (s, 0, sizeof *s);
  s->kind = kind;
  s->node = node;
  s->in = in;
  s->n_in = n_in;
  s->out = s->scratch = -1;
  return s;
}

static void
live (ReidProgram *p, int buffer, int step)
{
  if (buffer < 0)
    return;
  ReidBuffer *b = &p->buffers[buffer];
  if (b->first < 0)
    b->first = step;
  b->last = step;
}

bool
reid_program_place (ReidProgram *p, ReidError *error)
{
  ReidBlock *blocks = calloc ((size_t) p->n_buffers + 1, sizeof *blocks);
  ReidBuffer **which = calloc ((size_t) p->n_buffers + 1, sizeof *which);
  int n = 0;

  for (int i = 0; i < p->n_steps; i++) {
    const ReidStep *s = &p->steps[i];
    for (int j = 0; j < s->n_in; j++)
      live (p, s->in[j], i);
    live (p, s->out, i);
    live (p, s->scratch, i);
  }
  if (!blocks || !which) {
    free (blocks);
    free (which);
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory for a memory plan");
  }
  for (int i = 0; i < p->n_buffers; i++) {
    ReidBuffer *b = &p->buffers[i];
    if (b->kind != REID_BUFFER_WORK || b->first < 0)
      continue;
    blocks[n] = (ReidBlock){ b->size, 0, b->first, b->last };
    which[n++] = b;
  }
  p->workspace = reid_plan_blocks (blocks, n, 64);
  for (int i = 0; i < n; i++)
    which[i]->offset = blocks[i].offset;
  free (blocks);
  free (which);
  if (p->workspace > PTRDIFF_MAX / 2)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "the working memory for this input size is larger "
                           "than the address space");
  return true;
}

void
reid_program_free (ReidProgram *p)
{
  if (!p)
    return;
  for (int i = 0; i < p->n_steps; i++) {
    ReidStep *s = &p->steps[i];
    free (s->in);
    free (s->constant);
    free (s->constant2);
    if (s->kind == REID_STEP_CHAIN)
      free (s->u.chain.chain);
    if (s->kind == REID_STEP_WINOGRAD)
      free (s->u.winograd.conv);
    if (s->kind == REID_STEP_CONV || s->kind == REID_STEP_POOL
        || s->kind == REID_STEP_INNER_PRODUCT)
      reid_dnnl_op_free (s->u.product.op);
    if (s->kind == REID_STEP_REFERENCE || s->kind == REID_STEP_CONCAT
        || s->kind == REID_STEP_MATMUL)
      free ((void *) s->u.shapes.in);
  }
  free (p->steps);
  free (p->buffers);
  free (p);
}

void
reid_program_state_free (ReidProgramState *state)
{
  if (!state)
    return;
  for (int i = 0; i < state->n; i++)
    reid_dnnl_call_free (state->calls[i]);
  free (state->calls);
  free (state);
}

ReidProgramState *
reid_program_state_new (const ReidProgram *p, ReidError *error)
{
  ReidProgramState *state = calloc (1, sizeof *state);
  if (state)
    state->calls = calloc (p->n_calls + 1, sizeof *state->calls);
  if (!state || !state->calls) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: no memory for a run",
                    p->graph->file);
    free (state);
    return NULL;
  }
  state->n = p->n_calls;
  for (int i = 0; i < p->n_steps; i++) {
    const ReidStep *s = &p->steps[i];
    if ((s->kind != REID_STEP_CONV && s->kind != REID_STEP_POOL
         && s->kind != REID_STEP_INNER_PRODUCT)
        || !s->u.product.op)
      continue;
    state->calls[s->u.product.call] =
        reid_dnnl_call_new (s->u.product.op, error);
    if (!state->calls[s->u.product.call]) {
      reid_error_prefix (error, "%s: node %s", p->graph->file, s->node->name);
      reid_program_state_free (state);
      return NULL;
    }
  }
  return state;
}

/* --- running --- */

typedef struct {
  const ReidProgram *program;
  ReidProgramState *state;
  const float *const *inputs;
  float *const *outputs;
  char *workspace;
} Run;

static float *
at (const Run *r, int buffer)
{
  if (buffer < 0)
    return NULL;
  const ReidBuffer *b = &r->program->buffers[buffer];
  switch (b->kind) {
    case REID_BUFFER_INPUT:
      return (float *) r->inputs[b->index];
    case REID_BUFFER_OUTPUT:
      return r->outputs[b->index];
    case REID_BUFFER_CONSTANT:
      return (float *) b->constant;
    case REID_BUFFER_WORK:
      break;
  }
  return (float *) (r->workspace + b->offset);
}

typedef struct {
  const ReidChain *chain;
  int bands;
  const float *in, *side[REID_CHAIN_MAX];
  float *out, *scratch;
  size_t in_size, side_size[REID_CHAIN_MAX], out_size; /* of one picture */
} ChainWork;

/* A band of a picture. */
static void
chain_band (void *data, int member, int item)
{
  const ChainWork *w = data;
  int n = item / w->bands, band = item % w->bands;
  int height = w->chain->stage[w->chain->n - 1].out[0];
  int from = (int) ((int64_t) height * band / w->bands);
  int to = (int) ((int64_t) height * (band + 1) / w->bands);
  const float *side[REID_CHAIN_MAX];
  for (int i = 0; i < w->chain->n; i++)
    side[i] = w->side[i] ? w->side[i] + n * w->side_size[i] : NULL;
  reid_chain_run (w->chain, w->in + n * w->in_size, side,
                  w->out + n * w->out_size, from, to,
                  w->scratch + member * w->chain->scratch);
}

static void
run_chain (const Run *r, const ReidStep *s)
{
  const ReidChain *c = s->u.chain.chain;
  const ReidStage *first = &c->stage[0], *last = &c->stage[c->n - 1];
  ChainWork w = { .chain = c,
                  .bands = s->u.chain.bands,
                  .in = at (r, s->in[0]),
                  .out = at (r, s->out),
                  .scratch = at (r, s->scratch) };
  w.in_size = (size_t) first->in[0] * first->in[1]
              * (first->kind == REID_STAGE_SMALL
                     ? (size_t) first->in_channels
                     : reid_rows_padded (c->rows, first->in_channels));
  w.out_size = (size_t) last->out[0] * last->out[1]
               * reid_rows_padded (c->rows, last->out_channels);
  for (int i = 0; i < c->n; i++) {
    const ReidStage *t = &c->stage[i];
    int size[2];
    if (!t->side)
      continue;
    reid_stage_side (t, size);
    w.side[i] = at (r, s->in[1 + i]);
    w.side_size[i] = (size_t) size[0] * size[1]
                     * reid_rows_padded (c->rows, t->side_channels);
  }
  reid_team_run (s->u.chain.members, (int) s->shape.dims[0] * w.bands,
                 chain_band, &w);
}

static bool
run_conv (const Run *r, const ReidStep *s, ReidError *error)
{
  float *out = at (r, s->out);
  size_t size = reid_layout_size (&s->u.product.out_shape, s->to);
  if (s->u.product.sum)
    memcpy (out, at (r, s->in[1]), size);
  reid_team_set_limit (s->u.product.threads);
  if (!reid_dnnl_call_run (r->state->calls[s->u.product.call], at (r, s->in[0]),
                           s->u.product.weight, s->u.product.bias, out,
                           at (r, s->scratch), error))
    return reid_error_set (error, REID_ERROR_DEVICE, "oneDNN failed");
  if (s->u.product.slope)
    reid_pass_prelu (&s->u.product.out_shape, s->to, out, s->u.product.slope,
                     out);
  return true;
}

static bool
run_inner_product (const Run *r, const ReidStep *s, ReidError *error)
{
  if (s->u.product.op) {
    reid_team_set_limit (s->u.product.threads);
    return reid_dnnl_call_run (r->state->calls[s->u.product.call],
                               at (r, s->in[0]), s->u.product.weight,
                               s->u.product.bias, at (r, s->out),
                               at (r, s->scratch), error);
  }
  reid_product_run (r->program->rows, &s->u.product.point, s->u.product.threads,
                    at (r, s->in[0]), s->shape.dims[0],
                    s->u.product.out_shape.dims[1], at (r, s->out),
                    s->scratch >= 0 ? at (r, s->scratch) : NULL);
  return true;
}

static void
run_concat (const Run *r, const ReidStep *s)
{
  float *out = at (r, s->out);
  if (s->layout == REID_LAYOUT_BF16) {
    uint16_t *to = (uint16_t *) out;
    for (int i = 0; i < s->n_in; to += s->u.shapes.in[i++].dims[1])
      reid_bf16_place (&s->u.shapes.in[i], (const uint16_t *) at (r, s->in[i]),
                       (size_t) s->u.shapes.out.dims[1], to);
    return;
  }
  int64_t pictures = s->u.shapes.out.dims[0];
  ReidShape one = s->u.shapes.out;
  one.dims[0] = 1;
  size_t stride = reid_layout_size (&one, s->layout) / sizeof *out, to = 0;
  for (int i = 0; i < s->n_in; i++) {
    one = s->u.shapes.in[i];
    one.dims[0] = 1;
    size_t part = reid_layout_size (&one, s->layout) / sizeof *out;
    const float *in = at (r, s->in[i]);
    for (int64_t n = 0; n < pictures; n++)
      memcpy (out + n * stride + to, in + n * part, part * sizeof *out);
    to += part;
  }
}

static bool
run_step (const Run *r, const ReidStep *s, ReidError *error)
{
  const float *in = s->n_in ? at (r, s->in[0]) : NULL;
  float *out = at (r, s->out);
  switch (s->kind) {
    case REID_STEP_CHAIN:
      run_chain (r, s);
      return true;
    case REID_STEP_CONV:
    case REID_STEP_POOL:
      return run_conv (r, s, error);
    case REID_STEP_WINOGRAD:
      reid_winograd_run (s->u.winograd.conv, s->u.winograd.threads, in,
                         s->n_in > 1 ? at (r, s->in[1]) : NULL, out,
                         at (r, s->scratch));
      return true;
    case REID_STEP_INNER_PRODUCT:
      return run_inner_product (r, s, error);
    case REID_STEP_CONVERT:
      reid_pass_convert (&s->shape, in, s->layout, out, s->to);
      return true;
    case REID_STEP_COPY:
      memcpy (out, in, s->u.size);
      return true;
    case REID_STEP_NHWC:
      reid_pass_nhwc (&s->shape, s->layout, in, s->u.nhwc.first,
                      s->u.nhwc.count, out);
      return true;
    case REID_STEP_UNARY:
      reid_pass_unary (&s->shape, s->layout, &s->u.unary, r->program->rows, in,
                       out);
      return true;
    case REID_STEP_BINARY:
      reid_pass_binary (&s->shape, s->layout, s->u.binary.kind,
                        s->u.binary.broadcast, s->u.binary.swap, in,
                        s->constant ? s->constant : at (r, s->in[1]), out);
      return true;
    case REID_STEP_AFFINE:
      reid_pass_affine (&s->shape, s->layout, in, s->constant, s->constant2,
                        out);
      return true;
    case REID_STEP_PRELU:
      reid_pass_prelu (&s->shape, s->layout, in, s->constant, out);
      return true;
    case REID_STEP_MATMUL:
      reid_matmul (r->program->rows, s->u.shapes.in, &s->u.shapes.out, in,
                   at (r, s->in[1]), out, at (r, s->scratch));
      return true;
    case REID_STEP_CONCAT:
      run_concat (r, s);
      return true;
    case REID_STEP_REFERENCE:
      break;
  }
  const float **all = (const float **) at (r, s->scratch);
  for (int i = 0; i < s->n_in; i++)
    all[i] = at (r, s->in[i]);
  return reid_reference_op (s->node, all, s->u.shapes.in, out, &s->u.shapes.out,
                            error);
}

bool
reid_program_run (const ReidProgram *program, ReidProgramState *state,
                  const float *const *inputs, float *const *outputs,
                  void *workspace, ReidError *error)
{
  Run r = { program, state, inputs, outputs, workspace };
  for (int i = 0; i < program->n_steps; i++) {
    const ReidStep *s = &program->steps[i];
    if (!run_step (&r, s, error)) {
      if (s->node)
        reid_error_prefix (error, "%s: node %s (%s)", program->graph->file,
                           s->node->name, s->node->type);
      return false;
    }
  }
  return true;
}
