/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"
#include "nn/dnnl/passes_bf16.h"

/* Which values of a bf16 program are in bf16. */

void
reid_compiler_choose_bf16 (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  for (int i = g->n_nodes - 1; i >= 0; i--) {
    const ReidNode *n = &g->nodes[i];
    ReidVar *in = n->n_in && n->in[0] >= 0 ? &c->vars[n->in[0]] : NULL;
    bool on = c->vars[n->out].narrow;
    switch (n->op) {
      case REID_OP_CONV:
      case REID_OP_GEMM:
        in->narrow = true;
        break;
      case REID_OP_BINARY:
      case REID_OP_CONCAT:
        for (int k = 0; k < n->n_in; k++)
          if (n->in[k] >= 0)
            c->vars[n->in[k]].narrow |= on;
        break;
      case REID_OP_MAX_POOL:
      case REID_OP_AVERAGE_POOL:
      case REID_OP_GLOBAL_AVERAGE_POOL:
      case REID_OP_AFFINE:
      case REID_OP_PRELU:
      case REID_OP_UNARY:
      case REID_OP_RESHAPE:
        in->narrow |= on;
        break;
      default:
        break;
    }
  }
}

ReidLayout
reid_compiler_map_layout (const ReidCompiler *c, const ReidNode *node,
                          int value)
{
  const ReidVar *v = &c->vars[value];
  const ReidShape *x = &c->shapes[value];
  if (v->in[REID_LAYOUT_BF16] < 0)
    return reid_compiler_layout (c, value);
  if (c->vars[node->out].narrow && x->rank > 1
      && x->dims[1] <= REID_BF16_CHANNELS)
    return REID_LAYOUT_BF16;
  return REID_LAYOUT_NHWC;
}

/* [n][c][h][w] to [n][c * h * w]. */
bool
reid_compiler_is_flatten (const ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  return x->rank == 4 && y->rank == 2 && x->dims[0] == y->dims[0];
}
