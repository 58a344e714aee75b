/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/batch.h"

typedef struct {
  const ReidNode *node;
  const ReidShape *in, *out;
  const int *axes;
  const ReidSymbols *symbols;
  int64_t batch;
} Look;

/* Which axis of the result this axis of input i lines up with. */
static int
aligned (const Look *l, int i, int axis)
{
  return axis + l->out->rank - l->in[i].rank;
}

/* Does a constant hold the same for every picture? */
static bool
spreads (const Look *l, int i, int axis)
{
  int at = axis - (l->out->rank - l->in[i].rank);
  return at < 0 || l->in[i].dims[at] == 1;
}

/* Inputs that are broadcast with each other. */
static int
broadcast_axis (const Look *l)
{
  int axis = REID_AXIS_MIXED;

  for (int i = 0; i < l->node->n_in; i++)
    if (l->axes[i] >= 0) {
      int at = aligned (l, i, l->axes[i]);
      if (axis >= 0 && at != axis)
        return REID_AXIS_MIXED;
      axis = at;
    }
  for (int i = 0; i < l->node->n_in; i++)
    if (axis >= 0 && l->axes[i] < 0 && l->node->in[i] >= 0
        && !spreads (l, i, axis))
      return REID_AXIS_MIXED;
  return axis;
}

/* The last two axes are mixed, but rows of the left and columns of the right
 * are each for themselves. */
static int
matmul_axis (const Look *l)
{
  int axis = broadcast_axis (l), rows = l->out->rank - 2;

  if (axis >= 0 && axis < rows)
    return axis;
  if (l->axes[1] < 0 && l->axes[0] == l->in[0].rank - 2)
    return rows;
  if (l->axes[0] < 0 && l->axes[1] == l->in[1].rank - 1)
    return rows + 1;
  return REID_AXIS_MIXED;
}

/* As many pictures' worth of data must lie before the axis as did before. */
static int
reshape_axis (const Look *l)
{
  ReidProduct before = REID_PRODUCT_ONE, now = REID_PRODUCT_ONE;

  for (int i = 0; i < l->axes[0]; i++)
    if (!reid_product_multiply (&before, l->symbols, l->in[0].dims[i]))
      return REID_AXIS_MIXED;
  for (int i = 0; i < l->out->rank; i++) {
    if (reid_product_equal (&now, &before)
        && reid_size_has (l->symbols, l->out->dims[i], l->batch))
      return i;
    if (!reid_product_multiply (&now, l->symbols, l->out->dims[i]))
      break;
  }
  return REID_AXIS_MIXED;
}

static int
concat_axis (const Look *l)
{
  for (int i = 0; i < l->node->n_in; i++)
    if (l->axes[i] < 0 || l->axes[i] != l->axes[0]
        || l->axes[i] == l->node->u.axis.axis)
      return REID_AXIS_MIXED;
  return l->axes[0];
}

static int
expand_axis (const Look *l)
{
  const ReidExpand *e = &l->node->u.expand;
  int axis = REID_AXIS_MIXED;

  for (int i = 0; i < e->rank && l->node->n_in > 1 && l->axes[1] >= 0; i++)
    if (e->dims[i] == REID_DIM_COPY (l->axes[1]))
      axis = i + l->out->rank - e->rank;
  if (l->axes[0] >= 0) {
    int at = aligned (l, 0, l->axes[0]);
    return axis < 0 || at == axis ? at : REID_AXIS_MIXED;
  }
  return axis >= 0 && spreads (l, 0, axis) ? axis : REID_AXIS_MIXED;
}

static int
node_axis (const Look *l)
{
  const ReidNode *node = l->node;
  int axis = l->axes[0];

  switch (node->op) {
    case REID_OP_BINARY:
      return broadcast_axis (l);
    case REID_OP_MATMUL:
      return matmul_axis (l);
    case REID_OP_CONCAT:
      return concat_axis (l);
    case REID_OP_EXPAND:
      return expand_axis (l);
    default:
      break;
  }
  if (axis < 0)
    return REID_AXIS_MIXED;
  switch (node->op) {
    case REID_OP_CONV:
    case REID_OP_GEMM:
      for (int i = 1; i < node->n_in; i++)
        if (l->axes[i] > 0)
          return REID_AXIS_MIXED;
      return axis == 0 ? 0 : REID_AXIS_MIXED;
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
    case REID_OP_RESIZE:
      return axis < 2 ? axis : REID_AXIS_MIXED;
    case REID_OP_AFFINE:
    case REID_OP_PRELU:
      return axis != 1 ? axis : REID_AXIS_MIXED;
    case REID_OP_LAYER_NORM:
      return axis < node->u.norm.axis ? axis : REID_AXIS_MIXED;
    case REID_OP_REDUCE:
      return node->u.reduce.axes >> axis & 1 ? REID_AXIS_MIXED : axis;
    case REID_OP_SOFTMAX:
      return node->u.axis.axis != axis ? axis : REID_AXIS_MIXED;
    case REID_OP_SLICE:
      return node->u.slice.start[axis] == 0
                     && node->u.slice.end[axis] == INT64_MAX
                     && node->u.slice.step[axis] == 1
                 ? axis
                 : REID_AXIS_MIXED;
    case REID_OP_PAD:
      return node->u.pad.before[axis] == 0 && node->u.pad.after[axis] == 0
                 ? axis
                 : REID_AXIS_MIXED;
    case REID_OP_TRANSPOSE:
      for (int i = 0; i < l->out->rank; i++)
        if (node->u.perm.perm[i] == axis)
          return i;
      return REID_AXIS_MIXED;
    case REID_OP_RESHAPE:
      return reshape_axis (l);
    case REID_OP_UNARY:
      return axis;
    default:
      return REID_AXIS_MIXED;
  }
}

int
reid_node_batch_axis (const ReidNode *node, const ReidShape *in,
                      const int *axes, const ReidShape *out,
                      const ReidSymbols *symbols, int64_t batch)
{
  const Look l = { node, in, out, axes, symbols, batch };
  int axis;

  for (int i = 0; i < node->n_in; i++)
    if (axes[i] == REID_AXIS_MIXED)
      return REID_AXIS_MIXED;
  axis = node_axis (&l);
  if (axis < 0 || axis >= out->rank
      || !reid_size_has (symbols, out->dims[axis], batch))
    return REID_AXIS_MIXED;
  /* A free batch must not come in by another way too. */
  for (int i = 0; i < out->rank && batch < 0; i++)
    if (i != axis && reid_size_has (symbols, out->dims[i], batch))
      return REID_AXIS_MIXED;
  return axis;
}
