/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"
#include "nn/dnnl/team.h"

#include <stdlib.h>
#include <string.h>

/* --- values and buffers --- */

/* The node and the file are named by those who go through the graph. */
bool
reid_compiler_no_memory (ReidCompiler *c)
{
  return reid_error_set (c->error, REID_ERROR_MEMORY,
                         "no memory to compile it");
}

bool
reid_compiler_is_constant (const ReidCompiler *c, int value)
{
  return c->program->graph->values[value].data != NULL;
}

static int
make_size (ReidCompiler *c, int value, ReidLayout layout, size_t size)
{
  ReidVar *v = &c->vars[value];
  bool out = layout == REID_LAYOUT_DENSE && v->output >= 0;
  v->in[layout] = reid_program_add_buffer (
      c->program, out ? REID_BUFFER_OUTPUT : REID_BUFFER_WORK, size,
      out ? v->output : 0, NULL);
  if (v->in[layout] < 0)
    reid_compiler_no_memory (c);
  return v->in[layout];
}

int
reid_compiler_make (ReidCompiler *c, int value, ReidLayout layout)
{
  size_t size = reid_layout_size (&c->shapes[value], layout);
  if (!size && reid_shape_count (&c->shapes[value]) != 0) {
    reid_error_set (c->error, REID_ERROR_MEMORY,
                    "value %s is larger than the address space",
                    c->program->graph->values[value].name);
    return -1;
  }
  return make_size (c, value, layout, size);
}

int
reid_compiler_want (ReidCompiler *c, int value, ReidLayout layout)
{
  ReidVar *v = &c->vars[value];
  if (v->in[layout] >= 0)
    return v->in[layout];
  const float *data = c->program->graph->values[value].data;
  if (data && layout == REID_LAYOUT_DENSE) {
    v->in[layout] =
        reid_program_add_buffer (c->program, REID_BUFFER_CONSTANT, 0, 0, data);
    if (v->in[layout] < 0)
      reid_compiler_no_memory (c);
    return v->in[layout];
  }
  int from = data ? REID_LAYOUT_DENSE : 0;
  while (!data && from < REID_LAYOUT_COUNT && v->in[from] < 0)
    from++;
  if (from == REID_LAYOUT_COUNT && v->flat >= 0) {
    v->in[REID_LAYOUT_DENSE] =
        reid_compiler_want (c, v->flat, REID_LAYOUT_DENSE);
    return v->in[REID_LAYOUT_DENSE] < 0 ? -1
                                        : reid_compiler_want (c, value, layout);
  }
  if (from == REID_LAYOUT_COUNT) {
    reid_error_set (c->error, REID_ERROR_DEVICE,
                    "value %s is read before it is made",
                    c->program->graph->values[value].name);
    return -1;
  }
  /* No conversion leads from blocks to bf16, or back. */
  if ((layout == REID_LAYOUT_BF16 && reid_layout_lanes (from) > 1)
      || (from == REID_LAYOUT_BF16 && reid_layout_lanes (layout) > 1))
    from = REID_LAYOUT_DENSE;
  int source = reid_compiler_want (c, value, (ReidLayout) from);
  int to = source < 0 ? -1 : reid_compiler_make (c, value, layout);
  if (to < 0)
    return -1;
  ReidStep *s = reid_program_add_step (c->program, REID_STEP_CONVERT, NULL, 1);
  if (!s) {
    reid_compiler_no_memory (c);
    return -1;
  }
  s->in[0] = source;
  s->out = to;
  s->layout = (ReidLayout) from;
  s->to = layout;
  s->shape = c->shapes[value];
  return to;
}

/* --- the whole graph --- */

static bool
count_uses (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  int total = 0;
  for (int i = 0; i < g->n_nodes; i++)
    for (int j = 0; j < g->nodes[i].n_in; j++)
      if (g->nodes[i].in[j] >= 0) {
        c->vars[g->nodes[i].in[j]].n_uses++;
        total++;
      }
  c->uses = calloc (total + 1, sizeof *c->uses);
  if (!c->uses)
    return reid_compiler_no_memory (c);
  int at = 0;
  for (int i = 0; i < g->n_values; i++) {
    c->vars[i].uses = c->uses + at;
    at += c->vars[i].n_uses;
    c->vars[i].n_uses = 0;
  }
  for (int i = 0; i < g->n_nodes; i++)
    for (int j = 0; j < g->nodes[i].n_in; j++)
      if (g->nodes[i].in[j] >= 0) {
        ReidVar *v = &c->vars[g->nodes[i].in[j]];
        v->uses[v->n_uses++] = i;
      }
  return true;
}

/* Which values are written straight into the caller's outputs: the outputs,
 * and what becomes one by a mere change of shape or in place. */
static void
choose_outputs (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  for (int i = g->n_outputs - 1; i >= 0; i--) {
    c->vars[g->outputs[i]].is_output = true;
    c->vars[g->outputs[i]].output = i;
  }
  for (int i = 0; i < g->n_inputs; i++)
    c->vars[g->inputs[i]].output = -1;
  for (int i = g->n_nodes - 1; i >= 0; i--) {
    const ReidNode *n = &g->nodes[i];
    if (n->op != REID_OP_RESHAPE && n->op != REID_OP_UNARY)
      continue;
    ReidVar *in = &c->vars[n->in[0]];
    bool input = false;
    for (int k = 0; k < g->n_inputs; k++)
      input = input || g->inputs[k] == n->in[0];
    if (in->n_uses == 1 && !in->is_output && !input
        && !reid_compiler_is_constant (c, n->in[0]))
      in->output = c->vars[n->out].output;
  }
}

static bool
bring_outputs (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  for (int i = 0; i < g->n_outputs; i++) {
    int from = reid_compiler_want (c, g->outputs[i], REID_LAYOUT_DENSE);
    if (from < 0)
      return false;
    const ReidBuffer *b = &c->program->buffers[from];
    if (b->kind == REID_BUFFER_OUTPUT && b->index == i)
      continue;
    size_t size =
        reid_layout_size (&c->shapes[g->outputs[i]], REID_LAYOUT_DENSE);
    int to =
        reid_program_add_buffer (c->program, REID_BUFFER_OUTPUT, size, i, NULL);
    ReidStep *s =
        to < 0 ? NULL
               : reid_program_add_step (c->program, REID_STEP_COPY, NULL, 1);
    if (!s)
      return reid_compiler_no_memory (c);
    s->in[0] = from;
    s->out = to;
    s->u.size = size;
  }
  return true;
}

static bool
compile (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  for (int i = 0; i < g->n_values; i++) {
    ReidVar *v = &c->vars[i];
    for (int k = 0; k < REID_LAYOUT_COUNT; k++)
      v->in[k] = -1;
    v->slice = v->output = v->flat = -1;
  }
  if (!count_uses (c))
    return false;
  choose_outputs (c);
  if (c->program->bf16)
    reid_compiler_choose_bf16 (c);
  for (int i = 0; i < g->n_inputs; i++) {
    int b = reid_program_add_buffer (
        c->program, REID_BUFFER_INPUT,
        reid_layout_size (&c->shapes[g->inputs[i]], REID_LAYOUT_DENSE), i,
        NULL);
    if (b < 0)
      return reid_compiler_no_memory (c);
    c->vars[g->inputs[i]].in[REID_LAYOUT_DENSE] = b;
    c->vars[g->inputs[i]].ready = true;
  }
  for (int i = 0; i < g->n_nodes; i++) {
    if (c->done[i])
      continue;
    c->done[i] = true;
    if (!reid_compile_node (c, i)) {
      reid_error_prefix (c->error, "node %s (%s)", g->nodes[i].name,
                         g->nodes[i].type);
      return false;
    }
    c->vars[g->nodes[i].out].ready = true;
  }
  return bring_outputs (c) && reid_program_place (c->program, c->error);
}

ReidProgram *
reid_program_new (const ReidGraph *graph, ReidWeights *weights,
                  const ReidShape *shapes, int threads, ReidError *error)
{
  ReidCompiler c = { .weights = weights, .shapes = shapes, .error = error };
  c.program = calloc (1, sizeof *c.program);
  c.vars = calloc (graph->n_values + 1, sizeof *c.vars);
  c.done = calloc (graph->n_nodes + 1, sizeof *c.done);
  bool ok = c.program && c.vars && c.done;
  if (!ok)
    reid_compiler_no_memory (&c);
  if (ok) {
    c.program->graph = graph;
    c.program->rows = reid_weights_rows (weights);
    c.program->bf16 = reid_weights_bf16 (weights);
    c.program->threads = threads;
    /* oneDNN builds its primitives for the caller's number of threads. */
    int before = reid_team_limit ();
    reid_team_set_limit (threads);
    ok = compile (&c);
    reid_team_set_limit (before);
  }
  free (c.vars);
  free (c.done);
  free (c.uses);
  if (ok)
    return c.program;
  reid_error_prefix (error, "%s", graph->file);
  reid_program_free (c.program);
  return NULL;
}
