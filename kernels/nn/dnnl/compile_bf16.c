/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"
#include "nn/dnnl/passes_bf16.h"

/* Which values of a bf16 program are in bf16, and its inner products. */

/* Weights that are read from memory for a few sums each are half of it in bf16;
 * of small ones nothing is gained. */
static bool
worth (const ReidCompiler *c, const ReidNode *gemm)
{
  const ReidValue *weight = &c->program->graph->values[gemm->in[1]];
  return weight->data && weight->dims[0] * weight->dims[1] >= 1 << 16;
}

static void
narrow_if (ReidCompiler *c, const ReidNode *node, int input, bool narrow)
{
  if (input >= 0 && input < node->n_in && node->in[input] >= 0)
    c->vars[node->in[input]].narrow |= narrow;
}

void
reid_compiler_choose_bf16 (ReidCompiler *c)
{
  const ReidGraph *g = c->program->graph;
  for (int i = g->n_nodes - 1; i >= 0; i--) {
    const ReidNode *n = &g->nodes[i];
    bool on = c->vars[n->out].narrow;
    switch (n->op) {
      case REID_OP_CONV:
        narrow_if (c, n, 0, true);
        narrow_if (c, n, n->u.conv.residual, on);
        break;
      case REID_OP_GEMM:
        narrow_if (c, n, 0, worth (c, n));
        break;
      case REID_OP_BINARY:
      case REID_OP_CONCAT:
        for (int k = 0; k < n->n_in; k++)
          narrow_if (c, n, k, on);
        break;
      case REID_OP_MAX_POOL:
      case REID_OP_AVERAGE_POOL:
      case REID_OP_GLOBAL_AVERAGE_POOL:
      case REID_OP_AFFINE:
      case REID_OP_PRELU:
      case REID_OP_UNARY:
      case REID_OP_RESHAPE:
        narrow_if (c, n, 0, on);
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

/* --- products --- */

bool
reid_compiler_has_error (const ReidCompiler *c)
{
  return c->error && c->error->status != REID_OK;
}

bool
reid_compiler_note_varying (ReidCompiler *c, ReidDnnlOp *op, ReidDnnlOp *one)
{
  if (!one && reid_compiler_has_error (c)) {
    reid_dnnl_op_free (op);
    return false;
  }
  if (!one || !reid_dnnl_alike (op, one))
    c->program->varies = true;
  reid_dnnl_op_free (one);
  return true;
}

/* On one thread: with more oneDNN splits the sum, and the last bits change. */
bool
reid_compile_product_bf16 (ReidCompiler *c, const ReidNode *node, bool *taken)
{
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  int flat = c->vars[node->in[0]].flat;
  int64_t channels = x->dims[1], pixels = 1;
  bool bias = node->n_in > 2 && node->in[2] >= 0;
  if (!c->program->bf16 || !worth (c, node))
    return true;
  if (flat >= 0) {
    channels = c->shapes[flat].dims[1];
    pixels = c->shapes[flat].dims[2] * c->shapes[flat].dims[3];
  }
  int threads = reid_compiler_op_threads (c, 1);
  ReidDnnlOp *op = reid_dnnl_inner_product_bf16 (x->dims[0], channels, pixels,
                                                 y->dims[1], bias, c->error);
  if (!op) {
    c->program->varies |= x->dims[0] > 1;
    return !reid_compiler_has_error (c);
  }
  *taken = true;
  if (x->dims[0] > 1
      && !reid_compiler_note_varying (
          c, op,
          reid_dnnl_inner_product_bf16 (1, channels, pixels, y->dims[1], bias,
                                        c->error)))
    return false;
  const void *weight = reid_weights_dnnl (c->weights, node, op, c->error);
  int in = weight ? reid_compiler_want (c, flat >= 0 ? flat : node->in[0],
                                        REID_LAYOUT_BF16)
                  : -1;
  int out = in < 0 ? -1 : reid_compiler_make (c, node->out, REID_LAYOUT_DENSE);
  ReidStep *s = out < 0 ? NULL
                        : reid_program_add_step (
                            c->program, REID_STEP_INNER_PRODUCT, node, 1);
  if (!s) {
    if (out >= 0)
      reid_compiler_no_memory (c);
    reid_dnnl_op_free (op);
    return false;
  }
  s->in[0] = in;
  s->out = out;
  s->layout = REID_LAYOUT_BF16;
  s->shape = *x;
  s->u.product.weight = weight;
  s->u.product.out_shape = *y;
  if (!reid_compiler_bind_op (c, s, op, threads))
    return false;
  if (bias)
    s->u.product.bias = reid_weights_bias (c->weights, &node, 1, c->error);
  return !bias || s->u.product.bias;
}
