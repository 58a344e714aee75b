/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/batch.h"

typedef struct {
  const ReidNode *node;
  const ReidShape *in, *out;
  const ReidBatch *batches;
  const ReidSymbols *symbols;
  int64_t size;
} Look;

static const ReidBatch mixed = { REID_AXIS_MIXED, 1 };

static bool
computed (const Look *l, int i)
{
  return l->batches[i].axis >= 0;
}

/* Does a constant hold the same for every picture? */
static bool
spreads (const Look *l, int i, int axis)
{
  int at = axis - (l->out->rank - l->in[i].rank);
  return at < 0 || l->in[i].dims[at] == 1;
}

/* Inputs that are broadcast with each other. */
static ReidBatch
broadcast_batch (const Look *l)
{
  ReidBatch all = mixed;

  for (int i = 0; i < l->node->n_in; i++)
    if (computed (l, i)) {
      int at = l->batches[i].axis + l->out->rank - l->in[i].rank;
      if (all.axis >= 0 && (at != all.axis || l->batches[i].outer != all.outer))
        return mixed;
      all = (ReidBatch){ at, l->batches[i].outer };
    }
  return all;
}

static ReidBatch
binary_batch (const Look *l)
{
  ReidBatch all = broadcast_batch (l);

  for (int i = 0; i < l->node->n_in && all.axis >= 0; i++)
    if (!computed (l, i) && !spreads (l, i, all.axis))
      return mixed;
  return all;
}

/* The last two axes are mixed, but rows of the left and columns of the right
 * are each for themselves. */
static ReidBatch
matmul_batch (const Look *l)
{
  int rows = l->out->rank - 2;

  if (!computed (l, 1) && l->batches[0].axis == l->in[0].rank - 2)
    return (ReidBatch){ rows, l->batches[0].outer };
  if (!computed (l, 0) && l->batches[1].axis == l->in[1].rank - 1)
    return (ReidBatch){ rows + 1, l->batches[1].outer };
  ReidBatch all = binary_batch (l);
  return all.axis < rows ? all : mixed;
}

/* As many pieces must lie in front of the batch as did before. */
static ReidBatch
reshape_batch (const Look *l)
{
  ReidProduct pieces = REID_PRODUCT_ONE, now = REID_PRODUCT_ONE;

  for (int i = 0; i < l->batches[0].axis; i++)
    if (!reid_product_multiply (&pieces, l->symbols, l->in[0].dims[i]))
      return mixed;
  if (!reid_product_multiply (&pieces, NULL, l->batches[0].outer))
    return mixed;
  for (int i = 0; i < l->out->rank; i++) {
    ReidProduct here = REID_PRODUCT_ONE, before = now;
    int64_t outer;
    if (now.literal < 1 || pieces.literal % now.literal)
      break;
    outer = pieces.literal / now.literal;
    before.literal = pieces.literal;
    if (!reid_product_multiply (&here, l->symbols, l->out->dims[i]))
      break;
    if (reid_product_equal (&before, &pieces) && here.literal % outer == 0) {
      here.literal /= outer;
      if (here.n == 0 ? l->size > 0 && here.literal % l->size == 0
                      : reid_size_has (l->symbols, l->out->dims[i], l->size))
        return (ReidBatch){ i, outer };
    }
    if (!reid_product_multiply (&now, l->symbols, l->out->dims[i]))
      break;
  }
  return mixed;
}

/* All computed, along the same axis, in the same way. */
static ReidBatch
concat_batch (const Look *l)
{
  ReidBatch first = l->batches[0];

  for (int i = 0; i < l->node->n_in; i++)
    if (!computed (l, i) || l->batches[i].axis != first.axis
        || l->batches[i].outer != first.outer)
      return mixed;
  return first.axis != l->node->u.axis.axis ? first : mixed;
}

static ReidBatch
expand_batch (const Look *l)
{
  const ReidExpand *e = &l->node->u.expand;
  ReidBatch like = mixed, own = l->batches[0];

  for (int i = 0; i < e->rank && l->node->n_in > 1 && computed (l, 1); i++)
    if (e->dims[i] == REID_DIM_COPY (l->batches[1].axis))
      like = (ReidBatch){ i + l->out->rank - e->rank, l->batches[1].outer };
  if (!computed (l, 0))
    return like.axis >= 0 && spreads (l, 0, like.axis) ? like : mixed;
  own.axis += l->out->rank - l->in[0].rank;
  return like.axis < 0 || (like.axis == own.axis && like.outer == own.outer)
             ? own
             : mixed;
}

static ReidBatch
conv_batch (const Look *l)
{
  for (int i = 1; i < l->node->n_in; i++)
    if (computed (l, i)
        && (l->batches[i].axis != 0
            || l->batches[i].outer != l->batches[0].outer))
      return mixed;
  return l->batches[0].axis == 0 ? l->batches[0] : mixed;
}

static bool
whole_axis (const ReidSlice *s, int axis)
{
  return s->start[axis] == 0 && s->end[axis] == INT64_MAX && s->step[axis] == 1;
}

static ReidBatch
turned (const Look *l, ReidBatch batch)
{
  for (int i = 0; i < l->out->rank; i++)
    if (l->node->u.perm.perm[i] == batch.axis)
      return (ReidBatch){ i, batch.outer };
  return mixed;
}

/* Of operators that keep the axis, if they do not mix along it. */
static bool
keeps (const ReidNode *node, int axis)
{
  switch (node->op) {
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
    case REID_OP_RESIZE:
      return axis < 2;
    case REID_OP_AFFINE:
    case REID_OP_PRELU:
      return axis != 1;
    case REID_OP_LAYER_NORM:
      return axis < node->u.norm.axis;
    case REID_OP_REDUCE:
      return !(node->u.reduce.axes >> axis & 1);
    case REID_OP_SOFTMAX:
      return node->u.axis.axis != axis;
    case REID_OP_SLICE:
      return whole_axis (&node->u.slice, axis);
    case REID_OP_PAD:
      return node->u.pad.before[axis] == 0 && node->u.pad.after[axis] == 0;
    case REID_OP_UNARY:
      return true;
    default:
      return false;
  }
}

static ReidBatch
node_batch (const Look *l)
{
  ReidBatch first = l->batches[0];

  switch (l->node->op) {
    case REID_OP_BINARY:
      return binary_batch (l);
    case REID_OP_MATMUL:
      return matmul_batch (l);
    case REID_OP_CONCAT:
      return concat_batch (l);
    case REID_OP_EXPAND:
      return expand_batch (l);
    default:
      break;
  }
  if (first.axis < 0)
    return mixed;
  switch (l->node->op) {
    case REID_OP_CONV:
    case REID_OP_GEMM:
      return conv_batch (l);
    case REID_OP_TRANSPOSE:
      return turned (l, first);
    case REID_OP_RESHAPE:
      return reshape_batch (l);
    default:
      return keeps (l->node, first.axis) ? first : mixed;
  }
}

ReidBatch
reid_node_batch (const ReidNode *node, const ReidShape *in,
                 const ReidBatch *batches, const ReidShape *out,
                 const ReidSymbols *symbols, int64_t size)
{
  const Look l = { node, in, out, batches, symbols, size };
  ReidBatch batch;

  for (int i = 0; i < node->n_in; i++)
    if (batches[i].axis == REID_AXIS_MIXED)
      return mixed;
  batch = node_batch (&l);
  if (batch.axis < 0 || batch.axis >= out->rank
      || !reid_size_has (symbols, out->dims[batch.axis], size))
    return mixed;
  /* A free batch must not come in by another way too. */
  for (int i = 0; i < out->rank && size < 0; i++)
    if (i != batch.axis && reid_size_has (symbols, out->dims[i], size))
      return mixed;
  return batch;
}
