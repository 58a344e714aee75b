/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/dnnl/compile.h"
#include "nn/dnnl/matmul.h"

#include <stdlib.h>
#include <string.h>

/* Operators that passes of our own run, elementwise or by channel, and products
 * of two matrices neither of which is known before. */

/* `count` floats of a constant of `n` or 1 floats, padded for any layout. */
static float *
channel_constant (const ReidValue *v, int64_t channels)
{
  int64_t count = 1, size = (channels + 15) / 16 * 16;
  for (int i = 0; i < v->rank; i++)
    count *= v->dims[i];
  float *data = calloc (size, sizeof *data);
  for (int64_t i = 0; data && i < channels; i++)
    data[i] = v->data[count == 1 ? 0 : i];
  return data;
}

static int64_t
constant_count (const ReidCompiler *c, int value)
{
  const ReidValue *v = &c->program->graph->values[value];
  int64_t count = 1;
  if (!v->data)
    return -1;
  for (int i = 0; i < v->rank; i++)
    count *= v->dims[i];
  return count;
}

bool
reid_compile_channel (ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *x = &c->shapes[node->in[0]];
  const ReidValue *values = c->program->graph->values;
  int64_t channels = x->rank > 1 ? x->dims[1] : -1;
  bool affine = node->op == REID_OP_AFFINE;
  for (int i = 1; i < (affine ? 3 : 2); i++) {
    int64_t n = constant_count (c, node->in[i]);
    if (n != channels && (affine || n != 1))
      return reid_compile_reference (c, node);
  }
  if (channels < 1)
    return reid_compile_reference (c, node);
  ReidStep *s = reid_compiler_map (
      c, node, affine ? REID_STEP_AFFINE : REID_STEP_PRELU, node->in[0],
      reid_compiler_map_layout (c, node, node->in[0]), 1);
  if (!s)
    return false;
  s->constant = channel_constant (&values[node->in[1]], channels);
  if (affine)
    s->constant2 = channel_constant (&values[node->in[2]], channels);
  return (s->constant && (!affine || s->constant2))
         || reid_compiler_no_memory (c);
}

/* Is the constant one float for each channel of `shape`? */
static bool
by_channel (const ReidValue *v, const ReidShape *shape)
{
  for (int i = 0; i < v->rank; i++) {
    int axis = shape->rank - v->rank + i;
    if (v->dims[i] != (axis == 1 ? shape->dims[1] : 1))
      return false;
  }
  return shape->rank > 1 && v->rank >= shape->rank - 1;
}

/* One number for each channel of each picture: squeeze and excitation. */
bool
reid_compiler_is_gate (const ReidShape *gate, const ReidShape *x)
{
  return gate->rank == 4 && x->rank == 4 && gate->dims[0] == x->dims[0]
         && gate->dims[1] == x->dims[1] && gate->dims[2] == 1
         && gate->dims[3] == 1;
}

bool
reid_compile_binary (ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *y = &c->shapes[node->out];
  const ReidValue *values = c->program->graph->values;
  int a = node->in[0], b = node->in[1];
  bool swap = reid_compiler_is_constant (c, a);
  if (swap) {
    int t = a;
    a = b;
    b = t;
  }
  if (!swap && !reid_compiler_same_shape (&c->shapes[a], y)
      && reid_compiler_same_shape (&c->shapes[b], y)) {
    swap = true;
    a = node->in[1];
    b = node->in[0];
  }
  if (reid_compiler_is_constant (c, a)
      || !reid_compiler_same_shape (&c->shapes[a], y))
    return reid_compile_reference (c, node);
  ReidLayout layout = reid_compiler_map_layout (c, node, a);
  ReidPassBroadcast broadcast;
  if (!reid_compiler_is_constant (c, b)) {
    broadcast = REID_PASS_SAME;
    if (!reid_compiler_same_shape (&c->shapes[b], y)) {
      if (!reid_compiler_is_gate (&c->shapes[b], y))
        return reid_compile_reference (c, node);
      broadcast = REID_PASS_GATE;
    } else if (c->vars[b].in[layout] < 0)
      layout = reid_compiler_map_layout (c, node, b);
  } else if (constant_count (c, b) == 1) {
    broadcast = REID_PASS_SCALAR;
  } else if (by_channel (&values[b], y)) {
    broadcast = REID_PASS_CHANNEL;
  } else {
    return reid_compile_reference (c, node);
  }
  int second = -1;
  if (broadcast == REID_PASS_SAME || broadcast == REID_PASS_GATE) {
    second = reid_compiler_want (c, b, layout);
    if (second < 0)
      return false;
  }
  ReidStep *s = reid_compiler_map (c, node, REID_STEP_BINARY, a, layout,
                                   second >= 0 ? 2 : 1);
  if (!s)
    return false;
  if (second >= 0)
    s->in[1] = second;
  else if (!(s->constant = channel_constant (
                 &values[b], broadcast == REID_PASS_CHANNEL ? y->dims[1] : 1)))
    return reid_compiler_no_memory (c);
  s->u.binary.kind = node->u.binary;
  s->u.binary.broadcast = broadcast;
  s->u.binary.swap = swap;
  return true;
}

bool
reid_compile_unary (ReidCompiler *c, const ReidNode *node)
{
  ReidStep *s =
      reid_compiler_map (c, node, REID_STEP_UNARY, node->in[0],
                         reid_compiler_map_layout (c, node, node->in[0]), 1);
  if (s)
    s->u.unary = node->u.unary;
  return s != NULL;
}

/* Sizes at which nothing of the row kernels can overflow. */
static bool
small_matrices (const ReidShape *a, const ReidShape *b, const ReidShape *y)
{
  for (int k = 0; k < 2; k++) {
    const ReidShape *s = k ? b : a;
    for (int i = s->rank - 2; i < s->rank; i++)
      if (s->dims[i] < 1 || s->dims[i] > 1 << 20)
        return false;
  }
  return a->dims[a->rank - 1] * b->dims[b->rank - 1] <= 1 << 28
         && a->dims[a->rank - 2] * b->dims[b->rank - 1] <= 1 << 28
         && reid_shape_count (y) > 0;
}

bool
reid_compile_matmul (ReidCompiler *c, const ReidNode *node)
{
  const ReidShape *a = &c->shapes[node->in[0]], *b = &c->shapes[node->in[1]],
                  *y = &c->shapes[node->out];
  const ReidRows *rows = c->program->rows;
  if (!rows || !small_matrices (a, b, y))
    return reid_compile_reference (c, node);
  int second = reid_compiler_want (c, node->in[1], REID_LAYOUT_DENSE);
  ReidStep *s = second < 0
                    ? NULL
                    : reid_compiler_map (c, node, REID_STEP_MATMUL, node->in[0],
                                         REID_LAYOUT_DENSE, 2);
  ReidShape *shapes = s ? calloc (2, sizeof *shapes) : NULL;
  if (!shapes)
    return s && reid_compiler_no_memory (c);
  shapes[0] = *a;
  shapes[1] = *b;
  s->in[1] = second;
  s->u.shapes.in = shapes;
  s->u.shapes.out = *y;
  s->scratch = reid_program_add_buffer (
      c->program, REID_BUFFER_WORK,
      reid_matmul_scratch (rows, a, b) * sizeof (float), 0, NULL);
  return s->scratch >= 0 || reid_compiler_no_memory (c);
}
