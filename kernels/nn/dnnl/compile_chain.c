/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Which layers are run as one chain of row kernels. */

#define MAX_KERNEL 16
#define MAX_EXTENT (1 << 20)
#define MAX_SIBLINGS 8

/* The rings of a chain must stay in the second-level cache beside the weights;
 * 1.25 MiB is what server cores of 2021 have, 1 MiB those before. */
#define RING_FLOATS (768 * 1024 / 4)

/* Below this many multiply-adds a team of threads costs more than it saves. */
#define WORTH_A_TEAM (1 << 20)

typedef struct {
  const ReidNode *node[MAX_SIBLINGS]; /* more than one: side by side */
  int n;
  int main, side; /* values that it reads; side -1 = none */
  ReidStage stage;
} Link;

bool
reid_compiler_small (const ReidShape *s)
{
  if (s->rank != 4)
    return false;
  for (int i = 0; i < 4; i++)
    if (s->dims[i] < 1 || s->dims[i] > MAX_EXTENT)
      return false;
  return s->dims[2] * s->dims[3] <= INT32_MAX / 64;
}

static bool
constant_channels (const ReidCompiler *c, int value, int64_t channels)
{
  const ReidValue *v = &c->program->graph->values[value];
  int64_t count = 1;
  for (int i = 0; i < v->rank; i++)
    count *= v->dims[i];
  return v->data && (count == channels || count == 1);
}

bool
reid_compiler_end (const ReidCompiler *c, const ReidNode *node,
                   ReidRowsEpilogue *end)
{
  const ReidConv *v = &node->u.conv;
  switch (v->act) {
    case REID_ACT_NONE:
      *end = (ReidRowsEpilogue){ REID_ROWS_LINEAR, 0, 0, NULL };
      break;
    case REID_ACT_RELU:
      *end = (ReidRowsEpilogue){ REID_ROWS_CLIP, 0, INFINITY, NULL };
      break;
    case REID_ACT_CLIP:
      *end = (ReidRowsEpilogue){ REID_ROWS_CLIP, v->alpha, v->beta, NULL };
      /* The lanes beyond the last channel must stay zero. */
      if (v->alpha > 0 || v->beta < 0)
        return false;
      break;
    case REID_ACT_LEAKY_RELU:
      end->kind = REID_ROWS_SLOPE;
      break;
    case REID_ACT_PRELU:
      if (!constant_channels (c, node->in[v->slope],
                              c->shapes[node->out].dims[1]))
        return false;
      end->kind = REID_ROWS_SLOPE;
      break;
    case REID_ACT_SWISH:
      *end = (ReidRowsEpilogue){ REID_ROWS_SWISH, 0, 0, NULL };
      break;
    default:
      return false;
  }
  return true;
}

bool
reid_compiler_slope (ReidCompiler *c, const ReidNode *node,
                     ReidRowsEpilogue *end)
{
  const ReidConv *v = &node->u.conv;
  if (end->kind != REID_ROWS_SLOPE)
    return true;
  end->slope = reid_weights_slope (
      c->weights, node, v->act == REID_ACT_PRELU ? node->in[v->slope] : -1,
      (int) c->shapes[node->out].dims[1], c->error);
  return end->slope;
}

static const ReidNode *
maker (const ReidCompiler *c, int value)
{
  const ReidGraph *g = c->program->graph;
  for (int i = 0; i < g->n_nodes; i++)
    if (g->nodes[i].out == value)
      return &g->nodes[i];
  return NULL;
}

/* The Pad that made the value, where all it did was to append channels of
 * zeros and nobody else reads it: a residual with fewer channels than the sum
 * is as good. */
static const ReidNode *
widened (const ReidCompiler *c, int value)
{
  const ReidVar *v = &c->vars[value];
  const ReidNode *pad = maker (c, value);
  if (!pad || pad->op != REID_OP_PAD || v->n_uses != 1 || v->is_output
      || pad->u.pad.value != 0 || !reid_compiler_small (&c->shapes[pad->in[0]])
      || reid_compiler_is_constant (c, pad->in[0]))
    return NULL;
  for (int i = 0; i < 4; i++)
    if (pad->u.pad.before[i] || pad->u.pad.after[i] < 0
        || (i != 1 && pad->u.pad.after[i]))
      return NULL;
  return pad;
}

static bool
link_conv (const ReidCompiler *c, const ReidNode *node, Link *l)
{
  const ReidConv *v = &node->u.conv;
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  ReidStage *s = &l->stage;
  bool plain = true, point = true;
  for (int i = 0; i < 2; i++) {
    plain = plain && v->dilation[i] == 1 && v->kernel[i] <= MAX_KERNEL
            && v->stride[i] <= MAX_KERNEL && v->pad[i] >= 0
            && v->pad[i] < v->kernel[i];
    point = point && v->kernel[i] == 1 && v->stride[i] == 1 && !v->pad[i]
            && !v->pad[2 + i];
    s->kernel[i] = v->kernel[i];
    s->stride[i] = v->stride[i];
    s->pad[i] = v->pad[i];
  }
  if (!plain || !reid_compiler_is_constant (c, node->in[1])
      || (v->bias >= 0 && !reid_compiler_is_constant (c, node->in[v->bias])))
    return false;
  if (!reid_compiler_end (c, node, &s->end))
    return false;
  l->side = v->residual < 0 ? -1 : node->in[v->residual];
  s->side_channels = (int) y->dims[1];
  if (l->side >= 0 && !reid_compiler_same_shape (&c->shapes[l->side], y))
    return false;
  s->side = l->side >= 0;
  if (v->groups == 1 && point) {
    const ReidNode *pad = l->side < 0 ? NULL : widened (c, l->side);
    s->kind = REID_STAGE_POINT;
    if (pad) {
      l->side = pad->in[0];
      s->side_channels = (int) c->shapes[l->side].dims[1];
    }
  } else if (v->groups == 1 && x->dims[1] <= 4 && l->side < 0)
    s->kind = REID_STAGE_SMALL;
  else if (v->groups == x->dims[1] && x->dims[1] == y->dims[1] && l->side < 0)
    s->kind = REID_STAGE_DEPTH;
  else
    return false;
  return true;
}

static bool
link_pool (const ReidNode *node, Link *l)
{
  const ReidPool *v = &node->u.pool;
  l->stage.kind = REID_STAGE_MAX_POOL;
  for (int i = 0; i < 2; i++) {
    if (v->kernel[i] > MAX_KERNEL || v->stride[i] > MAX_KERNEL || v->pad[i] < 0
        || v->pad[i] >= v->kernel[i])
      return false;
    l->stage.kernel[i] = v->kernel[i];
    l->stage.stride[i] = v->stride[i];
    l->stage.pad[i] = v->pad[i];
  }
  return true;
}

/* A resize that only repeats pixels and is read by one addition alone. Returns
 * that node, or NULL. */
static const ReidNode *
repeated_for (const ReidCompiler *c, const ReidNode *resize, int *factor)
{
  if (!resize || resize->op != REID_OP_RESIZE
      || resize->u.resize.kind != REID_RESIZE_NEAREST_ASYMMETRIC_FLOOR)
    return NULL;
  const ReidVar *v = &c->vars[resize->out];
  if (v->n_uses != 1 || v->is_output)
    return NULL;
  const ReidNode *add = &c->program->graph->nodes[v->uses[0]];
  const ReidShape *x = &c->shapes[resize->in[0]], *y = &c->shapes[resize->out];
  if (add->op != REID_OP_BINARY || add->u.binary != REID_BINARY_ADD
      || !reid_compiler_small (x) || !reid_compiler_small (y)
      || x->dims[1] != y->dims[1] || x->dims[0] != y->dims[0])
    return NULL;
  int other = add->in[add->in[0] == resize->out];
  int64_t f = y->dims[2] / x->dims[2];
  if (f < 1 || x->dims[2] * f != y->dims[2] || x->dims[3] * f != y->dims[3]
      || reid_compiler_is_constant (c, other)
      || !reid_compiler_same_shape (&c->shapes[other], y))
    return NULL;
  /* 10 pixels times 2.05 are 20 too, but not each of them twice. */
  for (int i = 0; i < 2; i++)
    if (resize->u.resize.scale[i] != 0
        && resize->u.resize.scale[i] != (double) f)
      return NULL;
  *factor = (int) f;
  return add;
}

/* The addition that does the resize's work, or NULL. It does that of one, the
 * first, where both of its sides are such. */
static const ReidNode *
repeated_into (const ReidCompiler *c, const ReidNode *resize, int *factor)
{
  const ReidNode *add = repeated_for (c, resize, factor);
  int unused;
  if (add && add->in[1] == resize->out
      && repeated_for (c, maker (c, add->in[0]), &unused))
    return NULL;
  return add;
}

static bool
link_add (const ReidCompiler *c, const ReidNode *node, int from, Link *l)
{
  const ReidShape *y = &c->shapes[node->out];
  if (node->u.binary != REID_BINARY_ADD || node->in[0] == node->in[1])
    return false;
  l->stage.kind = REID_STAGE_ADD_UP;
  l->stage.side = true;
  l->stage.side_channels = (int) y->dims[1];
  l->stage.end.kind = REID_ROWS_LINEAR;
  for (int i = 0; i < 2; i++) {
    l->stage.kernel[i] = l->stage.stride[i] = 1;
    l->stage.pad[i] = 0;
    const ReidNode *resize = maker (c, node->in[i]);
    if (repeated_into (c, resize, &l->stage.factor) == node) {
      l->main = node->in[1 - i];
      l->side = resize->in[0];
      return true;
    }
  }
  for (int i = 0; i < 2; i++)
    if (reid_compiler_is_constant (c, node->in[i])
        || !reid_compiler_same_shape (&c->shapes[node->in[i]], y))
      return false;
  l->stage.factor = 1;
  l->main = node->in[0];
  l->side = node->in[1];
  if (from == l->side) {
    l->side = l->main;
    l->main = from;
  }
  return true;
}

static bool
link_gate (const ReidCompiler *c, const ReidNode *node, Link *l)
{
  const ReidShape *y = &c->shapes[node->out];
  if (node->u.binary != REID_BINARY_MUL)
    return false;
  for (int i = 0; i < 2; i++) {
    const ReidShape *gate = &c->shapes[node->in[i]];
    if (!reid_compiler_is_gate (gate, y) || reid_compiler_same_shape (gate, y)
        || !reid_compiler_same_shape (&c->shapes[node->in[1 - i]], y)
        || reid_compiler_is_constant (c, node->in[i]))
      continue;
    l->main = node->in[1 - i];
    l->side = node->in[i];
    l->stage.kind = REID_STAGE_GATE;
    l->stage.side = true;
    l->stage.side_channels = (int) y->dims[1];
    l->stage.end.kind = REID_ROWS_LINEAR;
    for (int k = 0; k < 2; k++)
      l->stage.kernel[k] = l->stage.stride[k] = 1;
    return true;
  }
  return false;
}

/* The node as a stage that follows value `from` (-1: that begins a chain). */
static bool
link_node (const ReidCompiler *c, const ReidNode *node, int from, Link *l)
{
  memset (l, 0, sizeof *l);
  l->node[0] = node;
  l->n = 1;
  l->main = node->n_in ? node->in[0] : -1;
  l->side = -1;
  if (l->main < 0 || !reid_compiler_small (&c->shapes[node->out]))
    return false;
  bool ok = node->op == REID_OP_CONV       ? link_conv (c, node, l)
            : node->op == REID_OP_MAX_POOL ? link_pool (node, l)
            : node->op == REID_OP_BINARY
                ? link_add (c, node, from, l) || link_gate (c, node, l)
                : false;
  if (!ok || !reid_compiler_small (&c->shapes[l->main])
      || reid_compiler_is_constant (c, l->main))
    return false;
  const ReidShape *x = &c->shapes[l->main], *y = &c->shapes[node->out];
  l->stage.in_channels = (int) x->dims[1];
  l->stage.out_channels = (int) y->dims[1];
  for (int i = 0; i < 2; i++) {
    l->stage.in[i] = (int) x->dims[2 + i];
    l->stage.out[i] = (int) y->dims[2 + i];
  }
  return true;
}

/* --- siblings --- */

static bool
node_done (const ReidCompiler *c, const ReidNode *node)
{
  return c->done[node - c->program->graph->nodes];
}

static bool
same_window (const ReidStage *a, const ReidStage *b)
{
  return !memcmp (a->kernel, b->kernel, sizeof a->kernel)
         && !memcmp (a->stride, b->stride, sizeof a->stride)
         && !memcmp (a->pad, b->pad, sizeof a->pad)
         && !memcmp (a->out, b->out, sizeof a->out)
         && a->end.kind == b->end.kind && a->end.lo == b->end.lo
         && a->end.hi == b->end.hi;
}

/* The heads of a detector: several 1x1 convolutions of one value to very few
 * channels, each followed by a depthwise one. Side by side they fill the lanes
 * that each alone would leave empty. Their outputs must go to transposes to
 * NHWC only, which can read some channels of the whole. `begun` is the one of
 * them that is being compiled, or NULL; the links are left alone on false. */
static bool
link_siblings (const ReidCompiler *c, int value, const ReidNode *begun,
               Link *point, Link *depth)
{
  const ReidGraph *g = c->program->graph;
  const ReidVar *v = &c->vars[value];
  int lanes = c->program->rows->lanes, channels = 0, blocks = 0;
  Link points, depths;
  if (v->n_uses < 2 || v->n_uses > MAX_SIBLINGS || v->is_output)
    return false;
  for (int i = 0; i < v->n_uses; i++) {
    const ReidNode *node = &g->nodes[v->uses[i]];
    Link p, d;
    if ((node != begun && node_done (c, node))
        || !link_node (c, node, value, &p) || p.main != value
        || p.stage.kind != REID_STAGE_POINT || p.side >= 0
        || p.stage.end.kind != REID_ROWS_LINEAR
        || c->vars[node->out].n_uses != 1 || c->vars[node->out].is_output)
      return false;
    const ReidNode *next = &g->nodes[c->vars[node->out].uses[0]];
    const ReidVar *out = &c->vars[next->out];
    if (node_done (c, next) || !link_node (c, next, node->out, &d)
        || d.main != node->out || d.stage.kind != REID_STAGE_DEPTH
        || d.stage.end.kind == REID_ROWS_SLOPE || out->is_output)
      return false;
    for (int k = 0; k < out->n_uses; k++)
      if (!reid_compiler_is_nhwc (c, &g->nodes[out->uses[k]]))
        return false;
    channels += p.stage.out_channels;
    blocks += (p.stage.out_channels + lanes - 1) / lanes;
    if (i == 0) {
      points = p;
      depths = d;
    } else if (!same_window (&p.stage, &points.stage)
               || !same_window (&d.stage, &depths.stage)) {
      return false;
    }
    points.node[i] = node;
    depths.node[i] = next;
    points.n = depths.n = i + 1;
  }
  if ((channels + lanes - 1) / lanes >= blocks)
    return false;
  points.stage.out_channels = depths.stage.in_channels =
      depths.stage.out_channels = channels;
  *point = points;
  *depth = depths;
  return true;
}

/* --- chains --- */

static void
mark_done (ReidCompiler *c, const Link *l)
{
  for (int i = 0; i < l->n; i++)
    c->done[l->node[i] - c->program->graph->nodes] = true;
}

static bool
side_ready (const ReidCompiler *c, const Link *l)
{
  return l->side < 0 || c->vars[l->side].ready;
}

static bool
load_weights (ReidCompiler *c, Link *l)
{
  ReidStage *s = &l->stage;
  if (s->kind == REID_STAGE_MAX_POOL || s->kind == REID_STAGE_ADD_UP
      || s->kind == REID_STAGE_GATE)
    return true;
  s->weight = s->kind == REID_STAGE_DEPTH
                  ? reid_weights_depth (c->weights, l->node, l->n, c->error)
                  : reid_weights_point (c->weights, l->node, l->n, c->error);
  s->bias = reid_weights_bias (c->weights, l->node, l->n, c->error);
  if (!reid_compiler_slope (c, l->node[0], &s->end))
    return false;
  return s->weight && s->bias;
}

/* Into how many bands each picture is cut: threads take whole pictures where
 * that gives all of them the same to do. */
static int
bands_of (const ReidCompiler *c, int value)
{
  int64_t pictures = c->shapes[value].dims[0];
  int threads = c->program->threads;
  return pictures % threads == 0 || pictures >= 4 * threads ? 1 : threads;
}

/* Adds the stage unless that would make the chain slower. */
static bool
append (ReidChain *chain, const ReidStage *stage, int bands)
{
  if (chain->n == REID_CHAIN_MAX)
    return false;
  /* Bands repeat the rows at their borders, and a border grows with each
   * window that follows at a finer scale. */
  if (bands > 1 && chain->n > 0 && chain->stage[chain->n - 1].stride[0] > 1
      && chain->n > 1)
    return false;
  chain->stage[chain->n++] = *stage;
  reid_chain_plan (chain);
  if (chain->n > 1 && chain->scratch > RING_FLOATS) {
    chain->n--;
    reid_chain_plan (chain);
    return false;
  }
  return true;
}

static double
multiply_adds (const ReidChain *chain)
{
  double sum = 0;
  for (int i = 0; i < chain->n; i++) {
    const ReidStage *s = &chain->stage[i];
    double taps = (double) s->kernel[0] * s->kernel[1];
    if (s->kind == REID_STAGE_POINT || s->kind == REID_STAGE_SMALL)
      taps *= s->in_channels;
    sum += taps * s->out_channels * s->out[0] * s->out[1];
  }
  return sum;
}

/* Fills links[] and the chain from node i on; the number of links. */
static int
grow (ReidCompiler *c, int i, ReidChain *chain, Link *links)
{
  const ReidGraph *g = c->program->graph;
  int n = 0, value = -1;
  Link l, m;
  if (!link_node (c, &g->nodes[i], -1, &l))
    return 0;
  int bands = bands_of (c, l.main);
  if (link_siblings (c, l.main, &g->nodes[i], &l, &m)) {
    append (chain, &l.stage, bands);
    links[n++] = l;
    if (append (chain, &m.stage, 1)) {
      links[n++] = m;
      return n;
    }
    /* Too wide to be a pair: one by one. */
    memset (chain->stage, 0, sizeof chain->stage);
    chain->n = n = 0;
    link_node (c, &g->nodes[i], -1, &l);
  }
  append (chain, &l.stage, bands);
  links[n++] = l;
  for (value = g->nodes[i].out; !c->vars[value].is_output;) {
    const ReidVar *v = &c->vars[value];
    if (chain->n + 2 <= REID_CHAIN_MAX
        && link_siblings (c, value, NULL, &l, &m)) {
      if (append (chain, &l.stage, bands)) {
        if (append (chain, &m.stage, 1)) {
          links[n++] = l;
          links[n++] = m;
        } else {
          chain->n--;
          reid_chain_plan (chain);
        }
      }
      break;
    }
    if (v->n_uses != 1)
      break;
    const ReidNode *next = &g->nodes[v->uses[0]];
    if (node_done (c, next) || !link_node (c, next, value, &l)
        || l.main != value || l.stage.kind == REID_STAGE_SMALL
        || !side_ready (c, &l) || !append (chain, &l.stage, bands))
      break;
    links[n++] = l;
    value = next->out;
  }
  return n;
}

static bool
emit_chain (ReidCompiler *c, ReidChain *chain, Link *links, int n)
{
  const ReidRows *rows = c->program->rows;
  ReidLayout blocked =
      rows->lanes == 16 ? REID_LAYOUT_BLOCK16 : REID_LAYOUT_BLOCK8;
  const Link *last = &links[n - 1];
  int sides[REID_CHAIN_MAX];
  int in = reid_compiler_want (
      c, links[0].main,
      chain->stage[0].kind == REID_STAGE_SMALL ? REID_LAYOUT_DENSE : blocked);
  if (in < 0)
    return false;
  for (int i = 0; i < n; i++) {
    if (!load_weights (c, &links[i]))
      return false;
    chain->stage[i] = links[i].stage;
    sides[i] = -1;
    if (links[i].side >= 0
        && (sides[i] = reid_compiler_want (c, links[i].side, blocked)) < 0)
      return false;
  }
  reid_chain_plan (chain);

  int out;
  if (last->n == 1) {
    out = reid_compiler_make (c, last->node[0]->out, blocked);
    if (out < 0)
      return false;
    c->vars[last->node[0]->out].ready = true;
  } else {
    ReidShape shape = c->shapes[last->node[0]->out];
    shape.dims[1] = last->stage.out_channels;
    out = reid_program_add_buffer (c->program, REID_BUFFER_WORK,
                                   reid_layout_size (&shape, blocked), 0, NULL);
    if (out < 0)
      return reid_compiler_no_memory (c);
    int first = 0;
    for (int i = 0; i < last->n; i++) {
      ReidVar *v = &c->vars[last->node[i]->out];
      v->slice = out;
      v->slice_layout = blocked;
      v->slice_first = first;
      v->slice_channels = last->stage.out_channels;
      v->ready = true;
      first += (int) c->shapes[last->node[i]->out].dims[1];
    }
  }

  int64_t pictures = c->shapes[links[0].main].dims[0];
  int members = c->program->threads, bands = bands_of (c, links[0].main);
  if (bands > last->stage.out[0])
    bands = last->stage.out[0];
  if (members > pictures * bands)
    members = (int) pictures * bands;
  if (multiply_adds (chain) * (double) pictures < WORTH_A_TEAM)
    members = bands = 1;
  size_t size;
  int scratch = -1;
  if (!__builtin_mul_overflow (chain->scratch * sizeof (float),
                               (size_t) members, &size))
    scratch =
        reid_program_add_buffer (c->program, REID_BUFFER_WORK, size, 0, NULL);
  ReidStep *s = scratch < 0
                    ? NULL
                    : reid_program_add_step (c->program, REID_STEP_CHAIN,
                                             links[0].node[0], 1 + n);
  if (!s)
    return reid_compiler_no_memory (c);
  s->u.chain.chain = malloc (sizeof *chain);
  if (!s->u.chain.chain)
    return reid_compiler_no_memory (c);
  *s->u.chain.chain = *chain;
  s->u.chain.members = members;
  s->u.chain.bands = bands;
  s->in[0] = in;
  memcpy (s->in + 1, sides, n * sizeof *sides);
  s->out = out;
  s->scratch = scratch;
  s->layout = s->to = blocked;
  s->shape = c->shapes[links[0].main];
  return true;
}

/* Does the node that reads the value alone do its work too? */
static bool
absorbed (const ReidCompiler *c, const ReidNode *node)
{
  int factor;
  Link l;
  if (repeated_into (c, node, &factor))
    return true;
  if (node->op != REID_OP_PAD || widened (c, node->out) != node)
    return false;
  const ReidNode *reader =
      &c->program->graph->nodes[c->vars[node->out].uses[0]];
  return reader->op == REID_OP_CONV && reader->u.conv.residual >= 0
         && reader->in[reader->u.conv.residual] == node->out
         && link_node (c, reader, -1, &l) && l.side == node->in[0];
}

bool
reid_compile_chain (ReidCompiler *c, int i, bool *taken)
{
  const ReidNode *node = &c->program->graph->nodes[i];
  if (absorbed (c, node)) {
    *taken = true;
    return true;
  }
  ReidChain *chain = calloc (1, sizeof *chain);
  Link *links = calloc (REID_CHAIN_MAX, sizeof *links);
  bool ok = chain && links;
  if (!ok)
    reid_compiler_no_memory (c);
  if (ok) {
    chain->rows = c->program->rows;
    int n = grow (c, i, chain, links);
    *taken = n > 0;
    if (n > 0) {
      for (int k = 0; k < n; k++)
        mark_done (c, &links[k]);
      ok = emit_chain (c, chain, links, n);
    }
  }
  free (chain);
  free (links);
  return ok;
}
