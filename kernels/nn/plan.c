/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/backend.h"
#include "nn/load.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  size_t size, offset;
  int value, first, last; /* the nodes that write and last read it */
} Block;

static int
larger_first (const void *a, const void *b)
{
  const Block *x = a, *y = b;
  if (x->size != y->size)
    return x->size < y->size ? 1 : -1;
  return x->value < y->value ? -1 : 1;
}

/* Greedy by size: the largest value first, each at the lowest offset where
 * nothing that lives at the same time is. (Pisarchyk and Lee, "Efficient
 * Memory Management for Deep Neural Net Inference", 2020.) */
size_t
reid_plan_memory (const ReidGraph *g, const size_t *sizes, size_t *offsets)
{
  size_t n_values = (size_t) g->n_values, total = 0;
  Block *blocks = calloc (n_values + 1, sizeof *blocks);
  int *placed = calloc (n_values + 1, sizeof *placed), n = 0, n_placed = 0;

  if (!blocks || !placed) {
    free (blocks);
    free (placed);
    return SIZE_MAX;
  }
  for (int i = 0; i < g->n_values; i++) {
    blocks[i].value = i;
    blocks[i].first = blocks[i].last = -1;
    blocks[i].size = sizes[i];
    offsets[i] = 0;
  }
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
  qsort (blocks, (size_t) n, sizeof *blocks, larger_first);
  for (int i = 0; i < n; i++) {
    Block *b = &blocks[i];
    size_t at = 0, size;
    int k = 0;
    if (__builtin_add_overflow (b->size, 63, &size)) {
      total = SIZE_MAX;
      break;
    }
    size -= size % 64;
    b->size = size;
    /* `placed` is sorted by offset; every gap is looked at once. */
    for (; k < n_placed; k++) {
      const Block *p = &blocks[placed[k]];
      if (p->last < b->first || b->last < p->first)
        continue;
      if (p->offset >= at && p->offset - at >= size)
        break;
      if (p->offset + p->size > at)
        at = p->offset + p->size;
    }
    size_t end;
    if (__builtin_add_overflow (at, size, &end)) {
      total = SIZE_MAX;
      break;
    }
    b->offset = offsets[b->value] = at;
    total = end > total ? end : total;
    k = n_placed++;
    for (; k > 0 && blocks[placed[k - 1]].offset > at; k--)
      placed[k] = placed[k - 1];
    placed[k] = i;
  }
  free (blocks);
  free (placed);
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
