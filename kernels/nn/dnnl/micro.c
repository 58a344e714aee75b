/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/micro.h"

#include <stdlib.h>
#include <unistd.h>

/* More save next to nothing and leave threads without work at the end. */
#define MOST 8

static double
cache_size (void)
{
  long size = sysconf (_SC_LEVEL2_CACHE_SIZE);
  return size > 0 ? (double) size : 1 << 20;
}

/* What a node reads, of one picture, and writes. */
static double
activations (const ReidGraph *g, const ReidNode *node, const ReidShape *one)
{
  double count = (double) reid_shape_count (&one[node->out]);
  for (int i = 0; i < node->n_in; i++)
    if (node->in[i] >= 0 && !g->values[node->in[i]].data)
      count += (double) reid_shape_count (&one[node->in[i]]);
  return count;
}

/* Numbers that one picture of `n` costs from beyond the second-level cache,
 * which holds `room`. */
static double
traffic (const ReidGraph *g, const ReidShape *one, double room, int64_t n)
{
  double weights = 0, sum = 0;
  for (int i = 0; i < g->n_nodes; i++) {
    const ReidNode *node = &g->nodes[i];
    if (node->op == REID_OP_RESHAPE)
      continue;
    double size = activations (g, node, one);
    if (size * (double) n > room)
      sum += size;
    if (node->op == REID_OP_CONV || node->op == REID_OP_GEMM)
      weights += (double) reid_shape_count (&one[node->in[1]]);
  }
  return sum + (weights > room / 2 ? weights / (double) n : 0);
}

int64_t
reid_micro_batch (const ReidGraph *graph, const ReidShape *one, size_t element,
                  int64_t pictures)
{
  const char *asked = getenv ("REID_DNNL_MICRO_BATCH");
  double room = cache_size () / (double) element, least = 0, alone = 0;
  int64_t best = 1;
  if (asked && atoi (asked) > 0)
    return atoi (asked) < pictures ? atoi (asked) : pictures;
  for (int64_t n = 1; n <= pictures && n <= MOST; n++) {
    double each = traffic (graph, one, room, n);
    alone = n == 1 ? each : alone;
    double all = each * (double) (pictures - pictures % n)
                 + alone * (double) (pictures % n);
    if (n == 1 || all < least) {
      least = all;
      best = n;
    }
  }
  return best;
}
