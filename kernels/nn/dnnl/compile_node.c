/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"
#include "nn/dnnl/product.h"
#include "nn/dnnl/team.h"

#include <stdlib.h>
#include <string.h>

/* Operators one by one: which kernel runs a node, in which layout. */

ReidLayout
reid_compiler_layout (const ReidCompiler *c, int value)
{
  for (int i = 0; i < REID_LAYOUT_COUNT; i++)
    if (c->vars[value].in[i] >= 0)
      return (ReidLayout) i;
  return REID_LAYOUT_DENSE;
}

bool
reid_compiler_same_shape (const ReidShape *a, const ReidShape *b)
{
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i])
      return false;
  return true;
}

/* One step that reads `value` and writes the node's output, both in `layout`.
 */
ReidStep *
reid_compiler_map (ReidCompiler *c, const ReidNode *node, ReidStepKind kind,
                   int value, ReidLayout layout, int n_in)
{
  int in = reid_compiler_want (c, value, layout);
  int out = in < 0 ? -1 : reid_compiler_make (c, node->out, layout);
  if (out < 0)
    return NULL;
  ReidStep *s = reid_program_add_step (c->program, kind, node, n_in);
  if (!s) {
    reid_compiler_no_memory (c);
    return NULL;
  }
  s->in[0] = in;
  s->out = out;
  s->layout = s->to = layout;
  s->shape = c->shapes[value];
  return s;
}

bool
reid_compiler_is_nhwc (const ReidCompiler *c, const ReidNode *node)
{
  static const int perm[] = { 0, 2, 3, 1 };
  return node->op == REID_OP_TRANSPOSE && c->shapes[node->in[0]].rank == 4
         && !memcmp (node->u.perm.perm, perm, sizeof perm);
}

/* --- operators --- */

bool
reid_compile_reference (ReidCompiler *c, const ReidNode *node)
{
  int *in = calloc (node->n_in + 1, sizeof *in);
  ReidShape *shapes = calloc (node->n_in + 1, sizeof *shapes);
  bool ok = in && shapes;
  if (!ok)
    reid_compiler_no_memory (c);
  for (int i = 0; i < node->n_in && ok; i++) {
    in[i] = -1;
    if (node->in[i] < 0)
      continue;
    shapes[i] = c->shapes[node->in[i]];
    in[i] = reid_compiler_want (c, node->in[i], REID_LAYOUT_DENSE);
    ok = in[i] >= 0;
  }
  int out = ok ? reid_compiler_make (c, node->out, REID_LAYOUT_DENSE) : -1;
  /* The pointers to the inputs. */
  int scratch = out < 0 ? -1
                        : reid_program_add_buffer (
                            c->program, REID_BUFFER_WORK,
                            (node->n_in + 1) * sizeof (float *), 0, NULL);
  ReidStep *s = scratch < 0
                    ? NULL
                    : reid_program_add_step (c->program, REID_STEP_REFERENCE,
                                             node, node->n_in);
  if (!s) {
    if (out >= 0)
      reid_compiler_no_memory (c);
    free (in);
    free (shapes);
    return false;
  }
  memcpy (s->in, in, node->n_in * sizeof *in);
  free (in);
  s->out = out;
  s->scratch = scratch;
  s->u.shapes.in = shapes;
  s->u.shapes.out = c->shapes[node->out];
  return true;
}

static ReidDnnlAct
dnnl_act (ReidActivation act)
{
  switch (act) {
    case REID_ACT_RELU:
    case REID_ACT_LEAKY_RELU:
      return REID_DNNL_RELU;
    case REID_ACT_CLIP:
      return REID_DNNL_CLIP;
    case REID_ACT_SIGMOID:
      return REID_DNNL_SIGMOID;
    case REID_ACT_SWISH:
      return REID_DNNL_SWISH;
    case REID_ACT_TANH:
      return REID_DNNL_TANH;
    case REID_ACT_PRELU: /* a pass of its own */
    case REID_ACT_NONE:
      break;
  }
  return REID_DNNL_LINEAR;
}

/* The threads of libgomp spin for some 10 ms after each piece of work: small
 * ones are not given to them. */
int
reid_compiler_op_threads (ReidCompiler *c, double multiply_adds)
{
  int threads = multiply_adds < 16e6 ? 1 : c->program->threads;
  reid_team_set_limit (threads);
  return threads;
}

bool
reid_compiler_bind_op (ReidCompiler *c, ReidStep *s, ReidDnnlOp *op,
                       int threads)
{
  size_t size = reid_dnnl_scratch_size (op);
  s->u.product.op = op;
  s->u.product.call = c->program->n_calls++;
  s->u.product.threads = threads;
  c->program->led = c->program->led || threads > 1;
  if (size)
    s->scratch =
        reid_program_add_buffer (c->program, REID_BUFFER_WORK, size, 0, NULL);
  return (!size || s->scratch >= 0) || reid_compiler_no_memory (c);
}

static bool
emit_conv (ReidCompiler *c, const ReidNode *node)
{
  const ReidConv *v = &node->u.conv;
  const ReidValue *values = c->program->graph->values;
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  int residual = v->residual < 0 ? -1 : node->in[v->residual];
  int bias = v->bias < 0 ? -1 : node->in[v->bias];
  int slope = v->slope < 0 ? -1 : node->in[v->slope];
  if (x->rank != 4 || !values[node->in[1]].data
      || (bias >= 0 && !values[bias].data)
      || (slope >= 0 && !values[slope].data)
      || (residual >= 0 && !reid_compiler_same_shape (&c->shapes[residual], y))
      || reid_shape_count (y) == 0)
    return reid_compile_reference (c, node);
  bool taken = false;
  if (!reid_compile_winograd (c, node, &taken))
    return false;
  if (taken)
    return true;
  ReidDnnlConv conv = { .n = x->dims[0],
                        .in_channels = x->dims[1],
                        .in = { x->dims[2], x->dims[3] },
                        .out_channels = y->dims[1],
                        .out = { y->dims[2], y->dims[3] },
                        .groups = v->groups,
                        .bias = bias >= 0,
                        .sum = residual >= 0,
                        .act = dnnl_act (v->act) };
  memcpy (conv.kernel, v->kernel, sizeof conv.kernel);
  memcpy (conv.stride, v->stride, sizeof conv.stride);
  memcpy (conv.dilation, v->dilation, sizeof conv.dilation);
  memcpy (conv.pad, v->pad, sizeof conv.pad);
  if (v->act != REID_ACT_RELU) {
    conv.alpha = v->alpha;
    conv.beta = v->beta;
  }
  int threads = reid_compiler_op_threads (c, (double) reid_shape_count (y)
                                                 * x->dims[1] / v->groups
                                                 * v->kernel[0] * v->kernel[1]);
  conv.bf16 = c->program->bf16;
  conv.wide = conv.bf16 && !c->vars[node->out].narrow;
  ReidDnnlOp *op = reid_dnnl_conv (&conv, c->error);
  if (!op && conv.bf16 && !reid_compiler_has_error (c)) {
    c->program->varies |= conv.n > 1;
    conv.bf16 = conv.wide = false;
    op = reid_dnnl_conv (&conv, c->error);
  }
  if (op && threads > 1 && reid_dnnl_splits_sums (op)) {
    reid_dnnl_op_free (op);
    reid_team_set_limit (threads = 1);
    op = reid_dnnl_conv (&conv, c->error);
  }
  if (!op)
    return false;
  if (conv.bf16 && conv.n > 1) {
    conv.n = 1;
    if (!reid_compiler_note_varying (c, op, reid_dnnl_conv (&conv, c->error)))
      return false;
  }
  ReidLayout from = reid_dnnl_src_layout (op), to = reid_dnnl_dst_layout (op);
  const void *weight = reid_weights_dnnl (c->weights, node, op, c->error);
  int in = weight ? reid_compiler_want (c, node->in[0], from) : -1;
  int side = -1;
  if (in >= 0 && residual >= 0)
    side = reid_compiler_want (c, residual, to);
  int out = in >= 0 && (residual < 0 || side >= 0)
                ? reid_compiler_make (c, node->out, to)
                : -1;
  ReidStep *s = out < 0 ? NULL
                        : reid_program_add_step (c->program, REID_STEP_CONV,
                                                 node, residual < 0 ? 1 : 2);
  if (!s) {
    if (out >= 0)
      reid_compiler_no_memory (c);
    reid_dnnl_op_free (op);
    return false;
  }
  s->in[0] = in;
  if (residual >= 0)
    s->in[1] = side;
  s->out = out;
  s->layout = from;
  s->to = to;
  s->shape = *x;
  s->u.product.weight = weight;
  s->u.product.sum = residual >= 0;
  s->u.product.out_shape = *y;
  if (!reid_compiler_bind_op (c, s, op, threads))
    return false;
  if (bias >= 0) {
    s->u.product.bias = reid_weights_bias (c->weights, &node, 1, c->error);
    if (!s->u.product.bias)
      return false;
  }
  if (v->act == REID_ACT_PRELU) {
    s->u.product.slope = reid_weights_slope (c->weights, node, slope,
                                             (int) y->dims[1], c->error);
    if (!s->u.product.slope)
      return false;
  }
  return true;
}

static bool
emit_pool (ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  const ReidPool *v = &node->u.pool;
  bool global = node->op == REID_OP_GLOBAL_AVERAGE_POOL;
  /* A window that ceil_mode lets hang over the edge divides by another number
   * in ONNX than in oneDNN. */
  if (x->rank != 4 || reid_shape_count (y) == 0
      || (node->op == REID_OP_AVERAGE_POOL && v->ceil_mode))
    return reid_compile_reference (c, node);
  ReidDnnlPool pool = { .n = x->dims[0],
                        .channels = x->dims[1],
                        .in = { x->dims[2], x->dims[3] },
                        .out = { y->dims[2], y->dims[3] },
                        .kind = node->op == REID_OP_MAX_POOL ? REID_DNNL_MAX
                                : !global && v->count_include_pad
                                    ? REID_DNNL_AVERAGE_PADDED
                                    : REID_DNNL_AVERAGE };
  for (int i = 0; i < 2; i++) {
    pool.kernel[i] = global ? (int) x->dims[2 + i] : v->kernel[i];
    pool.stride[i] = global ? 1 : v->stride[i];
    pool.pad[i] = global ? 0 : v->pad[i];
    pool.pad[2 + i] = (int) ((pool.out[i] - 1) * pool.stride[i] + pool.kernel[i]
                             - pool.in[i] - pool.pad[i]);
    if (pool.pad[i] >= pool.kernel[i] || pool.pad[2 + i] >= pool.kernel[i])
      return reid_compile_reference (c, node);
  }
  ReidLayout layout = reid_compiler_map_layout (c, node, node->in[0]);
  int threads = reid_compiler_op_threads (
      c, (double) reid_shape_count (y) * pool.kernel[0] * pool.kernel[1]);
  ReidDnnlOp *op = reid_dnnl_pool (&pool, layout, c->error);
  if (!op && layout == REID_LAYOUT_BF16 && !reid_compiler_has_error (c)) {
    c->program->varies |= pool.n > 1;
    layout = REID_LAYOUT_NHWC;
    op = reid_dnnl_pool (&pool, layout, c->error);
  }
  if (!op)
    return false;
  ReidStep *s =
      reid_compiler_map (c, node, REID_STEP_POOL, node->in[0], layout, 1);
  if (!s) {
    reid_dnnl_op_free (op);
    return false;
  }
  s->u.product.out_shape = *y;
  return reid_compiler_bind_op (c, s, op, threads);
}

static bool
emit_inner_product (ReidCompiler *c, const ReidNode *node)
{
  const ReidValue *values = c->program->graph->values;
  const ReidShape *x = &c->shapes[node->in[0]], *y = &c->shapes[node->out];
  int bias = node->n_in > 2 ? node->in[2] : -1;
  const ReidRows *rows = c->program->rows;
  if (x->rank != 2 || y->rank != 2 || !values[node->in[1]].data
      || (bias >= 0
          && (!values[bias].data || values[bias].rank != 1
              || values[bias].dims[0] != y->dims[1]))
      || reid_shape_count (y) == 0 || reid_shape_count (x) == 0
      || x->dims[0] > 1 << 20 || x->dims[1] > 1 << 24 || y->dims[1] > 1 << 24)
    return reid_compile_reference (c, node);
  bool taken = false;
  if (!reid_compile_product_bf16 (c, node, &taken))
    return false;
  if (taken)
    return true;
  ReidStep *s = reid_compiler_map (c, node, REID_STEP_INNER_PRODUCT,
                                   node->in[0], REID_LAYOUT_DENSE, 1);
  if (!s)
    return false;
  s->u.product.out_shape = *y;
  if (bias >= 0 || rows) {
    s->u.product.bias = reid_weights_bias (c->weights, &node, 1, c->error);
    if (!s->u.product.bias)
      return false;
  }
  if (!rows) {
    /* With more than one oneDNN splits the sum, and the last bits change. */
    int threads = reid_compiler_op_threads (c, 1);
    ReidDnnlOp *op = reid_dnnl_inner_product (x->dims[0], x->dims[1],
                                              y->dims[1], bias >= 0, c->error);
    if (!op)
      return false;
    s->u.product.weight = reid_weights_dnnl (c->weights, node, op, c->error);
    return reid_compiler_bind_op (c, s, op, threads) && s->u.product.weight;
  }
  const float *weight = reid_weights_point (c->weights, &node, 1, c->error);
  if (!weight)
    return false;
  int64_t m = y->dims[1], padded = (m + rows->lanes - 1) / rows->lanes;
  s->u.product.point =
      (ReidRowsPoint){ .taps = (int) x->dims[1],
                       .segment = (int) x->dims[1],
                       .blocks = (int) padded,
                       .weight = weight,
                       .bias = s->u.product.bias,
                       .end = { REID_ROWS_LINEAR, 0, 0, NULL } };
  /* A team is not worth waking for less than some 100 microseconds. */
  bool large = x->dims[0] * x->dims[1] * m > 4 << 20;
  s->u.product.threads = large ? c->program->threads : 1;
  size_t scratch = reid_product_scratch (rows, x->dims[0], x->dims[1], m);
  if (scratch > 0) {
    s->scratch = reid_program_add_buffer (c->program, REID_BUFFER_WORK,
                                          scratch * sizeof (float), 0, NULL);
    if (s->scratch < 0)
      return reid_compiler_no_memory (c);
  }
  return true;
}

static bool
emit_reshape (ReidCompiler *c, const ReidNode *node)
{
  if (c->vars[node->in[0]].in[REID_LAYOUT_BF16] >= 0
      && reid_compiler_is_flatten (c, node)) {
    c->vars[node->out].flat = node->in[0];
    return true;
  }
  int in = reid_compiler_want (c, node->in[0], REID_LAYOUT_DENSE);
  c->vars[node->out].in[REID_LAYOUT_DENSE] = in;
  return in >= 0;
}

static bool
emit_transpose (ReidCompiler *c, const ReidNode *node)
{
  ReidVar *v = &c->vars[node->in[0]];
  if (!reid_compiler_is_nhwc (c, node))
    return reid_compile_reference (c, node);
  ReidLayout layout = reid_compiler_layout (c, node->in[0]);
  if (v->slice < 0
      && (layout == REID_LAYOUT_NHWC || layout == REID_LAYOUT_BF16)) {
    int same = reid_compiler_want (c, node->in[0], REID_LAYOUT_NHWC);
    c->vars[node->out].in[REID_LAYOUT_DENSE] = same;
    return same >= 0;
  }
  int in = v->slice;
  if (in < 0)
    in = reid_compiler_want (c, node->in[0], layout);
  int out = in < 0 ? -1 : reid_compiler_make (c, node->out, REID_LAYOUT_DENSE);
  ReidStep *s =
      out < 0 ? NULL
              : reid_program_add_step (c->program, REID_STEP_NHWC, node, 1);
  if (!s)
    return out >= 0 && reid_compiler_no_memory (c);
  s->in[0] = in;
  s->out = out;
  s->layout = v->slice < 0 ? layout : v->slice_layout;
  s->shape = c->shapes[node->in[0]];
  s->u.nhwc.count = (int) s->shape.dims[1];
  if (v->slice >= 0) {
    s->shape.dims[1] = v->slice_channels;
    s->u.nhwc.first = v->slice_first;
  }
  return true;
}

static bool
emit_concat (ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *y = &c->shapes[node->out];
  int axis = node->u.axis.axis;
  ReidLayout layout = node->n_in
                          ? reid_compiler_map_layout (c, node, node->in[0])
                          : REID_LAYOUT_DENSE;
  int lanes = reid_layout_lanes (layout);
  bool blocked = y->rank == 4 && (axis == 1 || axis == -3)
                 && (lanes > 1 || layout == REID_LAYOUT_BF16);
  for (int i = 0; i < node->n_in && blocked; i++)
    blocked = node->in[i] >= 0 && c->shapes[node->in[i]].dims[1] % lanes == 0
              && c->vars[node->in[i]].in[layout] >= 0;
  if (!blocked)
    return reid_compile_reference (c, node);
  ReidStep *s = reid_compiler_map (c, node, REID_STEP_CONCAT, node->in[0],
                                   layout, node->n_in);
  if (!s)
    return false;
  ReidShape *shapes = calloc (node->n_in, sizeof *shapes);
  if (!shapes)
    return reid_compiler_no_memory (c);
  for (int i = 0; i < node->n_in; i++) {
    s->in[i] = c->vars[node->in[i]].in[layout];
    shapes[i] = c->shapes[node->in[i]];
  }
  s->u.shapes.in = shapes;
  s->u.shapes.out = *y;
  return true;
}

bool
reid_compile_node (ReidCompiler *c, int i)
{
  const ReidNode *node = &c->program->graph->nodes[i];
  /* Chains are f32. */
  if (c->program->rows && !c->program->bf16) {
    bool taken = false;
    if (!reid_compile_chain (c, i, &taken))
      return false;
    if (taken)
      return true;
  }
  switch (node->op) {
    case REID_OP_CONV:
      return emit_conv (c, node);
    case REID_OP_GEMM:
      return emit_inner_product (c, node);
    case REID_OP_MAX_POOL:
    case REID_OP_AVERAGE_POOL:
    case REID_OP_GLOBAL_AVERAGE_POOL:
      return emit_pool (c, node);
    case REID_OP_AFFINE:
    case REID_OP_PRELU:
      return reid_compile_channel (c, node);
    case REID_OP_UNARY:
      return reid_compile_unary (c, node);
    case REID_OP_BINARY:
      return reid_compile_binary (c, node);
    case REID_OP_MATMUL:
      return reid_compile_matmul (c, node);
    case REID_OP_RESHAPE:
      return emit_reshape (c, node);
    case REID_OP_TRANSPOSE:
      return emit_transpose (c, node);
    case REID_OP_CONCAT:
      return emit_concat (c, node);
    default:
      return reid_compile_reference (c, node);
  }
}
