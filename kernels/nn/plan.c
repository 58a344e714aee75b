/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/backend.h"
#include "nn/load.h"

#include <stdlib.h>
#include <string.h>

static int
larger_first (const void *a, const void *b)
{
  const ReidBlock *x = *(const ReidBlock *const *) a,
                  *y = *(const ReidBlock *const *) b;
  if (x->size != y->size)
    return x->size < y->size ? 1 : -1;
  return x < y ? -1 : 1;
}

/* The largest first, each at the lowest offset where nothing that lives at the
 * same time is. (Pisarchyk and Lee, "Efficient Memory Management for Deep
 * Neural Net Inference", 2020.) */
size_t
reid_plan_blocks (ReidBlock *blocks, int n, size_t align)
{
  /* in order of size, and those that are placed in order of offset */
  ReidBlock **order = calloc (2 * (size_t) n + 1, sizeof *order),
            **placed = order + n;
  size_t total = 0;

  if (!order)
    return SIZE_MAX;
  for (int i = 0; i < n; i++)
    order[i] = &blocks[i];
  qsort (order, (size_t) n, sizeof *order, larger_first);
  for (int i = 0; i < n; i++) {
    ReidBlock *b = order[i];
    size_t at = 0, end;
    int k = 0;
    if (__builtin_add_overflow (b->size, align - 1, &b->size)) {
      total = SIZE_MAX;
      break;
    }
    b->size -= b->size % align;
    /* Every gap is looked at once. */
    for (; k < i; k++) {
      const ReidBlock *p = placed[k];
      if (p->last < b->first || b->last < p->first)
        continue;
      if (p->offset >= at && p->offset - at >= b->size)
        break;
      if (p->offset + p->size > at)
        at = p->offset + p->size;
    }
    if (__builtin_add_overflow (at, b->size, &end)) {
      total = SIZE_MAX;
      break;
    }
    b->offset = at;
    total = end > total ? end : total;
    for (k = i; k > 0 && placed[k - 1]->offset > at; k--)
      placed[k] = placed[k - 1];
    placed[k] = b;
  }
  free (order);
  return total;
}

size_t
reid_plan_memory (const ReidGraph *g, const size_t *sizes, size_t *offsets)
{
  size_t n_values = (size_t) g->n_values, total;
  ReidBlock *blocks = calloc (n_values + 1, sizeof *blocks);
  int n = 0;

  if (!blocks)
    return SIZE_MAX;
  for (int i = 0; i < g->n_values; i++)
    blocks[i] = (ReidBlock){ sizes[i], 0, -1, -1 };
  for (int i = 0; i < g->n_nodes; i++) {
    const ReidNode *node = &g->nodes[i];
    blocks[node->out].first = blocks[node->out].last = i;
    for (int k = 0; k < node->n_in; k++)
      if (node->in[k] >= 0)
        blocks[node->in[k]].last = i;
  }
  for (int i = 0; i < g->n_outputs; i++)
    blocks[g->outputs[i]].last = g->n_nodes;
  for (int i = 0; i < g->n_values; i++)
    if (blocks[i].size)
      blocks[n++] = blocks[i];
  total = reid_plan_blocks (blocks, n, 64);
  n = 0;
  for (int i = 0; i < g->n_values; i++)
    offsets[i] = sizes[i] ? blocks[n++].offset : 0;
  free (blocks);
  return total;
}

static int64_t
times (int64_t a, int64_t b)
{
  int64_t n;
  return __builtin_mul_overflow (a, b, &n) ? INT64_MAX : n;
}

int64_t
reid_node_work (const ReidNode *node, const ReidShape *in, const ReidShape *out,
                bool products_only)
{
  int64_t n = reid_shape_count (out), area;

  switch (node->op) {
    case REID_OP_CONV:
      return times (n, reid_shape_count (&in[1]) / in[1].dims[0]);
    case REID_OP_GEMM:
      return times (n, in[0].dims[1]);
    case REID_OP_MATMUL:
      return times (n, in[0].dims[in[0].rank - 1]);
    default:
      break;
  }
  if (products_only)
    return 0;
  switch (node->op) {
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
      area = times (node->u.pool.kernel[0], node->u.pool.kernel[1]);
      return times (n, area);
    case REID_OP_GLOBAL_AVERAGE_POOL:
    case REID_OP_REDUCE:
      return reid_shape_count (&in[0]);
    default:
      return n;
  }
}

int64_t
reid_graph_work (const ReidGraph *graph, const ReidShape *shapes,
                 bool products_only)
{
  int64_t sum = 0;

  for (int i = 0; i < graph->n_nodes; i++) {
    const ReidNode *node = &graph->nodes[i];
    ReidShape in[2] = { { 0 }, { 0 } };
    for (int k = 0; k < 2 && k < node->n_in; k++)
      if (node->in[k] >= 0)
        in[k] = shapes[node->in[k]];
    if (__builtin_add_overflow (
            sum, reid_node_work (node, in, &shapes[node->out], products_only),
            &sum))
      return INT64_MAX;
  }
  return sum;
}
