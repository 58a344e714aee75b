/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <string.h>

/* What older operator sets spell out: layer norm, Gelu, and the bias of a
 * product of rows. */

static bool
is_number (const ReidBuilder *b, int value, double number)
{
  const ReidBuildValue *v = &b->values[value];
  return v->data && reid_shape_count (&v->shape) == 1
         && fabs (v->data[0] - number) <= 1e-5 * fabs (number);
}

static ReidNode *
sole_binary (ReidBuilder *b, int value, ReidBinaryKind kind)
{
  ReidNode *node = reid_sole_producer (b, value, REID_OP_BINARY);
  return node && node->u.binary == kind ? node : NULL;
}

static ReidNode *
sole_unary (ReidBuilder *b, int value, ReidUnaryKind kind)
{
  ReidNode *node = reid_sole_producer (b, value, REID_OP_UNARY);
  return node && node->u.unary.kind == kind ? node : NULL;
}

/* Of a sum or product with this number, the other side; else -1. */
static int
beside (const ReidBuilder *b, const ReidNode *node, double number)
{
  return is_number (b, node->in[1], number)   ? node->in[0]
         : is_number (b, node->in[0], number) ? node->in[1]
                                              : -1;
}

static void
kill (ReidBuilder *b, const ReidNode *node)
{
  b->nodes[b->values[node->out].producer].dead = true;
}

/* The mean of x over all axes from some one on: that axis, else -1. */
static int
mean_axis (const ReidBuilder *b, const ReidNode *mean)
{
  int rank = b->values[mean->in[0]].shape.rank, axis = 0;

  if (mean->u.reduce.kind != REID_REDUCE_MEAN)
    return -1;
  while (axis < rank && !(mean->u.reduce.axes >> axis & 1))
    axis++;
  return mean->u.reduce.axes >> axis == (1u << (rank - axis)) - 1 ? axis : -1;
}

/* (x - mean) / sqrt (mean ((x - mean)^2) + epsilon), the node being the
 * division. */
static bool
fuse_layer_norm (ReidBuilder *b, ReidNode *node)
{
  int d = node->in[0];
  ReidNode *root = sole_unary (b, node->in[1], REID_UNARY_SQRT),
           *sum = root ? sole_binary (b, root->in[0], REID_BINARY_ADD) : NULL;
  ReidNode *variance = NULL, *square, *less, *mean;
  float epsilon = 0;

  for (int k = 0; k < 2 && sum && !variance; k++) {
    const ReidBuildValue *v = &b->values[sum->in[1 - k]];
    variance = reid_sole_producer (b, sum->in[k], REID_OP_REDUCE);
    if (!v->data || reid_shape_count (&v->shape) != 1 || !(v->data[0] >= 0))
      variance = NULL;
    else
      epsilon = v->data[0];
  }
  if (!variance)
    return false;
  square = reid_sole_producer (b, variance->in[0], REID_OP_BINARY);
  if (!square || square->in[0] != d)
    return false;
  bool twice = square->u.binary == REID_BINARY_MUL && square->in[1] == d;
  const ReidBuildValue *v = &b->values[d];
  if ((!twice
       && (square->u.binary != REID_BINARY_POW
           || !is_number (b, square->in[1], 2)))
      || v->uses != (twice ? 3 : 2) || v->is_output || v->producer < 0
      || b->nodes[v->producer].dead)
    return false;
  less = &b->nodes[v->producer].node;
  if (less->op != REID_OP_BINARY || less->u.binary != REID_BINARY_SUB)
    return false;
  mean = reid_sole_producer (b, less->in[1], REID_OP_REDUCE);
  int axis = mean && mean->in[0] == less->in[0] ? mean_axis (b, mean) : -1;
  if (axis < 0 || mean_axis (b, variance) != axis)
    return false;
  ReidNode *norm = reid_node_new (b, REID_OP_LAYER_NORM, 3);
  if (!norm)
    return true;
  norm->u.norm.axis = axis;
  norm->u.norm.epsilon = epsilon;
  norm->in[0] = less->in[0];
  norm->out = node->out;
  b->values[less->in[0]].uses--;
  kill (b, root);
  kill (b, sum);
  kill (b, variance);
  kill (b, square);
  kill (b, mean);
  kill (b, less);
  *node = *norm;
  return false;
}

/* The constant beside `value`, when it is spread over all but the last `rank`
 * axes of it, without those of size 1 before these: -1 where it is not. */
static int
last_axes (ReidBuilder *b, const ReidNode *node, int k, int rank)
{
  const ReidShape *x = &b->values[node->in[k]].shape,
                  *c = &b->values[node->in[1 - k]].shape;
  ReidShape shape = { rank, { 0 } };

  if (!b->values[node->in[1 - k]].data || c->rank < rank || c->rank > x->rank
      || rank > x->rank)
    return -1;
  for (int i = 0; i < c->rank; i++) {
    int at = i - (c->rank - rank);
    if (c->dims[i] != (at < 0 ? 1 : x->dims[x->rank - rank + at]))
      return -1;
    if (at >= 0)
      shape.dims[at] = c->dims[i];
  }
  int made = reid_value_constant (b, &shape);
  if (made >= 0)
    memcpy (b->values[made].data, b->values[node->in[1 - k]].data,
            (size_t) reid_shape_count (&shape) * sizeof (float));
  return made;
}

/* Scale and shift after a layer norm. */
static bool
fuse_into_norm (ReidBuilder *b, ReidNode *node)
{
  int slot = node->u.binary == REID_BINARY_MUL ? 1 : 2;

  for (int k = 0; k < 2; k++) {
    ReidNode *norm = reid_sole_producer (b, node->in[k], REID_OP_LAYER_NORM);
    if (!norm || norm->in[slot] >= 0 || norm->in[2] >= 0)
      continue;
    int made = last_axes (
        b, node, k, b->values[norm->in[0]].shape.rank - norm->u.norm.axis);
    if (made < 0)
      return b->error->status != REID_OK;
    norm->in[slot] = made;
    reid_fuse_rename (b, norm, node->out);
    return true;
  }
  return false;
}

static bool
fuse_bias (ReidBuilder *b, ReidNode *node)
{
  for (int k = 0; k < 2; k++) {
    ReidNode *last = reid_sole_producer (b, node->in[k], REID_OP_RESHAPE);
    int product = last ? last->in[0] : node->in[k];
    ReidNode *gemm = reid_sole_producer (b, product, REID_OP_GEMM);
    if (!gemm || (gemm->n_in > 2 && gemm->in[2] >= 0))
      continue;
    const ReidShape *x = &b->values[node->in[k]].shape;
    if (x->rank < 1
        || x->dims[x->rank - 1] != b->values[gemm->in[1]].shape.dims[0])
      continue;
    int made = last_axes (b, node, k, 1);
    if (made < 0)
      return b->error->status != REID_OK;
    gemm->n_in = 3;
    gemm->in[2] = made;
    reid_fuse_rename (b, last ? last : gemm, node->out);
    return true;
  }
  return false;
}

/* From 1 + erf (x / sqrt 2), as `value`: x, else -1. */
static int
erf_of (ReidBuilder *b, int value, ReidNode **chain)
{
  ReidNode *sum = sole_binary (b, value, REID_BINARY_ADD);
  int e = sum ? beside (b, sum, 1) : -1;
  ReidNode *erf = e < 0 ? NULL : sole_unary (b, e, REID_UNARY_ERF);
  ReidNode *scale =
      erf ? reid_sole_producer (b, erf->in[0], REID_OP_BINARY) : NULL;
  int x = -1;

  if (scale && scale->u.binary == REID_BINARY_DIV
      && is_number (b, scale->in[1], M_SQRT2))
    x = scale->in[0];
  else if (scale && scale->u.binary == REID_BINARY_MUL)
    x = beside (b, scale, M_SQRT1_2);
  chain[0] = sum;
  chain[1] = erf;
  chain[2] = scale;
  return x;
}

/* x * (1 + erf (x / sqrt 2)) * 0.5, the half anywhere; the node is the last of
 * the products. */
static bool
fuse_gelu (ReidBuilder *b, ReidNode *node)
{
  ReidNode *chain[4];
  int x = -1;

  for (int k = 0; k < 2 && x < 0; k++) {
    int half = is_number (b, node->in[1 - k], .5) ? k : -1;
    ReidNode *product = sole_binary (b, node->in[k], REID_BINARY_MUL);
    if (!product)
      continue;
    chain[3] = product;
    for (int j = 0; j < 2 && half >= 0 && x < 0; j++)
      if (erf_of (b, product->in[j], chain) == product->in[1 - j])
        x = product->in[1 - j];
    int halved = half < 0 ? beside (b, product, .5) : -1;
    if (halved >= 0 && erf_of (b, node->in[1 - k], chain) == halved)
      x = halved;
    else if (halved >= 0 && erf_of (b, halved, chain) == node->in[1 - k])
      x = node->in[1 - k];
  }
  if (x < 0)
    return false;
  ReidNode *gelu = reid_node_new (b, REID_OP_UNARY, 1);
  if (!gelu)
    return true;
  gelu->u.unary.kind = REID_UNARY_GELU;
  gelu->in[0] = x;
  gelu->out = node->out;
  b->values[x].uses--;
  for (int i = 0; i < 4; i++)
    kill (b, chain[i]);
  *node = *gelu;
  return false;
}

/* x * tanh (softplus (x)). */
static bool
fuse_mish (ReidBuilder *b, ReidNode *node)
{
  for (int k = 0; k < 2 && node->op == REID_OP_BINARY; k++) {
    ReidNode *tanh = sole_unary (b, node->in[k], REID_UNARY_TANH),
             *plus =
                 tanh ? sole_unary (b, tanh->in[0], REID_UNARY_SOFTPLUS) : NULL;
    int x = node->in[1 - k];
    if (!plus || plus->in[0] != x)
      continue;
    ReidNode *mish = reid_node_new (b, REID_OP_UNARY, 1);
    if (!mish)
      return true;
    mish->u.unary.kind = REID_UNARY_MISH;
    mish->in[0] = x;
    mish->out = node->out;
    b->values[x].uses--;
    kill (b, tanh);
    kill (b, plus);
    *node = *mish;
    return false;
  }
  return false;
}

bool
reid_fuse_chain (ReidBuilder *b, ReidNode *node)
{
  if (node->op != REID_OP_BINARY)
    return false;
  switch (node->u.binary) {
    case REID_BINARY_DIV:
      return fuse_layer_norm (b, node);
    case REID_BINARY_MUL:
      return fuse_into_norm (b, node) || fuse_gelu (b, node)
             || fuse_mish (b, node);
    case REID_BINARY_ADD:
      return fuse_into_norm (b, node) || fuse_bias (b, node);
    default:
      return false;
  }
}
