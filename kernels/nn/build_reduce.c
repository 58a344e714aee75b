/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/build.h"

#include <math.h>
#include <string.h>

/* x without the axes of this mask, all of size 1, as output 0. */
static bool
drop_axes (ReidBuilder *b, int x, unsigned axes)
{
  ReidNode *node = reid_node_new (b, REID_OP_RESHAPE, 1);
  int rank = b->values[x].shape.rank;

  if (!node)
    return false;
  for (int i = 0; i < rank; i++)
    if (!(axes >> i & 1))
      node->u.reshape.dims[node->u.reshape.rank++] = REID_DIM_COPY (i);
  node->in[0] = x;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

static bool
read_axes (ReidBuilder *b, int rank, unsigned *mask, bool *nothing)
{
  int64_t axes[REID_MAX_RANK];
  int n, axis;

  *mask = 0;
  *nothing = false;
  if (!reid_ints_input (b, 1, "axes", axes, REID_MAX_RANK, &n))
    return false;
  for (int i = 0; i < n; i++) {
    if (!reid_axis (b, axes[i], rank, &axis))
      return false;
    *mask |= 1u << axis;
  }
  *nothing = n <= 0 && reid_attr_int (b, "noop_with_empty_axes", 0) != 0;
  if (n <= 0)
    *mask = (1u << rank) - 1;
  return true;
}

static bool
reduce (ReidBuilder *b)
{
  static const struct {
    const char *type;
    ReidReduceKind kind;
  } kinds[] = { { "ReduceSum", REID_REDUCE_SUM },
                { "ReduceMean", REID_REDUCE_MEAN },
                { "ReduceMax", REID_REDUCE_MAX },
                { "ReduceMin", REID_REDUCE_MIN },
                { "ReduceL1", REID_REDUCE_L1 },
                { "ReduceL2", REID_REDUCE_L2 },
                { "ReduceSumSquare", REID_REDUCE_SUM_SQUARE } };
  size_t k = 0;
  unsigned axes;
  bool nothing;
  int x;

  while (!reid_bytes_equal (b->at->type, kinds[k].type))
    k++;
  if (!reid_need (b, 0, &x)
      || !read_axes (b, b->values[x].shape.rank, &axes, &nothing))
    return false;
  if (nothing || axes == 0)
    return reid_emit_identity (b, x);
  /* Over height and width the mean is a pooling under another name. */
  bool pool = kinds[k].kind == REID_REDUCE_MEAN && axes == 12
              && b->values[x].shape.rank == 4;
  ReidNode *node =
      reid_node_new (b, pool ? REID_OP_GLOBAL_AVERAGE_POOL : REID_OP_REDUCE, 1);
  if (!node)
    return false;
  node->in[0] = x;
  if (!pool) {
    node->u.reduce.kind = kinds[k].kind;
    node->u.reduce.axes = axes;
  }
  if (reid_attr_int (b, "keepdims", 1)) {
    node->out = reid_output (b, 0);
    return reid_emit (b, node);
  }
  int kept = reid_emit_temporary (b, node);
  return kept >= 0 && drop_axes (b, kept, axes);
}

static bool
global_max_pool (ReidBuilder *b)
{
  ReidNode *node = reid_node_new (b, REID_OP_REDUCE, 1);

  if (!node || !reid_need (b, 0, &node->in[0]))
    return false;
  int rank = b->values[node->in[0]].shape.rank;
  if (rank < 3)
    return reid_build_fail (b, REID_ERROR_FORMAT, "wants pictures");
  node->u.reduce.kind = REID_REDUCE_MAX;
  node->u.reduce.axes = ((1u << rank) - 1) & ~3u;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

/* x divided by its norm; 0 stays 0, as ONNX Runtime has it. */
static bool
lp_normalization (ReidBuilder *b)
{
  int64_t p = reid_attr_int (b, "p", 2);
  ReidShape one = { 0 };
  int x, axis, norm, safe;

  if (!reid_need (b, 0, &x)
      || !reid_axis (b, reid_attr_int (b, "axis", -1), b->values[x].shape.rank,
                     &axis))
    return false;
  if (p != 1 && p != 2)
    return reid_build_fail (b, REID_ERROR_FORMAT, "p is neither 1 nor 2");
  ReidNode *sum = reid_node_new (b, REID_OP_REDUCE, 1),
           *clip = reid_node_new (b, REID_OP_BINARY, 2),
           *divide = reid_node_new (b, REID_OP_BINARY, 2);
  if (!sum || !clip || !divide)
    return false;
  b->values[x].uses++;
  sum->in[0] = x;
  sum->u.reduce.kind = p == 1 ? REID_REDUCE_L1 : REID_REDUCE_L2;
  sum->u.reduce.axes = 1u << axis;
  if ((norm = reid_emit_temporary (b, sum)) < 0)
    return false;
  clip->u.binary = REID_BINARY_MAX;
  clip->in[0] = norm;
  if ((clip->in[1] = reid_value_constant (b, &one)) < 0)
    return false;
  b->values[clip->in[1]].data[0] = 1e-38f;
  if ((safe = reid_emit_temporary (b, clip)) < 0)
    return false;
  divide->u.binary = REID_BINARY_DIV;
  divide->in[0] = x;
  divide->in[1] = safe;
  divide->out = reid_output (b, 0);
  return reid_emit (b, divide);
}

static bool
layer_normalization (ReidBuilder *b)
{
  float epsilon = reid_attr_float (b, "epsilon", 1e-5f);
  int x, axis;

  if (!reid_need (b, 0, &x)
      || !reid_axis (b, reid_attr_int (b, "axis", -1), b->values[x].shape.rank,
                     &axis))
    return false;
  for (int i = 1; i < 3; i++) {
    int other = reid_output (b, i);
    if (other >= 0 && b->values[other].uses)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "its second and third output are not supported");
  }
  if (!(epsilon >= 0) || !isfinite (epsilon))
    return reid_build_fail (b, REID_ERROR_FORMAT, "epsilon is no number");
  const ReidShape shape = b->values[x].shape;
  ReidNode *node = reid_node_new (b, REID_OP_LAYER_NORM, 3);
  if (!node)
    return false;
  for (int i = 1; i < 3; i++) {
    int v = reid_input (b, i);
    if (v < 0)
      continue;
    if (!reid_value_ready (b, v))
      return false;
    if (!b->values[v].data || b->values[v].shape.rank != shape.rank - axis)
      return reid_build_fail (b, REID_ERROR_UNSUPPORTED,
                              "scale and shift must be constants of the "
                              "normalised sizes");
    node->in[i] = v;
  }
  node->u.norm.axis = axis;
  node->u.norm.epsilon = epsilon;
  node->in[0] = x;
  node->out = reid_output (b, 0);
  return reid_emit (b, node);
}

const ReidTranslator reid_translate_reduce[] = {
  { "ReduceSum", reduce },
  { "ReduceMean", reduce },
  { "ReduceMax", reduce },
  { "ReduceMin", reduce },
  { "ReduceL1", reduce },
  { "ReduceL2", reduce },
  { "ReduceSumSquare", reduce },
  { "GlobalMaxPool", global_max_pool },
  { "LpNormalization", lp_normalization },
  { "LayerNormalization", layer_normalization },
  { NULL, NULL }
};
