/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ReidNode *
reid_sole_producer (ReidBuilder *b, int value, ReidOp op)
{
  const ReidBuildValue *v = value < 0 ? NULL : &b->values[value];

  if (!v || v->uses != 1 || v->is_output || v->producer < 0
      || b->nodes[v->producer].dead || b->nodes[v->producer].node.op != op)
    return NULL;
  return &b->nodes[v->producer].node;
}

/* The node now makes `out`, which looks like what it made before. */
void
reid_fuse_rename (ReidBuilder *b, ReidNode *node, int out)
{
  ReidBuildValue *old = &b->values[node->out], *v = &b->values[out];

  v->producer = old->producer;
  v->shape = old->shape;
  v->computed = v->known = true;
  v->batch = old->batch;
  old->producer = -1;
  node->out = out;
}

static int
copy_constant (ReidBuilder *b, int value)
{
  ReidShape shape = b->values[value].shape;
  int copy = reid_value_constant (b, &shape);

  if (copy >= 0)
    memcpy (b->values[copy].data, b->values[value].data,
            (size_t) reid_shape_count (&shape) * sizeof (float));
  return copy;
}

bool
reid_fuse_affine (ReidBuilder *b, int x, int out, const double *scale,
                  const double *shift)
{
  ReidNode *conv = reid_sole_producer (b, x, REID_OP_CONV);
  ReidConv *c;
  ReidShape one = { 1, { 0 } };
  int bias, weight;

  if (!conv)
    return false;
  c = &conv->u.conv;
  if (c->act != REID_ACT_NONE || c->residual >= 0)
    return false;
  const ReidShape w = b->values[conv->in[1]].shape;
  int64_t channels = w.dims[0],
          each = reid_shape_count (&w) / (channels ? channels : 1);
  one.dims[0] = channels;
  /* Weights may serve two convolutions: change a copy, unless they are ours
   * alone. */
  weight = b->values[conv->in[1]].uses == 1 ? conv->in[1]
                                            : copy_constant (b, conv->in[1]);
  bias = reid_value_constant (b, &one);
  if (weight < 0 || bias < 0)
    return true;
  const float *old = c->bias >= 0 ? b->values[conv->in[c->bias]].data : NULL;
  float *wd = b->values[weight].data, *bd = b->values[bias].data;
  for (int64_t i = 0; i < channels; i++) {
    for (int64_t k = 0; k < each; k++)
      wd[i * each + k] = (float) (wd[i * each + k] * scale[i]);
    bd[i] = (float) ((old ? old[i] : 0.0) * scale[i] + shift[i]);
  }
  conv->in[1] = weight;
  c->bias = 2;
  conv->in[2] = bias;
  reid_fuse_rename (b, conv, out);
  return true;
}

/* The activation that this node is, when a convolution can carry it. */
static bool
as_activation (const ReidNode *node, ReidConv *c)
{
  const ReidUnary *u = &node->u.unary;

  c->alpha = c->beta = 0;
  if (node->op == REID_OP_PRELU) {
    c->act = REID_ACT_PRELU;
    return true;
  }
  if (node->op != REID_OP_UNARY)
    return false;
  switch (u->kind) {
    case REID_UNARY_RELU:
      c->act = REID_ACT_RELU;
      return true;
    case REID_UNARY_CLIP:
      c->act = REID_ACT_CLIP;
      c->alpha = u->alpha;
      c->beta = u->beta;
      return true;
    case REID_UNARY_LEAKY_RELU:
      c->act = REID_ACT_LEAKY_RELU;
      c->alpha = u->alpha;
      return true;
    case REID_UNARY_SIGMOID:
      c->act = REID_ACT_SIGMOID;
      return true;
    case REID_UNARY_TANH:
      c->act = REID_ACT_TANH;
      return true;
    default:
      return false;
  }
}

static bool
fuse_activation (ReidBuilder *b, ReidNode *node)
{
  ReidNode *conv = reid_sole_producer (b, node->in[0], REID_OP_CONV);
  ReidConv act = { 0 };

  if (!conv || conv->u.conv.act != REID_ACT_NONE || !as_activation (node, &act))
    return false;
  if (act.act == REID_ACT_PRELU) {
    /* A convolution has one slope a channel. */
    if (b->values[node->in[1]].shape.dims[0]
        != b->values[conv->in[1]].shape.dims[0])
      return false;
    conv->u.conv.slope = 4;
    conv->in[4] = node->in[1];
  }
  conv->u.conv.act = act.act;
  conv->u.conv.alpha = act.alpha;
  conv->u.conv.beta = act.beta;
  reid_fuse_rename (b, conv, node->out);
  return true;
}

/* One number for all, or for each channel, that a convolution is multiplied by
 * or that is added to it. */
static bool
fuse_constant (ReidBuilder *b, ReidNode *node)
{
  int k = b->values[node->in[0]].data ? 1 : 0;
  ReidNode *conv = reid_sole_producer (b, node->in[k], REID_OP_CONV);
  const ReidBuildValue *c = &b->values[node->in[1 - k]];
  ReidBinaryKind kind = node->u.binary;
  bool backwards = k == 1, done;
  double *both;

  if (!conv || !c->data || conv->u.conv.act != REID_ACT_NONE
      || conv->u.conv.residual >= 0 || c->shape.rank > 4
      || (kind == REID_BINARY_DIV && backwards) || kind == REID_BINARY_MIN
      || kind == REID_BINARY_MAX || kind == REID_BINARY_POW)
    return false;
  int64_t channels = b->values[conv->in[1]].shape.dims[0],
          n = reid_shape_count (&c->shape);
  for (int i = 0; i < c->shape.rank; i++)
    if (c->shape.dims[i] != 1
        && (i + 4 - c->shape.rank != 1 || c->shape.dims[i] != channels))
      return false;
  both = malloc ((size_t) channels * 2 * sizeof *both);
  if (!both)
    return reid_build_no_memory (b), true;
  for (int64_t i = 0; i < channels; i++) {
    double v = c->data[n == 1 ? 0 : i];
    both[i] = kind == REID_BINARY_MUL                ? v
              : kind == REID_BINARY_DIV              ? 1 / v
              : kind == REID_BINARY_SUB && backwards ? -1
                                                     : 1;
    both[channels + i] = kind == REID_BINARY_ADD   ? v
                         : kind == REID_BINARY_SUB ? backwards ? v : -v
                                                   : 0;
  }
  done = true;
  for (int64_t i = 0; i < channels; i++)
    done = done && isfinite ((float) both[i]);
  done = done
         && reid_fuse_affine (b, node->in[k], node->out, both, both + channels);
  free (both);
  return done;
}

/* conv (x) + other, where the shapes are certain to be equal. The convolution
 * then runs where the addition stood, since `other` may come after it. */
static bool
fuse_residual (ReidBuilder *b, ReidNode *node)
{
  int best = -1, from = -1;

  for (int k = 0; k < 2; k++) {
    ReidNode *conv = reid_sole_producer (b, node->in[k], REID_OP_CONV);
    const ReidBuildValue *x = &b->values[node->in[k]],
                         *other = &b->values[node->in[1 - k]];
    if (!conv || conv->u.conv.act != REID_ACT_NONE || conv->u.conv.residual >= 0
        || !other->computed || node->in[0] == node->in[1]
        || x->shape.rank != other->shape.rank
        || memcmp (x->shape.dims, other->shape.dims, sizeof x->shape.dims) != 0)
      continue;
    if (x->producer > best) {
      best = x->producer;
      from = k;
    }
  }
  if (best < 0)
    return false;
  ReidNode *moved = reid_arena_alloc (b->arena, 1, sizeof *moved);
  if (!moved)
    return reid_build_no_memory (b), true;
  *moved = b->nodes[best].node;
  b->nodes[best].dead = true;
  moved->u.conv.residual = 3;
  moved->in[3] = node->in[1 - from];
  moved->out = node->out;
  *node = *moved;
  return false;
}

/* x * sigmoid (x) of a convolution that nobody else reads. */
static bool
fuse_swish (ReidBuilder *b, ReidNode *node)
{
  for (int k = 0; k < 2; k++) {
    ReidNode *s = reid_sole_producer (b, node->in[k], REID_OP_UNARY);
    int x = node->in[1 - k];
    ReidBuildValue *v = &b->values[x];
    if (!s || s->u.unary.kind != REID_UNARY_SIGMOID || s->in[0] != x
        || v->uses != 2 || v->is_output || v->producer < 0
        || b->nodes[v->producer].dead)
      continue;
    ReidNode *conv = &b->nodes[v->producer].node;
    if (conv->op != REID_OP_CONV || conv->u.conv.act != REID_ACT_NONE)
      continue;
    b->nodes[b->values[node->in[k]].producer].dead = true;
    conv->u.conv.act = REID_ACT_SWISH;
    reid_fuse_rename (b, conv, node->out);
    return true;
  }
  return false;
}

/* Zeros around the picture are what a convolution pads with itself. */
static bool
fuse_pad (ReidBuilder *b, ReidNode *conv)
{
  ReidNode *pad = reid_sole_producer (b, conv->in[0], REID_OP_PAD);
  const ReidPad *p;
  int *to = conv->u.conv.pad;

  if (!pad)
    return false;
  p = &pad->u.pad;
  if (p->value != 0)
    return false;
  for (int i = 0; i < 2; i++)
    if (p->before[i] || p->after[i]
        || to[i] + p->before[2 + i] > REID_MAX_WINDOW
        || to[2 + i] + p->after[2 + i] > REID_MAX_WINDOW)
      return false;
  for (int i = 0; i < 2; i++) {
    to[i] += (int) p->before[2 + i];
    to[2 + i] += (int) p->after[2 + i];
  }
  b->nodes[b->values[conv->in[0]].producer].dead = true;
  conv->in[0] = pad->in[0];
  return false;
}

bool
reid_fuse (ReidBuilder *b, ReidNode *node)
{
  if (reid_fuse_chain (b, node))
    return true;
  switch (node->op) {
    case REID_OP_CONV:
      return fuse_pad (b, node);
    case REID_OP_UNARY:
    case REID_OP_PRELU:
      return fuse_activation (b, node);
    case REID_OP_BINARY:
      if (fuse_constant (b, node))
        return true;
      if (node->u.binary == REID_BINARY_ADD)
        return fuse_residual (b, node);
      return node->u.binary == REID_BINARY_MUL && fuse_swish (b, node);
    default:
      return false;
  }
}
